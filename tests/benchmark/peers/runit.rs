//! runit: `runsv`, which is its service's parent, and `runsvdir`, which starts one for each folder.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use rustix::process::Signal;

use super::{Running, command};
use crate::inbox::eventually;
use crate::process;
use crate::services::Restartables;

pub(crate) const RUNSV: &str = "/usr/bin/runsv";
pub(crate) const RUNSVDIR: &str = "/usr/bin/runsvdir";

/// A `runsv` for each service.
pub(crate) struct Runsv {
    _running: Vec<Running>,
}

impl Runsv {
    pub(crate) fn start(services: &Restartables) -> anyhow::Result<Self> {
        let mut running = Vec::new();
        for number in 0..services.count() {
            let mut runsv = command(RUNSV);
            runsv
                .arg(services.folder(number))
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            running.push(Running::start(&mut runsv, Signal::TERM)?);
        }
        Ok(Self { _running: running })
    }
}

/// A `runsvdir` over services that only sleep.
pub(crate) struct Runsvdir {
    running: Option<Running>,
}

impl Runsvdir {
    /// Starts it and waits until every service runs; a thousand are the most it takes.
    pub(crate) fn start(folder: &Path, count: usize) -> anyhow::Result<Self> {
        for number in 0..count {
            let own = folder.join(format!("s{number}"));
            fs::create_dir_all(&own)?;
            let run = own.join("run");
            fs::write(&run, "#!/bin/sh\nexec /bin/sleep 1000000\n")?;
            fs::set_permissions(&run, fs::Permissions::from_mode(0o755))?;
        }
        let mut runsvdir = command(RUNSVDIR);
        runsvdir
            .arg(folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let started = Self {
            running: Some(Running::start(&mut runsvdir, Signal::HUP)?),
        };
        eventually("runit runs every service", || {
            let sleeping = process::named("sleep").ok()?.len();
            (sleeping == count).then_some(())
        })?;
        Ok(started)
    }

    /// `runsvdir` and every `runsv`.
    pub(crate) fn pids(&self) -> anyhow::Result<Vec<u32>> {
        let mut pids = process::named("runsv")?;
        pids.extend(self.running.as_ref().map(Running::pid));
        Ok(pids)
    }
}

impl Drop for Runsvdir {
    fn drop(&mut self) {
        // Told to hang up, it tells every `runsv`; they end once their service has.
        self.running = None;
        let _ = eventually("runit has ended", || {
            process::named("runsv").ok()?.is_empty().then_some(())
        });
    }
}

/// The version of Debian's package; the programs do not tell.
pub(crate) fn version() -> String {
    let output = command("dpkg-query")
        .args(["--show", "--showformat=${Version}", "runit"])
        .output();
    match output {
        Ok(output) if output.status.success() => {
            format!("runit {}", String::from_utf8_lossy(&output.stdout))
        }
        _ => "runit of an unknown version".to_owned(),
    }
}
