//! Sending over real sshds to a router with the real vrwatch, and to a thousand pretended ones.

mod broken_off;
mod fleet;
mod real;

use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::config::Push;
use super::{Files, Outcome, PushError, push};
use crate::routers::shell::Shell;
use crate::routers::ssh::sshd::{Keys, Sshd, until};
use crate::routers::ssh::{Session, Ssh, Way};

/// A router with sshd, and vrwatch when there is to be one. Its files lie in the keys' folder.
struct World {
    keys: Keys,
    router: Sshd,
    daemon: Option<Child>,
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}

/// The real vrwatch, built beside this test.
fn vrwatch() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let vrwatch = test.ancestors().nth(2).unwrap().join("vrwatch");
    assert!(
        vrwatch.exists(),
        "{} is missing: run tests/all",
        vrwatch.display()
    );
    vrwatch
}

impl World {
    /// A router without vrwatch, whose list of services is `old`.
    fn bare(old: &str) -> Self {
        Self::with_path(old, "/usr/bin:/bin")
    }

    /// A router with vrwatch, configured, but with no daemon running.
    fn with_vrwatch(old: &str) -> Self {
        let folder = vrwatch().parent().unwrap().display().to_string();
        let world = Self::with_path(old, &format!("{folder}:/usr/bin:/bin"));
        world.configure("monitor.conf");
        world
    }

    fn with_path(old: &str, path: &str) -> Self {
        let keys = Keys::new();
        fs::write(keys.path("monitor.conf"), old).unwrap();
        Self {
            router: Sshd::start_with("router", &keys, &["manager"], path),
            keys,
            daemon: None,
        }
    }

    /// Nothing is restarted in earnest, and nothing leaves the machine.
    fn configure(&self, services: &str) {
        let folder = self.keys.folder.path().display();
        let text = format!(
            r#"
                monitor.services = "{folder}/{services}"
                monitor.monitorservice = "{folder}/monitorservice.json"
                monitor.restart.command = ["/bin/true"]
                journal.directory = "{folder}/journal"
                control.socket = "{folder}/control.sock"
                sink.local.syslog.target = "udp:127.0.0.1:9"
            "#
        );
        fs::write(self.keys.path("vrwatch.toml"), text).unwrap();
    }

    fn run_daemon(&mut self) {
        let child = Command::new(vrwatch())
            .arg("--config")
            .arg(self.keys.path("vrwatch.toml"))
            .arg("run")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.daemon = Some(child);
        let socket = self.keys.path("control.sock");
        until("the daemon can be asked", || {
            std::os::unix::net::UnixStream::connect(&socket).is_ok()
        });
    }

    fn settings(&self, more: &str) -> Push {
        let folder = self.keys.folder.path().display();
        toml::from_str(&format!(
            r#"
                services = "{folder}/monitor.conf"
                monitorservice = "{folder}/monitorservice.json"
                config = "{folder}/vrwatch.toml"
                {more}
            "#
        ))
        .unwrap()
    }

    async fn session(&self) -> Session {
        self.session_at(self.router.port).await
    }

    async fn session_at(&self, port: u16) -> Session {
        let settings = self.keys.settings(port, 22, "");
        let way = Way::Direct {
            address: Ipv4Addr::new(127, 0, 0, 3).into(),
        };
        Ssh::new(settings).visit("r-1-VM", &way).await.unwrap()
    }

    async fn push(&self, text: &str, more: &str) -> Result<Outcome, PushError> {
        let mut session = self.session().await;
        push(&mut session, &services(text), &self.settings(more)).await
    }

    fn monitor_conf(&self) -> String {
        fs::read_to_string(self.keys.path("monitor.conf")).unwrap()
    }

    /// Whether anything but the files themselves is left.
    fn has_leftovers(&self) -> bool {
        fs::read_dir(self.keys.folder.path()).unwrap().any(|entry| {
            entry
                .unwrap()
                .file_name()
                .to_string_lossy()
                .contains(".vrwatch-")
        })
    }
}

fn services(text: &str) -> Files {
    Files {
        services: Some(text.to_owned()),
        monitorservice: None,
    }
}

/// A list of services as CloudStack writes it; their processes do not exist.
fn list(names: &[&str]) -> String {
    let sections = names.iter().map(|name| {
        format!(
            "[{name}]\nprocessname=no-{name}\nservicename=no-{name}\npidfile=/run/no-such/{name}.pid\n"
        )
    });
    let header = "#Monitor services config\n".to_owned();
    std::iter::once(header).chain(sections).collect()
}
