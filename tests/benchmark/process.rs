//! What a process costs, as the kernel counts it.

use std::fs;

use anyhow::Context;

/// What a set of processes has used up so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Time on a CPU in nanoseconds, all threads. Source: `/proc/PID/task/*/schedstat`.
    pub(crate) cpu: u64,
    /// How often a thread gave up the CPU or was taken off it. Source: `/proc/PID/task/*/status`.
    pub(crate) switches: u64,
}

/// What a set of processes holds, in bytes. Source: `/proc/PID/smaps_rollup`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Memory {
    pub(crate) resident: u64,
    /// Pages that several processes share count in parts.
    pub(crate) proportional: u64,
}

impl Usage {
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(earlier.cpu),
            switches: self.switches.saturating_sub(earlier.switches),
        }
    }
}

/// What these processes have used.
pub(crate) fn usage(pids: &[u32]) -> anyhow::Result<Usage> {
    let mut usage = Usage::default();
    for pid in pids {
        for task in fs::read_dir(format!("/proc/{pid}/task"))? {
            let task = task?.path();
            usage.cpu += first_number(&fs::read_to_string(task.join("schedstat"))?);
            let status = fs::read_to_string(task.join("status"))?;
            usage.switches += field(&status, "voluntary_ctxt_switches:")
                + field(&status, "nonvoluntary_ctxt_switches:");
        }
    }
    Ok(usage)
}

/// The CPU time alone; cheaper.
pub(crate) fn cpu(pid: u32) -> anyhow::Result<u64> {
    let mut cpu = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        cpu += first_number(&fs::read_to_string(task?.path().join("schedstat"))?);
    }
    Ok(cpu)
}

/// What these processes hold.
pub(crate) fn memory(pids: &[u32]) -> anyhow::Result<Memory> {
    let mut memory = Memory::default();
    for pid in pids {
        let path = format!("/proc/{pid}/smaps_rollup");
        let text = fs::read_to_string(&path).with_context(|| path.clone())?;
        memory.resident += field(&text, "Rss:") * 1024;
        memory.proportional += field(&text, "Pss:") * 1024;
    }
    Ok(memory)
}

/// The most that this process has held resident so far, in bytes. Source: `VmHWM` in
/// `/proc/PID/status`.
pub(crate) fn most_resident(pid: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    Ok(field(&status, "VmHWM:") * 1024)
}

/// Every process of this name; within the cell that is the run's own.
pub(crate) fn named(name: &str) -> anyhow::Result<Vec<u32>> {
    let mut pids = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        let Some(pid) = entry.file_name().to_str().and_then(|pid| pid.parse().ok()) else {
            continue;
        };
        // It may be gone by now.
        let comm = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
        if comm.trim_end() == name {
            pids.push(pid);
        }
    }
    Ok(pids)
}

fn field(text: &str, name: &str) -> u64 {
    text.lines()
        .find_map(|line| line.strip_prefix(name))
        .map_or(0, first_number)
}

fn first_number(text: &str) -> u64 {
    text.split_whitespace()
        .next()
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}
