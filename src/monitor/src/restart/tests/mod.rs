//! Real processes in a directory of the test's own; whatever is left of them ends with the test.

mod adopting;
mod ending;
mod leftovers;
mod outliving;
mod running;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Signal, kill_process};
use tempfile::TempDir;

use super::{Settings, held, run};
use crate::judge::Outcome;
use crate::proc::{self, Kin, Stat};

/// Longer than anything a test waits for.
const LONG: Duration = Duration::from_mins(2);

/// A directory with scripts, and a token that marks all processes that come of them.
struct World {
    directory: TempDir,
    token: String,
}

impl World {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let token = format!("test:{}", directory.path().display());
        Self { directory, token }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A script, and the command that runs it. It finds the directory in `$D`.
    fn script(&self, body: &str) -> Vec<String> {
        let path = self.path("restart");
        let directory = self.directory.path().display();
        fs::write(&path, format!("#!/bin/sh\nD={directory}\n{body}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        vec![path.display().to_string()]
    }

    /// A program of that name which does what `original` does.
    fn program(&self, name: &str, original: &str) -> PathBuf {
        let path = self.path(name);
        symlink(original, &path).unwrap();
        path
    }

    async fn run(&self, body: &str, timeout: Duration) -> Outcome {
        self.run_command(self.script(body), timeout).await
    }

    async fn run_command(&self, command: Vec<String>, timeout: Duration) -> Outcome {
        let settings = Settings {
            command,
            timeout,
            end_leftovers: false,
        };
        run(&settings, &self.token, None, |_| false).await
    }

    /// Runs `true` after ending the left-overs of `kin`.
    async fn end_leftovers(&self, kin: &Kin) -> Outcome {
        let settings = Settings {
            command: vec!["true".to_owned()],
            timeout: LONG,
            end_leftovers: true,
        };
        run(&settings, &self.token, Some(kin), |_| false).await
    }

    /// Starts a command that the code under test knows nothing of.
    fn start(&self, program: &Path, arguments: &[&str]) -> Started {
        use std::os::unix::process::CommandExt;
        let child = std::process::Command::new(program)
            .args(arguments)
            .env("D", self.directory.path())
            .env("VRWATCH_RESTART", &self.token)
            .process_group(0)
            .spawn();
        Started(child.unwrap())
    }

    /// The pid that a script wrote to a file, once it has.
    async fn pid(&self, name: &str) -> u32 {
        let path = self.path(name);
        let mut pid = None;
        until("a pid is written", || {
            let text = fs::read_to_string(&path).unwrap_or_default();
            pid = text.strip_suffix('\n').and_then(|pid| pid.parse().ok());
            pid.is_some()
        })
        .await;
        pid.unwrap()
    }

    async fn file(&self, name: &str) -> String {
        let path = self.path(name);
        until("a file is written", || path.exists()).await;
        fs::read_to_string(path).unwrap()
    }
}

/// A process that ends with the test.
struct Started(std::process::Child);

impl Started {
    fn id(&self) -> u32 {
        self.0.id()
    }

    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let marked = |pid: &u32| {
            fs::read(format!("/proc/{pid}/environ")).is_ok_and(|environment| {
                environment
                    .split(|byte| *byte == 0)
                    .any(|variable| variable.ends_with(self.token.as_bytes()))
            })
        };
        for pid in proc::pids().filter(marked) {
            let _ = kill_process(held::pid(pid).unwrap(), Signal::KILL);
        }
    }
}

/// Waits until something holds.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..6000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("this never happened: {what}");
}

fn stat(pid: u32) -> Stat {
    proc::stat(pid).unwrap()
}

fn is_alive(pid: u32) -> bool {
    proc::stat(pid).is_ok_and(|stat| stat.is_alive())
}

/// Not even a zombie of it is left.
fn is_gone(pid: u32) -> bool {
    proc::stat(pid).is_err()
}

fn kill(pid: u32) {
    kill_process(held::pid(pid).unwrap(), Signal::KILL).unwrap();
}
