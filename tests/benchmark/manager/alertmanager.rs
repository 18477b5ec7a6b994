//! Debian's prometheus-alertmanager, alone and telling nobody.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::ensure;

const PROGRAM: &str = "/usr/bin/prometheus-alertmanager";
const PATIENCE: Duration = Duration::from_mins(1);

/// Makes sure that it is there.
pub(crate) fn require() -> anyhow::Result<()> {
    ensure!(
        Path::new(PROGRAM).exists(),
        "{PROGRAM} is missing: run tests/all once, it installs what is measured"
    );
    Ok(())
}

/// A running one.
pub(crate) struct Alertmanager {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Alertmanager {
    pub(crate) fn start(folder: &Path) -> anyhow::Result<Self> {
        let config = folder.join("alertmanager.yml");
        fs::write(
            &config,
            "route:\n  receiver: nobody\nreceivers:\n- name: nobody\n",
        )?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", PROGRAM])
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.path={}", folder.display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--cluster.listen-address=")
            .arg("--log.level=error")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.join("alertmanager.log"))?)
            .spawn()?;
        let alertmanager = Self { child, address };
        let start = Instant::now();
        while TcpStream::connect(address).is_err() {
            ensure!(start.elapsed() < PATIENCE, "{PROGRAM} does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(alertmanager)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
