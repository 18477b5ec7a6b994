//! `vrwatch demo`: a newcomer's first look. Two throw-away services in a temporary folder, the real
//! daemon over them, one death, one restart that fails, and every event as it arrives.

use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{CommandError, Done};

/// How long the demo waits for any one thing before it says that it did not work.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, clap::Args)]
pub(super) struct ServiceArguments {
    /// The demo's folder.
    directory: PathBuf,
    /// The service's name.
    name: String,
}

/// The restart command of a demo service, or, with `-` for a folder, the service itself.
///
/// The command starts the service in the demo's folder and writes its pid file, as an init script
/// does; a file `NAME.broken` makes it refuse. The service lives until it is ended or the demo's
/// folder is gone.
pub(super) fn serve(arguments: &ServiceArguments) -> Result<Done, CommandError> {
    let ServiceArguments { directory, name } = arguments;
    if directory.as_path() == Path::new("-") {
        while Path::new("alive").exists() {
            std::thread::sleep(Duration::from_millis(200));
        }
        return Ok(Done::Well);
    }
    if directory.join(format!("{name}.broken")).exists() {
        return Err(CommandError::Failed(format!(
            "{name}: bad option in {name}.conf, line 3"
        )));
    }
    let failed = |problem: io::Error| CommandError::Failed(format!("{name}: {problem}"));
    let executable = std::env::current_exe().map_err(failed)?;
    let mut daemon = Command::new(executable);
    daemon
        .arg0(name)
        .args(["demo-service", "--", "-", name])
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0);
    let child = daemon.spawn().map_err(failed)?;
    let beside = directory.join(format!("{name}.pid.new"));
    std::fs::write(&beside, format!("{}\n", child.id())).map_err(failed)?;
    std::fs::rename(&beside, directory.join(format!("{name}.pid"))).map_err(failed)?;
    Ok(Done::Well)
}

pub(super) fn run() -> Result<Done, CommandError> {
    let stage = Stage::set().map_err(|problem| {
        CommandError::Failed(format!("the demo's folder cannot be made: {problem}"))
    })?;
    play(&stage).map_err(|problem| CommandError::Failed(format!("the demo stopped: {problem}")))?;
    Ok(Done::Well)
}

fn play(stage: &Stage) -> io::Result<()> {
    say(&format!(
        "Two throw-away services, `web` and `dns`, are started in {}.",
        stage.directory.display()
    ));
    stage.start("web")?;
    stage.start("dns")?;
    say("`vrwatch run` watches them: monitor.conf as CloudStack writes it, alerts to syslog.");
    let _daemon = stage.daemon()?;
    stage.wait_for_status("both services up", |status| {
        status.matches("\"state\":\"up\"").count() == 2
    })?;

    say(&format!(
        "\n1. `web` (process {}) is killed with SIGKILL.",
        stage.pid("web")?
    ));
    stage.kill("web")?;
    stage.wait_for_line("restarted as")?;
    say(&format!("   It runs again: process {}.", stage.pid("web")?));

    say("\n2. The configuration of `dns` is broken, then `dns` is killed.");
    std::fs::write(stage.directory.join("dns.broken"), "")?;
    stage.kill("dns")?;
    stage.wait_for_line("unmonitored")?;
    say("   Restarting is futile, so it is left alone for a while (6 s here, 30 min by default).");

    say("\n3. Somebody mends the configuration; after the hold-off vrwatch looks again.");
    std::fs::remove_file(stage.directory.join("dns.broken"))?;
    stage.wait_for_line("restarted as")?;

    say("\n4. The journal keeps it all (`vrwatch alerts`):");
    let alerts = stage.vrwatch(&["alerts"]).output()?;
    io::stdout().write_all(&alerts.stdout)?;
    say("\n5. How it stands now (`vrwatch status`):");
    let status = stage.vrwatch(&["status"]).output()?;
    io::stdout().write_all(&status.stdout)?;
    say("\nThat was the demo. Everything it started is ended, its folder is gone.");
    Ok(())
}

fn say(words: &str) {
    // Nobody reads any more: the demo still cleans up after itself.
    let _ = writeln!(io::stdout(), "{words}");
}

/// The demo's folder and what runs in it; all of it goes when this does.
struct Stage {
    directory: PathBuf,
    syslog: UnixDatagram,
    executable: PathBuf,
}

/// The daemon of the demo; asked to end when this goes.
struct Daemon(Child);

impl Stage {
    fn set() -> io::Result<Self> {
        let directory = std::env::temp_dir().join(format!("vrwatch-demo-{}", std::process::id()));
        std::fs::create_dir(&directory)?;
        std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o700))?;
        let syslog = UnixDatagram::bind(directory.join("log"))?;
        let stage = Self {
            executable: std::env::current_exe()?,
            directory,
            syslog,
        };
        std::fs::write(stage.directory.join("alive"), "")?;
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

    fn vrwatch(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.executable);
        command
            .args(arguments)
            .arg("--config")
            .arg(self.directory.join("vrwatch.toml"))
            .stdin(Stdio::null());
        command
    }

    fn start(&self, name: &str) -> io::Result<()> {
        let started = Command::new(&self.executable)
            .arg("demo-service")
            .arg(&self.directory)
            .arg(name)
            .stdin(Stdio::null())
            .status()?;
        if started.success() {
            Ok(())
        } else {
            Err(io::Error::other(format!("`{name}` did not start")))
        }
    }

    fn daemon(&self) -> io::Result<Daemon> {
        self.vrwatch(&["run", "--log-level", "error"])
            .spawn()
            .map(Daemon)
    }

    fn pid(&self, name: &str) -> io::Result<u32> {
        std::fs::read_to_string(self.directory.join(format!("{name}.pid")))?
            .trim()
            .parse()
            .map_err(|_| io::Error::other("its pid file is not what the demo wrote"))
    }

    /// Ends a service of the demo, and nothing that has taken over its pid.
    fn kill(&self, name: &str) -> io::Result<()> {
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
    fn wait_for_line(&self, word: &str) -> io::Result<()> {
        let begun = Instant::now();
        let mut buffer = [0; 8192];
        while let Some(left) = PATIENCE
            .checked_sub(begun.elapsed())
            .filter(|left| !left.is_zero())
        {
            self.syslog.set_read_timeout(Some(left))?;
            let length = match self.syslog.recv(&mut buffer) {
                Ok(length) => length,
                Err(problem) if problem.kind() == io::ErrorKind::WouldBlock => break,
                Err(problem) => return Err(problem),
            };
            let line = String::from_utf8_lossy(&buffer[..length]);
            let line = line.trim_end();
            say(&format!("   syslog: {line}"));
            if line.contains(word) {
                return Ok(());
            }
        }
        Err(io::Error::other(format!(
            "no line with `{word}` arrived within {} s",
            PATIENCE.as_secs()
        )))
    }

    fn wait_for_status(&self, what: &str, is_so: impl Fn(&str) -> bool) -> io::Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let answer = self
                .vrwatch(&["status", "--json"])
                .stderr(Stdio::null())
                .output()?;
            if is_so(&String::from_utf8_lossy(&answer.stdout)) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err(io::Error::other(format!("no sight of: {what}")))
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
