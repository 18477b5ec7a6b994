//! A whole Debian, booted by its own systemd in a container, with the units of its packages as they
//! are shipped and our programs installed as they would be. It is unpacked once and kept; each machine
//! writes to a layer of its own.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::harness::{CONFIG, Config, Router, eventually, program};

/// What a router consists of beside the essential packages; `kill` of procps is in vrwatch's own unit.
const ROUTER: [&str; 4] = ["systemd-sysv", "dnsmasq", "haproxy", "procps"];
const UNIT: &str = include_str!("../../config/vrwatch.service");

/// Distinguishes the machines of one test.
static MACHINES: AtomicU32 = AtomicU32::new(0);

/// A booted Debian. Dropping it ends it.
pub(crate) struct Debian {
    pub(crate) router: Router,
    name: String,
}

impl Debian {
    /// Boots a router; dnsmasq and haproxy run, vrwatch is installed and does not run yet.
    #[track_caller]
    pub(crate) fn boot(monitor_conf: &str, config: &Config) -> Self {
        let debian = Self::boot_with(&ROUTER, &[program()]);
        debian.watch(monitor_conf, config);
        debian
    }

    /// Boots a machine with these packages and programs.
    #[track_caller]
    pub(crate) fn boot_with(packages: &[&str], programs: &[PathBuf]) -> Self {
        let name = format!(
            "vrwatch-{}-{}",
            std::process::id(),
            MACHINES.fetch_add(1, Ordering::Relaxed)
        );
        let mut holder = Command::new("unshare")
            .args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"])
            .args(["sh", "-c", include_str!("debian.sh"), "debian"])
            .arg(unpacked(packages))
            .arg(&name)
            .args(programs)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("`unshare` is missing: tests/all installs what the stories need");
        let mut said = String::new();
        let mut stdout = BufReader::new(holder.stdout.take().unwrap());
        stdout.read_line(&mut said).unwrap();
        assert_eq!(said, "ready\n", "what it says is above");
        let console = PathBuf::from(format!("/proc/{}/root/run/console", holder.id()));
        let say = || fs::read_to_string(&console).unwrap_or_default();
        let init = eventually("systemd is there", || init_of(&holder), say);
        let router = Router::held_by(holder, init);
        eventually(
            "systemd has booted",
            || {
                let state = router.run(["systemctl", "is-system-running"]).stdout;
                ["running\n", "degraded\n"]
                    .contains(&state.as_str())
                    .then_some(())
            },
            say,
        );
        Self { router, name }
    }

    /// Installs vrwatch's unit and files.
    #[track_caller]
    pub(crate) fn watch(&self, monitor_conf: &str, config: &Config) {
        self.router.write("/etc/monitor.conf", monitor_conf);
        self.router.write(CONFIG, &config.text());
        self.install("vrwatch.service", UNIT);
    }

    /// Installs a unit.
    #[track_caller]
    pub(crate) fn install(&self, name: &str, unit: &str) {
        let path = format!("/etc/systemd/system/{name}");
        self.router.write(&path, unit);
        self.systemctl(&["daemon-reload"]);
    }

    /// `systemctl COMMAND…`.
    #[track_caller]
    pub(crate) fn systemctl(&self, command: &[&str]) {
        let outcome = self.router.run(["systemctl"].iter().chain(command));
        assert!(outcome.status.success(), "{outcome:#?}\n{}", self.journal());
    }

    /// A property of a unit.
    pub(crate) fn property(&self, unit: &str, property: &str) -> String {
        let asked = ["systemctl", "show", "--value", "--property", property, unit];
        self.router.run(asked).stdout.trim().to_owned()
    }

    /// What systemd's journal has of the machine.
    pub(crate) fn journal(&self) -> String {
        self.router.run(["journalctl", "--no-pager"]).stdout
    }
}

impl Drop for Debian {
    fn drop(&mut self) {
        self.router.end();
        for tree in ["systemd", "unified", "."] {
            let group = Path::new("/sys/fs/cgroup").join(tree).join(&self.name);
            // The last processes of a machine that was killed take a moment to go.
            let gone = Instant::now() + Duration::from_secs(5);
            while group.exists() && Instant::now() < gone {
                remove_groups(&group);
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }
}

/// The folder with Debian in it; made when it is not there yet, which takes a minute.
fn unpacked(packages: &[&str]) -> PathBuf {
    // Other packages, another folder.
    let name = format!("debian-12 with {}", packages.join(" "));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let unfinished = folder.with_extension("unfinished");
    // Tests are processes of their own: one makes it, the others wait.
    let lock = File::create(folder.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    if !folder.exists() {
        let _ = fs::remove_dir_all(&unfinished);
        let made = Command::new("mmdebstrap")
            .args(["--quiet", "--variant=minbase"])
            .arg(format!("--include={}", packages.join(",")))
            .arg("bookworm")
            .arg(&unfinished)
            .output()
            .expect("`mmdebstrap` is missing: tests/all installs what the stories need");
        assert!(made.status.success(), "{made:#?}");
        fs::rename(&unfinished, &folder).unwrap();
    }
    folder
}

/// The first process of the machine, as the test's own system numbers it.
fn init_of(holder: &Child) -> Option<u32> {
    let mut processes = vec![holder.id()];
    while let Some(pid) = processes.pop() {
        let proc = format!("/proc/{pid}");
        if fs::read_to_string(format!("{proc}/comm")).ok()?.trim() == "systemd" {
            return Some(pid);
        }
        let children = fs::read_to_string(format!("{proc}/task/{pid}/children")).ok()?;
        processes.extend(
            children
                .split_whitespace()
                .map(|pid| pid.parse::<u32>().unwrap()),
        );
    }
    None
}

/// Control groups whose processes have ended stay until they are removed, the innermost first.
fn remove_groups(group: &Path) {
    for inner in fs::read_dir(group).into_iter().flatten().flatten() {
        if inner.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_groups(&inner.path());
        }
    }
    let _ = fs::remove_dir(group);
}
