//! What the figures depend on beside the programs: kernel, processors, disk, versions, other load.

use std::fs;
use std::path::Path;

use crate::peers;

/// In a few lines, for the head of the table.
pub(crate) fn description(disk: &Path) -> anyhow::Result<String> {
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let load = fs::read_to_string("/proc/loadavg")?;
    let load: Vec<&str> = load.split(' ').take(3).collect();
    Ok(format!(
        "Linux {}, {} processors ({}), load {}; journal on {}\n{}, {}, {}",
        kernel.trim(),
        std::thread::available_parallelism()?,
        processor(),
        load.join(" "),
        file_system(disk).unwrap_or_else(|| "an unknown file system".to_owned()),
        peers::vrwatch::version()?,
        peers::monit::version()?,
        peers::runit::version(),
    ))
}

fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    text.lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or_else(|| "unknown".to_owned(), |(_, name)| name.to_owned())
}

fn file_system(path: &Path) -> Option<String> {
    let output = peers::command("findmnt")
        .args(["--noheadings", "--output", "FSTYPE", "--target"])
        .arg(path)
        .output()
        .ok()?;
    let name = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (!name.is_empty()).then_some(name)
}
