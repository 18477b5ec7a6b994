//! The machine: a service that dies, recovers and reloads, and restart commands that tell lies.

use std::time::Duration;

use contract::Ended;

use super::super::laws::Verdict;
use super::weather::{MINUTE, SECOND};
use super::world::{Happening, World};
use crate::Process;
use crate::judge::{Observation, Outcome};

/// A restart command that runs.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) id: u64,
    outcome: Outcome,
    /// What it starts dies again so much later.
    dies_after: Option<u64>,
}

impl World {
    /// Starts the service; a process that runs already is replaced.
    pub(super) fn start_service(&mut self, started: Duration) -> Verdict {
        let process = Process {
            pid: self.next_pid,
            started,
        };
        self.next_pid += 1;
        self.service = Some(process);
        self.note(|| format!("the service runs as {process:?}"));
        // The pid file's directory tells, mostly.
        if self.chance(5) { Ok(()) } else { self.sweep() }
    }

    pub(super) fn die(&mut self) -> Verdict {
        if self.service.take().is_none() {
            return Ok(());
        }
        self.ended = match self.rng.u8(0..3) {
            0 => Ended::Unknown,
            1 => Ended::Exit(1),
            _ => Ended::Signal(9),
        };
        if self.rng.u8(0..3) == 0 && self.time >= self.cursed_until {
            let wait = self.rng.u64(0..8 * SECOND);
            let boot = self.boots;
            self.after(wait, Happening::Starts { boot });
        }
        self.notice()
    }

    /// The old process leaves, the new one is on its way already.
    pub(super) fn reload(&mut self) -> Verdict {
        if self.service.take().is_none() || self.booted.is_none() {
            return Ok(());
        }
        self.count("hand-over");
        self.ended = if self.rng.bool() {
            Ended::Exit(0)
        } else {
            Ended::Unknown
        };
        let started = self.monotonic();
        let wait = self.rng.u64(0..2 * SECOND);
        let boot = self.boots;
        self.after(wait, Happening::TakesOver { boot, started });
        self.notice()
    }

    /// Mostly the kernel tells of a death at once; else a sweep finds it within three minutes.
    fn notice(&mut self) -> Verdict {
        if self.chance(10) {
            let wait = self.rng.u64(0..3 * MINUTE);
            self.after(wait, Happening::Sweep);
            return Ok(());
        }
        self.sweep()
    }

    /// The judge wants a restart: the true test of two laws.
    pub(super) fn run_command(&mut self) -> Verdict {
        if let Some(process) = self.service {
            return Err(format!(
                "no restart while the service is up, but {process:?} is"
            ));
        }
        if let Some(command) = &self.command {
            return Err(format!("never two restarts at once, but {command:?} runs"));
        }
        self.commands += 1;
        let command = self.commands;
        let fails = self.time < self.cursed_until && !self.fair;
        let lie = if self.fair { 0 } else { self.rng.u8(0..12) };
        let length = self.rng.u64(20..5 * SECOND);
        let mut starts = (!fails).then_some(length / 2);
        let mut ends = length;
        let mut dies_after = None;
        let mut outcome = Outcome {
            exit: Some(i32::from(fails)),
            reason: None,
            output: String::new(),
        };
        match lie {
            // Up, although it says it failed.
            0 if !self.fair => outcome.exit = Some(1),
            // Says it is done and has done nothing.
            1 => {
                outcome.exit = Some(0);
                starts = None;
            }
            // Comes up after the command, perhaps too late.
            2 => starts = starts.map(|_| length + self.rng.u64(0..5 * SECOND)),
            // Comes up only to die.
            3 => dies_after = Some(self.rng.u64(0..4 * SECOND)),
            4 => {
                starts = Some(length / 2);
                dies_after = Some(self.rng.u64(0..4 * SECOND));
            }
            // Hangs until it is ended.
            5 => {
                ends = MINUTE;
                outcome.exit = None;
                outcome.reason = Some("timed out after 60s".into());
            }
            // Cannot be run at all.
            6 => {
                ends = 0;
                starts = None;
                outcome.exit = None;
                outcome.reason = Some("cannot run `service`".into());
            }
            _ => {}
        }
        if let Some(wait) = starts {
            if wait > ends {
                let boot = self.boots;
                self.after(wait, Happening::Starts { boot });
            } else {
                self.after(wait, Happening::CommandStarts { command });
            }
        }
        self.after(ends, Happening::CommandEnds { command });
        self.command = Some(Command {
            id: command,
            outcome,
            dies_after,
        });
        Ok(())
    }

    pub(super) fn command_starts(&mut self, id: u64) -> Verdict {
        let Some(command) = self.command.as_ref().filter(|command| command.id == id) else {
            return Ok(());
        };
        if let Some(wait) = command.dies_after {
            let pid = self.next_pid;
            self.after(wait, Happening::Dies { pid });
        }
        self.start_service(self.monotonic())
    }

    pub(super) fn command_ends(&mut self, id: u64) -> Verdict {
        let Some(command) = self.command.take_if(|command| command.id == id) else {
            return Ok(());
        };
        self.observe(Observation::RestartEnded(command.outcome))
    }
}
