//! A real exim that takes every mail on a port of the loopback and throws it away.

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::chown;
use std::path::Path;

use anyhow::Context;
use rustix::process::Signal;

use super::{Running, command};
use crate::inbox::eventually;

pub(crate) const PROGRAM: &str = "/usr/sbin/exim4";
/// The user that Debian's package makes and that its exim runs as.
const USER: &str = "Debian-exim";

pub(crate) struct Exim {
    _running: Running,
    port: u16,
}

impl Exim {
    pub(crate) fn start(folder: &Path) -> anyhow::Result<Self> {
        fs::create_dir(folder)?;
        let (user, group) = ids()?;
        for name in ["spool", "log"] {
            fs::create_dir(folder.join(name))?;
            chown(folder.join(name), Some(user), Some(group))?;
        }
        // It has to get to its folder, which is in one that is this user's alone.
        for above in folder.ancestors().take(3) {
            rustix::fs::chmod(above, rustix::fs::Mode::from_raw_mode(0o755))?;
        }
        let here = folder.display();
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let config = folder.join("exim.conf");
        fs::write(
            &config,
            format!(
                "primary_hostname = mx.example\nspool_directory = {here}/spool\n\
                 log_file_path = {here}/log/%slog\npid_file_path = {here}/spool/pid\n\
                 local_interfaces = 127.0.0.1\ndaemon_smtp_ports = {port}\n\
                 rfc1413_query_timeout = 0s\nsmtp_accept_max = 100\nacl_smtp_rcpt = take\n\
                 begin acl\ntake:\n  accept\n\
                 begin routers\nnowhere:\n  driver = redirect\n  data = :blackhole:\n"
            ),
        )?;
        let mut exim = command(PROGRAM);
        exim.arg("-C")
            .arg(&config)
            .arg("-bdf")
            .stderr(File::create(folder.join("stderr"))?);
        let running = Running::start(&mut exim, Signal::TERM)?;
        eventually("exim listens", || {
            TcpStream::connect(("127.0.0.1", port)).ok()
        })?;
        Ok(Self {
            _running: running,
            port,
        })
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

/// The user and the group that exim runs as.
fn ids() -> anyhow::Result<(u32, u32)> {
    let passwd = fs::read_to_string("/etc/passwd")?;
    let found = passwd.lines().find_map(|line| {
        let mut fields = line
            .strip_prefix(USER)?
            .strip_prefix(':')?
            .split(':')
            .skip(1);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    });
    found.with_context(|| format!("no user {USER}: run tests/all"))
}
