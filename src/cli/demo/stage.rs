//! Where the demo plays: its folder, its daemon, its syslog, and the waiting for what they show.

use std::fs::File;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use tokio::net::UnixDatagram;
use tokio::time::timeout;

use super::say;

/// How long the demo waits for any one thing before it says that it did not work.
const PATIENCE: Duration = Duration::from_secs(30);

/// The demo's folder and what runs in it; all of it goes when this does.
pub(super) struct Stage {
    pub(super) directory: PathBuf,
    syslog: UnixDatagram,
    executable: PathBuf,
    /// Locked as long as this process lives.
    _alive: File,
}

/// The daemon of the demo; asked to end when this goes.
pub(super) struct Daemon(Child);

impl Stage {
    pub(super) fn set() -> io::Result<Self> {
        let directory = std::env::temp_dir().join(format!("vrwatch-demo-{}", std::process::id()));
        std::fs::create_dir(&directory)?;
        let filled = Self::fill(directory.clone());
        if filled.is_err() {
            // What went wrong first is what is told.
            let _ = std::fs::remove_dir_all(&directory);
        }
        filled
    }

    fn fill(directory: PathBuf) -> io::Result<Self> {
        std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o700))?;
        let alive = File::create(directory.join("alive"))?;
        flock(&alive, FlockOperation::NonBlockingLockExclusive)?;
        let stage = Self {
            executable: std::env::current_exe()?,
            syslog: UnixDatagram::bind(directory.join("log"))?,
            directory,
            _alive: alive,
        };
        stage.write_configuration()?;
        Ok(stage)
    }

    fn write_configuration(&self) -> io::Result<()> {
        let here = self.directory.display();
        let service = |name| {
            format!("[{name}]\nprocessname={name}\nservicename={name}\npidfile={here}/{name}.pid\n")
        };
        std::fs::write(
            self.directory.join("monitor.conf"),
            format!(
                "#Monitor services config\n{}{}",
                service("web"),
                service("dns")
            ),
        )?;
        std::fs::write(
            self.directory.join("vrwatch.toml"),
            format!(
                r#"[router]
name = "r-42-VM"

[monitor]
services = "{here}/monitor.conf"
monitorservice = "{here}/monitorservice.json"
recheck = {{ attempts = 3, every = "300ms" }}
hold_off = "6s"

[monitor.restart]
command = ["{}", "demo-service", "{here}", "{{service}}"]
attempts = 3
every = "300ms"
settle = "300ms"

[journal]
directory = "{here}/journal"

[control]
socket = "{here}/control.sock"

[sink.demo.syslog]
target = "unix:{here}/log"
"#,
                self.executable.display()
            ),
        )
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.executable);
        command
            .args(arguments)
            .arg("--config")
            .arg(self.directory.join("vrwatch.toml"))
            .stdin(Stdio::null());
        command
    }

    /// A command of `vrwatch` to its end.
    pub(super) async fn vrwatch(&self, arguments: &[&str]) -> io::Result<Output> {
        tokio::process::Command::from(self.command(arguments))
            .kill_on_drop(true)
            .output()
            .await
    }

    pub(super) async fn start(&self, name: &str) -> io::Result<()> {
        let started = tokio::process::Command::new(&self.executable)
            .arg("demo-service")
            .arg(&self.directory)
            .arg(name)
            .stdin(Stdio::null())
            .status()
            .await?;
        if started.success() {
            Ok(())
        } else {
            Err(io::Error::other(format!("`{name}` did not start")))
        }
    }

    pub(super) fn daemon(&self) -> io::Result<Daemon> {
        self.command(&["demo-daemon", "--log-level", "error"])
            .spawn()
            .map(Daemon)
    }

    pub(super) fn pid(&self, name: &str) -> io::Result<u32> {
        std::fs::read_to_string(self.directory.join(format!("{name}.pid")))?
            .trim()
            .parse()
            .map_err(|_| io::Error::other("its pid file is not what the demo wrote"))
    }

    /// Ends a service of the demo, and nothing that has taken over its pid.
    pub(super) fn kill(&self, name: &str) -> io::Result<()> {
        use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

        let pid = self.pid(name)?;
        let Some(raw) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
            return Ok(());
        };
        let process = pidfd_open(raw, PidfdFlags::empty())?;
        let title = std::fs::read(format!("/proc/{pid}/cmdline"))?;
        let folder = std::fs::read_link(format!("/proc/{pid}/cwd"))?;
        if title.split(|&byte| byte == 0).next() == Some(name.as_bytes())
            && folder == self.directory
        {
            pidfd_send_signal(process, Signal::KILL)?;
        }
        Ok(())
    }

    /// Shows what arrives at syslog until a line holds `word`.
    pub(super) async fn wait_for_line(&self, word: &str) -> io::Result<()> {
        let seen = async {
            let mut buffer = [0; 8192];
            loop {
                let length = self.syslog.recv(&mut buffer).await?;
                let line = String::from_utf8_lossy(&buffer[..length]);
                let line = line.trim_end();
                say(&format!("   syslog: {line}"))?;
                if line.contains(word) {
                    return Ok(());
                }
            }
        };
        timeout(PATIENCE, seen).await.unwrap_or_else(|_| {
            Err(io::Error::other(format!(
                "no line with `{word}` arrived within {} s",
                PATIENCE.as_secs()
            )))
        })
    }

    pub(super) async fn wait_for_status(
        &self,
        what: &str,
        is_so: impl Fn(&str) -> bool,
    ) -> io::Result<()> {
        let seen = async {
            loop {
                let answer = self.vrwatch(&["status", "--json"]).await?;
                if is_so(&String::from_utf8_lossy(&answer.stdout)) {
                    return Ok(());
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(PATIENCE, seen)
            .await
            .unwrap_or_else(|_| Err(io::Error::other(format!("no sight of: {what}"))))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // The services end by themselves once the folder is gone; the rest is best effort.
        for name in ["web", "dns"] {
            let _ = self.kill(name);
        }
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        use rustix::process::{Pid, Signal, kill_process};

        // Not yet waited for, so the pid is still our child's.
        if let Some(pid) = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let _ = self.0.wait();
    }
}
