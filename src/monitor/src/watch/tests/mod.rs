//! Stories with real processes, real pid files and the real kernel.

mod cost;
mod directories;
mod ends;
mod limits;
mod means;
mod names;
mod namespaces;
mod notices;
mod pid_files;
mod reload;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use contract::Timestamp;

use super::*;
use crate::proc;

/// Long enough for the busiest machine; nothing ever waits that long.
const LIMIT: Duration = Duration::from_mins(1);

/// The number of the only service of most stories.
const ONE: Id = 1;

/// A process that sleeps under a chosen name, and is ended with the test.
struct Daemon(Child);

impl Daemon {
    fn pid(&self) -> u32 {
        self.0.id()
    }

    fn process(&self) -> Process {
        proc::stat(self.pid()).unwrap().process()
    }

    /// Kills it and collects it, as its parent should.
    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Kills it and leaves it uncollected.
    fn become_zombie(&mut self) {
        self.0.kill().unwrap();
        until(|| proc::stat(self.pid()).unwrap().state == 'Z');
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A folder for pid files and programs.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn pid_file(&self) -> PathBuf {
        self.at("service.pid")
    }

    fn write(&self, text: impl std::fmt::Display) {
        fs::write(self.pid_file(), text.to_string()).unwrap();
    }

    /// Starts a process whose `comm` is `name`.
    fn start(&self, name: &str) -> Daemon {
        self.run(name, "sleep", &["100000"])
    }

    /// Runs a program of the system under another name.
    fn run(&self, name: &str, program: &str, arguments: &[&str]) -> Daemon {
        let link = self.at(name);
        let _ = symlink(Path::new("/bin").join(program), &link);
        let mut command = Command::new(link);
        command.args(arguments).stdin(Stdio::null());
        let daemon = Daemon(command.spawn().unwrap());
        // Spawning returns while the kernel still sets up the new program.
        until(|| proc::stat(daemon.pid()).unwrap().name == name);
        daemon
    }

    fn target(&self) -> Target {
        Target {
            process: "served".to_owned(),
            pid_file: self.pid_file(),
        }
    }

    /// A watcher of the one service `served`.
    fn watcher(&self, means: Means) -> Watcher {
        let mut watcher = Watcher::new(means).unwrap();
        assert_eq!(watcher.means(), means);
        watcher.add(ONE, self.target());
        watcher
    }
}

/// Runs a story under both means: they may differ in when they notice, never in what they find.
fn under_both_means(story: impl Fn(Means)) {
    for means in [Means::Auto, Means::SweepOnly] {
        within_runtime(|| story(means));
    }
}

fn within_runtime(story: impl FnOnce()) {
    run(async { story() });
}

fn run(story: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().unwrap().block_on(story);
}

fn now() -> Moment {
    SystemClock.now()
}

/// Set for a test that runs under a wrapper.
const INSIDE: &str = "VRWATCH_TEST_INSIDE";

/// Whether this is the inside of `wrapper`, a command that changes what the kernel grants. On the
/// outside, runs the test called `name` of this folder again on the inside and asserts its success.
fn inside(wrapper: &[&str], name: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let output = Command::new(wrapper[0])
        .args(&wrapper[1..])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg(format!("watch::tests::{name}"))
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{errors}");
    assert!(text.contains("1 passed"), "{text}{errors}");
    false
}

/// Where mounts may be made without anyone else seeing them.
const OWN_MOUNTS: [&str; 4] = ["unshare", "--user", "--map-root-user", "--mount"];

/// A moment that tells itself from others.
fn second(count: u64) -> Moment {
    Moment {
        monotonic: Duration::from_secs(count),
        wall: Timestamp::EPOCH.saturating_add(Duration::from_secs(count)),
    }
}

impl Watcher {
    fn verdict(&mut self) -> Verdict {
        self.look(ONE, now()).verdict
    }

    fn assert_up(&mut self, daemon: &Daemon) {
        assert_eq!(self.verdict(), Verdict::Up(daemon.process()));
    }

    fn assert_down(&mut self, cause: Cause) {
        assert_eq!(self.verdict(), Verdict::Down(cause));
    }

    async fn next(&mut self) -> Change {
        tokio::time::timeout(LIMIT, self.changed()).await.unwrap()
    }

    /// Waits for this change, whatever else comes before it.
    async fn wait_for(&mut self, wanted: Change) {
        while self.next().await != wanted {}
    }

    /// Whether there is nothing to hand out now.
    async fn is_quiet(&mut self) -> bool {
        tokio::select! {
            biased;
            _ = self.changed() => false,
            // Lets the runtime ask the kernel a few times.
            () = async { for _ in 0..100 { tokio::task::yield_now().await } } => true,
        }
    }
}

/// Waits until `condition` holds.
fn until(mut condition: impl FnMut() -> bool) {
    let give_up = std::time::Instant::now() + LIMIT;
    while !condition() {
        assert!(std::time::Instant::now() < give_up);
        std::thread::sleep(Duration::from_millis(2));
    }
}
