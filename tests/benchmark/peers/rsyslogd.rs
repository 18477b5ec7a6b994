//! A real rsyslogd with a socket, a TCP port and one file of lines.

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};

use rustix::process::Signal;

use super::{Running, command, count_lines};
use crate::inbox::eventually;

pub(crate) const PROGRAM: &str = "/usr/sbin/rsyslogd";

pub(crate) struct Rsyslogd {
    _running: Running,
    folder: PathBuf,
    port: u16,
}

impl Rsyslogd {
    pub(crate) fn start(folder: &Path) -> anyhow::Result<Self> {
        fs::create_dir(folder)?;
        let here = folder.display();
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let config = folder.join("rsyslog.conf");
        fs::write(
            &config,
            format!(
                r#"
                global(workDirectory="{here}" net.enableDNS="off")
                main_queue(queue.size="200000")
                module(load="imuxsock" SysSock.Use="off")
                module(load="imtcp")
                input(type="imuxsock" Socket="{here}/log" RateLimit.Interval="0")
                input(type="imtcp" address="127.0.0.1" port="{port}")
                action(type="omfile" file="{here}/received")
                "#
            ),
        )?;
        let mut rsyslogd = command(PROGRAM);
        rsyslogd
            .args(["-n", "-f"])
            .arg(&config)
            .arg("-i")
            .arg(folder.join("pid"))
            .stderr(File::create(folder.join("stderr"))?);
        let running = Running::start(&mut rsyslogd, Signal::TERM)?;
        eventually("rsyslogd listens", || {
            TcpStream::connect(("127.0.0.1", port)).ok()
        })?;
        Ok(Self {
            _running: running,
            folder: folder.to_owned(),
            port,
        })
    }

    /// The path of its socket.
    pub(crate) fn socket(&self) -> String {
        self.folder.join("log").display().to_string()
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// How many lines it has written.
    pub(crate) fn received(&self) -> u64 {
        count_lines(&self.folder.join("received"), |line| {
            line.contains(" monit")
        })
    }
}
