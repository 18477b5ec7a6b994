//! Examines one pid: is there a live process, and does it carry the wanted name?

use std::os::fd::OwnedFd;

use contract::Cause;
use rustix::io::Errno;

use super::poller::{Armed, Poller, has_ended};
use crate::Process;
use crate::pid_file::PidFile;
use crate::proc::{self, Kin, ProcError, Stat};

/// A process that is up.
#[derive(Debug)]
pub(super) enum Found {
    /// The one last seen up. With a pidfd when it had none and can have one now.
    Same {
        process: Process,
        pidfd: Option<OwnedFd>,
    },
    /// Another one.
    New { kin: Kin, pidfd: Option<OwnedFd> },
}

impl Found {
    pub(super) fn process(&self) -> Process {
        match self {
            Self::Same { process, .. } => *process,
            Self::New { kin, .. } => kin.process,
        }
    }
}

/// What an examination starts from.
pub(super) struct Looker<'service> {
    /// The name that the process must carry.
    pub(super) wanted: &'service str,
    /// The process last seen up.
    pub(super) last: Option<&'service Kin>,
    /// The pidfd on `last`.
    pub(super) armed: Option<&'service Armed>,
    /// Absent where pidfds are not used.
    pub(super) poller: Option<&'service Poller>,
}

impl Looker<'_> {
    /// The verdict about the processes that the pid file names; `None` when it names none.
    pub(super) fn named_in(&self, file: &PidFile) -> Option<Result<Found, Cause>> {
        match file {
            PidFile::Pids(pids) => Some(self.any_of(pids)),
            PidFile::Missing | PidFile::Unusable(_) => None,
        }
    }

    /// The first of `pids` that is up; or why none is, for the one last seen up if it is among
    /// them, else for the first.
    fn any_of(&self, pids: &[u32]) -> Result<Found, Cause> {
        let last = self.last.map(|kin| kin.process.pid);
        let mut why = None;
        for &pid in pids {
            match self.one(pid) {
                Ok(found) => return Ok(found),
                Err(cause) if why.is_none() || Some(pid) == last => why = Some(cause),
                Err(_) => {}
            }
        }
        Err(why.unwrap_or(Cause::NoPidFile))
    }

    /// The process last seen up, if it still is.
    pub(super) fn last(&self) -> Option<Found> {
        let last = self.last?.process;
        match self.one(last.pid) {
            Ok(found) if found.process() == last => Some(found),
            _ => None,
        }
    }

    fn one(&self, pid: u32) -> Result<Found, Cause> {
        if let (Some(last), Some(armed)) = (self.last, self.armed)
            && last.process.pid == pid
            && !armed.has_ended()
        {
            return self.held(last, armed);
        }
        // The pidfd comes first, see the top of `service.rs`.
        let pidfd = match self.poller.map(|poller| poller.open(pid)) {
            None => None,
            Some(Ok(pidfd)) => Some(pidfd),
            Some(Err(Errno::SRCH | Errno::INVAL | Errno::NOENT)) => {
                return Err(Cause::Gone { pid });
            }
            Some(Err(error)) => {
                self.complain(error);
                None
            }
        };
        let stat = match proc::stat(pid) {
            Ok(stat) => stat,
            Err(error) => return self.unseen(pid, pidfd.as_ref(), &error),
        };
        self.judge(&stat)?;
        // With a pidfd at hand this is only reached when `last` has ended; a pid that is reused
        // within one clock tick would look the same.
        let same = self
            .last
            .filter(|last| self.armed.is_none() && last.process == stat.process());
        match &pidfd {
            Some(pidfd) if has_ended(pidfd) => return Err(Cause::Gone { pid }),
            // A pidfd would have refused a mere thread; the process last seen up is none.
            None if same.is_none() && !proc::is_process(pid) => return Err(Cause::Gone { pid }),
            Some(_) | None => {}
        }
        Ok(match same {
            Some(last) => Found::Same {
                process: last.process,
                pidfd,
            },
            None => Found::New {
                kin: proc::kin_of(stat),
                pidfd,
            },
        })
    }

    /// The process last seen up, alive by its pidfd, so it is the same: only its name can have
    /// changed. `comm` is much cheaper to read than `stat`, and tells as long as it is the name.
    fn held(&self, last: &Kin, armed: &Armed) -> Result<Found, Cause> {
        let pid = last.process.pid;
        let same = Found::Same {
            process: last.process,
            pidfd: None,
        };
        let mut buffer = [0; 64];
        if let Ok(comm) = proc::comm(pid, &mut buffer)
            && comm == last.name.as_bytes()
            && proc::is_comm(comm, self.wanted)
        {
            return Ok(same);
        }
        // Not to be seen (out of files, perhaps) is no death: the pidfd tells. And as long as nothing
        // else can be seen, it is what it was.
        if let Ok(stat) = proc::stat(pid) {
            self.judge(&stat)?;
        }
        if armed.has_ended() {
            return Err(Cause::Gone { pid });
        }
        Ok(same)
    }

    fn judge(&self, stat: &Stat) -> Result<(), Cause> {
        let pid = stat.pid;
        if !stat.is_alive() {
            return Err(match stat.state {
                'Z' => Cause::Zombie { pid },
                _ => Cause::Gone { pid },
            });
        }
        if !proc::is_named(stat, self.wanted) {
            return Err(Cause::OtherProcess {
                pid,
                name: stat.name.clone(),
            });
        }
        Ok(())
    }

    /// `/proc` does not show the process `pid`: because it is gone, or because `/proc` is not to be
    /// had, and that is no death. What was up is up while the kernel knows the pid.
    fn unseen(&self, pid: u32, pidfd: Option<&OwnedFd>, why: &ProcError) -> Result<Found, Cause> {
        let alive = match pidfd {
            Some(pidfd) => !has_ended(pidfd),
            None => exists(pid),
        };
        if !alive {
            return Err(Cause::Gone { pid });
        }
        match self.last {
            Some(last) if last.process.pid == pid && self.armed.is_none() => Ok(Found::Same {
                process: last.process,
                pidfd: None,
            }),
            _ => Err(Cause::BadPidFile {
                problem: format!("process {pid} in it cannot be looked at: {why}"),
            }),
        }
    }

    fn complain(&self, error: Errno) {
        if let Some(poller) = self.poller {
            poller.complain(error);
        }
    }
}

/// Whether the kernel has a process of that pid, possibly a zombie. Takes no file.
fn exists(pid: u32) -> bool {
    i32::try_from(pid)
        .ok()
        .and_then(rustix::process::Pid::from_raw)
        .is_some_and(|pid| {
            let answer = rustix::process::test_kill_process(pid);
            matches!(answer, Ok(()) | Err(Errno::PERM))
        })
}
