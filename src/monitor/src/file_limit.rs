//! How many files the daemon may have open: one for each watched service, so more than the usual
//! 1,024. What it starts gets the usual limit back, because some programs size themselves by it
//! (haproxy) or close every descriptor up to it.

use std::sync::OnceLock;

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit, setrlimit};

/// More files than this are never asked for.
const ENOUGH_FILES: u64 = 16_384;

/// The limit as it was before it was raised.
static BEFORE: OnceLock<Rlimit> = OnceLock::new();

/// Raises this process's soft limit of open files to the hard one.
/// A failure is logged: the services beyond the limit are then swept only.
pub fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let Some(current) = limit.current else { return };
    let wanted = limit.maximum.unwrap_or(u64::MAX).min(ENOUGH_FILES);
    if wanted <= current {
        return;
    }
    let raised = Rlimit {
        current: Some(wanted),
        maximum: limit.maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => {
            BEFORE.get_or_init(|| limit);
        }
        Err(error) => tracing::warn!(
            current,
            wanted,
            error = %std::io::Error::from(error),
            "the limit of open files cannot be raised"
        ),
    }
}

/// Gives a child that was just started the limit that vrwatch itself was started with.
pub(crate) fn restore_for(child: u32) {
    let Some(before) = BEFORE.get() else { return };
    let Some(pid) = i32::try_from(child).ok().and_then(Pid::from_raw) else {
        return;
    };
    // It has ended already: then there is nothing left to limit.
    let _ = prlimit(Some(pid), Resource::Nofile, *before);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_gets_the_limit_from_before_it_was_raised() {
        let before = getrlimit(Resource::Nofile);
        raise_file_limit();
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        restore_for(child.id());
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let soft = limits
            .lines()
            .find_map(|line| line.strip_prefix("Max open files"))
            .and_then(|rest| rest.split_whitespace().next())
            .unwrap();
        assert_eq!(soft, before.current.unwrap().to_string());
    }
}
