//! A real snmptrapd of net-snmp, with a community and a user of its own.

use std::fs::{self, File};
use std::net::UdpSocket;
use std::path::{Path, PathBuf};

use rustix::process::Signal;

use super::{Running, command, count_lines};
use crate::inbox::eventually;

pub(crate) const PROGRAM: &str = "/usr/sbin/snmptrapd";

/// How it is told.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Notification {
    V2cTrap,
    /// Signed with SHA-256, encrypted with AES-128.
    V3Inform,
}

pub(crate) struct Snmptrapd {
    _running: Running,
    folder: PathBuf,
    port: u16,
    password: PathBuf,
}

impl Snmptrapd {
    pub(crate) fn start(folder: &Path) -> anyhow::Result<Self> {
        fs::create_dir(folder)?;
        let password = secret(folder, "password", "password-of-the-benchmark")?;
        let port = UdpSocket::bind("127.0.0.1:0")?.local_addr()?.port();
        let config = folder.join("snmptrapd.conf");
        fs::write(
            &config,
            "authCommunity log password-of-the-benchmark\n\
             createUser bench SHA-256 password-of-the-benchmark AES password-of-the-benchmark\n\
             authUser log bench priv\n\
             format2 TOLD %P %v\\n\n",
        )?;
        let address = format!("127.0.0.1:{port}");
        let mut snmptrapd = command(PROGRAM);
        snmptrapd
            .args(["-f", "-C", "-n", "-m", "", "-c"])
            .arg(&config)
            .arg("-Lf")
            .arg(folder.join("received"))
            .arg("-p")
            .arg(folder.join("pid"))
            .arg(format!("udp:{address}"))
            .env("SNMPCONFPATH", folder.join("nothing"))
            .env("SNMP_PERSISTENT_DIR", folder.join("persistent"))
            .stderr(File::create(folder.join("stderr"))?);
        let running = Running::start(&mut snmptrapd, Signal::TERM)?;
        eventually("snmptrapd listens", || {
            UdpSocket::bind(&address).is_err().then_some(())
        })?;
        Ok(Self {
            _running: running,
            folder: folder.to_owned(),
            port,
            password,
        })
    }

    /// A sink's section that tells it.
    pub(crate) fn section(&self, notification: Notification) -> String {
        let target = format!("target = \"udp:127.0.0.1:{}\"", self.port);
        let password = self.password.display();
        match notification {
            Notification::V2cTrap => format!(
                "{target}\nversion = \"v2c\"\nkind = \"trap\"\ncommunity_file = \"{password}\""
            ),
            Notification::V3Inform => format!(
                "{target}\nversion = \"v3\"\nkind = \"inform\"\nuser = \"bench\"\n\
                 auth = {{ protocol = \"sha256\", password_file = \"{password}\" }}\n\
                 priv = {{ protocol = \"aes128\", password_file = \"{password}\" }}"
            ),
        }
    }

    /// How many notifications it has written down.
    pub(crate) fn received(&self) -> u64 {
        count_lines(&self.folder.join("received"), |line| {
            line.starts_with("TOLD ")
        })
    }
}

/// A file that nobody else may read.
pub(crate) fn secret(folder: &Path, name: &str, text: &str) -> anyhow::Result<PathBuf> {
    let path = folder.join(name);
    fs::write(&path, text)?;
    rustix::fs::chmod(&path, rustix::fs::Mode::from_raw_mode(0o600))?;
    Ok(path)
}
