//! A real rsyslogd of a test's own: own folder, own sockets, an own loopback address (so that the
//! ports of one test are no other's), ended by its pid however the test ends.

use std::fmt::Write as _;
use std::fs;
use std::net::{TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};

use rustix::process::{Pid, Signal, kill_process};

use crate::certificates::{Authority, Leaf};
use crate::events::wait_for;

/// How many there have been in this process.
static COUNT: AtomicU8 = AtomicU8::new(1);

const PROGRAM: &str = "/usr/sbin/rsyslogd";

pub(crate) struct Rsyslogd {
    folder: tempfile::TempDir,
    address: String,
    authority: Authority,
    child: Option<Child>,
}

/// A line as rsyslogd understood it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) host: String,
    pub(crate) tag: String,
    pub(crate) priority: String,
    pub(crate) time: String,
    pub(crate) id: String,
    pub(crate) data: String,
    pub(crate) text: String,
}

impl Rsyslogd {
    /// Ready to be started.
    pub(crate) fn new() -> Self {
        assert!(
            Path::new(PROGRAM).exists(),
            "{PROGRAM} is missing: run tests/all, which installs what the tests need"
        );
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let pid = std::process::id();
        // 127.64.0.0/10, by pid and by test within the process.
        let address = format!("127.{}.{}.{count}", 64 + (pid >> 8) % 64, pid & 0xff);
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new(folder.path(), "authority");
        let leaf = authority.leaf(folder.path(), &address, 2100);
        let rsyslogd = Self {
            folder,
            address,
            authority,
            child: None,
        };
        rsyslogd.write_config(&leaf);
        rsyslogd
    }

    pub(crate) fn started() -> Self {
        let mut rsyslogd = Self::new();
        rsyslogd.start();
        rsyslogd
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The `target` for a transport. `unix5424`: a local socket that does not take the host name
    /// for the tag, which a local socket does by default.
    pub(crate) fn target(&self, transport: &str) -> String {
        let Self { address, .. } = self;
        match transport {
            "unix" => format!("unix:{}", self.path("log").display()),
            "unix5424" => format!("unix:{}", self.path("log5424").display()),
            "udp" => format!("udp:{address}:5514"),
            "tcp" => format!("tcp:{address}:5601"),
            "tls" => format!("tls:{address}:6514"),
            other => panic!("no transport {other}"),
        }
    }

    fn write_config(&self, leaf: &Leaf) {
        let Self { address, .. } = self;
        let mut config = String::new();
        writeln!(
            config,
            r#"
global(workDirectory="{folder}" net.enableDNS="off" localHostname="localbox" parser.escapeControlCharactersOnReceive="off"
       defaultNetstreamDriverCAFile="{authority}"
       defaultNetstreamDriverCertFile="{certificate}"
       defaultNetstreamDriverKeyFile="{key}")
main_queue(queue.timeoutShutdown="20000" queue.size="100000")
module(load="imuxsock" SysSock.Use="off")
module(load="imudp")
module(load="imtcp")
input(type="imuxsock" Socket="{folder}/log" RateLimit.Interval="0" IgnoreTimestamp="off" UseSysTimeStamp="off")
input(type="imuxsock" Socket="{folder}/log5424" RateLimit.Interval="0" IgnoreTimestamp="off" UseSysTimeStamp="off" UseSpecialParser="off")
input(type="imudp" address="{address}" port="5514")
input(type="imtcp" address="{address}" port="5601")
input(type="imtcp" address="{address}" port="6514" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="anon")
template(name="fields" type="string" string="%hostname%\t%syslogtag%\t%pri%\t%timereported:::date-rfc3339%\t%msgid%\t%structured-data%\t%msg%\n")
action(type="omfile" file="{folder}/received" template="fields")
"#,
            folder = self.folder.path().display(),
            authority = self.authority.file.display(),
            certificate = leaf.certificate.display(),
            key = leaf.key.display(),
        )
        .unwrap();
        fs::write(self.path("rsyslog.conf"), config).unwrap();
    }

    pub(crate) fn start(&mut self) {
        let errors = fs::File::create(self.path("stderr")).unwrap();
        let mut child = Command::new(PROGRAM)
            .arg("-n")
            .arg("-f")
            .arg(self.path("rsyslog.conf"))
            .arg("-i")
            .arg(self.path("pid"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(errors)
            .spawn()
            .unwrap();
        let udp: std::net::SocketAddr = format!("{}:5514", self.address).parse().unwrap();
        wait_for("rsyslogd listens", || {
            if let Some(status) = child.try_wait().unwrap() {
                let words = fs::read_to_string(self.path("stderr")).unwrap_or_default();
                panic!("rsyslogd ended, {status}: {words}");
            }
            let listens = |port| TcpStream::connect((self.address.as_str(), port)).is_ok();
            let taken = UdpSocket::bind(udp).is_err();
            (taken && listens(5601) && listens(6514) && self.local_sockets_listen()).then_some(())
        });
        self.child = Some(child);
    }

    fn local_sockets_listen(&self) -> bool {
        ["log", "log5424"].iter().all(|name| {
            std::os::unix::net::UnixDatagram::unbound()
                .and_then(|socket| socket.connect(self.path(name)))
                .is_ok()
        })
    }

    /// Ends it as an init system would, and waits for it.
    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
            kill_process(pid, Signal::TERM).unwrap();
            child.wait().unwrap();
        }
    }

    /// The key that makes the sink trust it.
    pub(crate) fn trusted(&self) -> String {
        format!("ca_file = \"{}\"\n", self.authority.file.display())
    }

    /// How much it has written so far.
    pub(crate) fn bytes_written(&self) -> u64 {
        fs::metadata(self.path("received")).map_or(0, |file| file.len())
    }

    /// Everything it has written so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        let bytes = fs::read(self.path("received")).unwrap_or_default();
        String::from_utf8_lossy(&bytes)
            .lines()
            .filter_map(|line| {
                let mut fields = line.split('\t').map(str::to_owned);
                let mut field = || fields.next();
                Some(Received {
                    host: field()?,
                    tag: field()?,
                    priority: field()?,
                    time: field()?,
                    id: field()?,
                    data: field()?,
                    text: field()?,
                })
            })
            .collect()
    }

    /// Waits for so many lines.
    pub(crate) fn wait_for(&self, count: usize) -> Vec<Received> {
        wait_for("rsyslogd writes the lines", || {
            Some(self.received()).filter(|lines| lines.len() >= count)
        })
    }
}

impl Drop for Rsyslogd {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
