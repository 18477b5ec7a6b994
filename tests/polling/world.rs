//! A router's folder: a configuration, a journal, and the commands that read it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use channel::{Channel, Settings, Transaction};
use contract::{Cause, Draft, Ended, Fact, Timestamp};

/// The program under test.
pub(crate) const VRWATCH: &str = env!("CARGO_BIN_EXE_vrwatch");

pub(crate) struct World {
    folder: tempfile::TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        let world = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let folder = world.folder.path().display();
        let config = format!(
            r#"
            router.name = "r-42-VM"
            monitor.services = "{folder}/monitor.conf"
            monitor.monitorservice = "{folder}/monitorservice.json"
            journal = {{ directory = "{folder}/state", max_size = "256MiB" }}
            control.socket = "{folder}/control.sock"
            sink.local.syslog.target = "unix:{folder}/log"
            sink.legacy.poll.log = "{folder}/routerServiceMonitor.log"
            "#
        );
        fs::write(world.config(), config).unwrap();
        let shim = fs::read_to_string(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/config/getRouterAlerts.sh"
        ))
        .unwrap();
        let options_file = world.path("options");
        let shim = shim.replace("/etc/vrwatch/legacy-alerts", options_file.to_str().unwrap());
        fs::write(world.shim(), shim).unwrap();
        world.options("");
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.path("vrwatch.toml")
    }

    /// The shim, with its file of options here.
    pub(crate) fn shim(&self) -> PathBuf {
        self.path("getRouterAlerts.sh")
    }

    /// Writes the shim's file of options.
    pub(crate) fn options(&self, options: &str) {
        let options = format!(
            "--config {} {options}\nmore lines\n",
            self.config().display()
        );
        fs::write(self.path("options"), options).unwrap();
    }

    /// A command that starts the shim with `vrwatch` in the path.
    pub(crate) fn shim_command(&self) -> Command {
        let mut command = Command::new("sh");
        let programs = Path::new(VRWATCH).parent().unwrap().display();
        let path = std::env::var("PATH").unwrap();
        command
            .arg(self.shim())
            .env("PATH", format!("{programs}:{path}"));
        command
    }

    pub(crate) fn vrwatch(&self, arguments: &[&str]) -> Output {
        Command::new(VRWATCH)
            .arg("--config")
            .arg(self.config())
            .args(arguments)
            .output()
            .unwrap()
    }

    /// What a command prints; it must end well.
    pub(crate) fn says(&self, arguments: &[&str]) -> String {
        let output = self.vrwatch(arguments);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Publishes services that went down at these times (milliseconds since 1970), each
    /// recognisable by its text; as the daemon does, which is gone afterwards.
    pub(crate) fn publish(&self, events: impl IntoIterator<Item = (i64, String)>) {
        let settings = Settings {
            directory: self.path("state"),
            max_size: 256 << 20,
        };
        let (channel, _) = Channel::open(settings, "r-42-VM".into()).unwrap();
        for (millis, text) in events {
            let time = Timestamp::from_unix_millis(millis).unwrap();
            let draft = Draft {
                service: Some("dhcp".into()),
                process: Some("dnsmasq".into()),
                outage: Some("01936b5e-5a3f-7c11-8e0a-2f6d1b9c4e77".into()),
                time,
                fact: Fact::ServiceDown {
                    noticed: time,
                    last_pid: Some(812),
                    cause: Cause::BadPidFile { problem: text },
                    ended: Ended::Signal(9),
                },
            };
            channel.publish(Transaction {
                drafts: vec![draft],
                notes: Vec::new(),
            });
        }
    }
}

/// Now, in milliseconds since 1970.
pub(crate) fn now() -> i64 {
    let since = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .unwrap_or(Duration::ZERO);
    i64::try_from(since.as_millis()).unwrap()
}
