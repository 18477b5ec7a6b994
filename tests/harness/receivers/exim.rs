//! A real exim in the box: takes mails through STARTTLS from who logs in, puts them into a Maildir,
//! and notes which events each told, in the order in which it took them.

use std::fs;

use crate::harness::syslog::{AUTHORITY, CERTIFICATE, KEY};
use crate::harness::{Router, eventually};

/// Where it listens.
pub(crate) const PORT: u16 = 2525;
/// What the user `vrwatch` logs in with.
pub(crate) const PASSWORD: &str = "the-password-of-the-mail-server";
/// Where the section finds it.
pub(crate) const PASSWORD_FILE: &str = "/etc/vrwatch/mail.password";

const CONFIG: &str = "/run/exim/exim.conf";
const PID_FILE: &str = "/run/exim/pid";
const USER: &str = "Debian-exim";

/// The mail server of a box; it ends with the box.
pub(crate) struct Exim<'router> {
    router: &'router Router,
}

impl<'router> Exim<'router> {
    /// Starts it. A syslog server must have been started before: its certificate is shown.
    #[track_caller]
    pub(crate) fn start(router: &'router Router) -> Self {
        let config = include_str!("exim.conf").replace("PASSWORD", PASSWORD);
        router.write(CONFIG, &config);
        router.write_secret(PASSWORD_FILE, PASSWORD);
        let install = format!(
            "cd /run/exim && mkdir spool log mail && cp {CERTIFICATE} shown.pem && \
             cp {KEY} shown.key && chown {USER}: spool log mail shown.key"
        );
        router.run(["sh", "-c", &install]).expect_success();
        let exim = Self { router };
        exim.come_back();
        exim
    }

    /// The body of a section that tells it, at this host.
    pub(crate) fn section(host: &str) -> String {
        format!(
            "server = \"smtp://{host}:{PORT}\"\nserver_name = \"localhost\"\n\
             ca_file = \"{AUTHORITY}\"\nuser = \"vrwatch\"\npassword_file = \"{PASSWORD_FILE}\"\n\
             from = \"vrwatch@example\"\nto = [\"ops@example\"]\ndigest = \"0s\"\ntimeout = \"2s\"\n\
             rate = {{ mails = 1000, within = \"1s\" }}\n"
        )
    }

    #[track_caller]
    pub(crate) fn go_away(&self) {
        let pid = self.router.pid_in(PID_FILE).expect("exim runs");
        self.router.signal(pid, "TERM");
        eventually(
            "exim ends",
            || (!self.router.is_alive(pid)).then_some(()),
            || self.router.processes(),
        );
    }

    #[track_caller]
    pub(crate) fn come_back(&self) {
        let start = self.router.run(["/usr/sbin/exim4", "-C", CONFIG, "-bd"]);
        assert!(start.status.success(), "run tests/all: {start:#?}");
        let connect = format!("exec 3<>/dev/tcp/127.0.0.1/{PORT}");
        eventually(
            "exim listens",
            || {
                let listens = self.router.run(["bash", "-c", &connect]).status.success();
                (listens && self.router.pid_in(PID_FILE).is_some()).then_some(())
            },
            || format!("{start:#?}\n{}\n{}", self.log(), self.router.processes()),
        );
    }

    /// What it has written about the connections.
    pub(crate) fn log(&self) -> String {
        self.router.read("/run/exim/log/mainlog")
    }

    /// The ids of the events that the mails told, in the order in which it took the mails.
    pub(crate) fn ids(&self) -> Vec<String> {
        let log = self.log();
        let told = log.lines().filter_map(|line| line.split_once(" told "));
        told.flat_map(|(_, ids)| ids.split_whitespace().map(str::to_owned))
            .collect()
    }

    /// The mails that are delivered, in no certain order.
    pub(crate) fn mails(&self) -> Vec<String> {
        let files = fs::read_dir(self.router.path("/run/exim/mail/new"));
        files
            .into_iter()
            .flatten()
            .map(|file| fs::read(file.unwrap().path()).unwrap())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .collect()
    }
}
