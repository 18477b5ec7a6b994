//! Services that do nothing, and that the benchmark itself starts, kills and replaces.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use crate::clock;
use crate::peers;

use super::write_pid_file;

/// Running processes, each with its pid file.
pub(crate) struct Sleepers {
    folder: PathBuf,
    children: Vec<Child>,
}

impl Sleepers {
    /// The name of their processes.
    pub(crate) const PROCESS: &str = "sleeper";

    pub(crate) fn start(folder: &Path, count: usize) -> anyhow::Result<Self> {
        fs::create_dir(folder)?;
        symlink("/bin/sleep", folder.join(Self::PROCESS))?;
        let mut sleepers = Self {
            folder: folder.to_owned(),
            children: Vec::with_capacity(count),
        };
        for number in 0..count {
            let child = sleepers.spawn(number)?;
            sleepers.children.push(child);
        }
        Ok(sleepers)
    }

    pub(crate) fn count(&self) -> usize {
        self.children.len()
    }

    pub(crate) fn pid(&self, number: usize) -> u32 {
        self.children[number].id()
    }

    pub(crate) fn pid_file(&self, number: usize) -> PathBuf {
        self.folder.join(format!("{number}.pid"))
    }

    /// Kills one and collects it; says when the signal was sent.
    pub(crate) fn kill(&mut self, number: usize) -> anyhow::Result<u64> {
        let child = &mut self.children[number];
        let at = clock::now();
        child.kill()?;
        child.wait()?;
        Ok(at)
    }

    /// Starts another process in the place of one that was killed.
    pub(crate) fn replace(&mut self, number: usize) -> anyhow::Result<u32> {
        self.children[number] = self.spawn(number)?;
        Ok(self.pid(number))
    }

    fn spawn(&self, number: usize) -> anyhow::Result<Child> {
        let child = peers::command(self.folder.join(Self::PROCESS))
            .arg("1000000")
            .stdout(Stdio::null())
            .spawn()?;
        write_pid_file(&self.pid_file(number), child.id())?;
        Ok(child)
    }
}

impl Drop for Sleepers {
    fn drop(&mut self) {
        for child in &mut self.children {
            // It may have been killed before.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
