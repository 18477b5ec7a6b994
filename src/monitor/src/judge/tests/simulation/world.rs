//! The world's clocks, its queue of what is to happen, and the law of time.

use std::collections::BTreeMap;
use std::time::Duration;

use contract::{Ended, Timestamp};
use fastrand::Rng;

use super::super::laws::{Ledger, Verdict};
use super::daemon::{Saved, Watch};
use super::machine::Command;
use super::weather::{self, HOUR, MINUTE, Mishap, SECOND, WEEK};
use crate::judge::{Observation, Phase, Policy};
use crate::{Moment, Process};

/// What is going to happen.
#[derive(Clone, Debug)]
pub(super) enum Happening {
    Befalls(Mishap),
    /// The deadline of the judge's state, if nothing else moved it meanwhile.
    Due {
        version: u64,
    },
    Sweep,
    /// The service starts, if the machine has not been booted since and it is not running.
    Starts {
        boot: u64,
    },
    /// A successor that took over at `started` is found in the pid file.
    TakesOver {
        boot: u64,
        started: Duration,
    },
    CommandStarts {
        command: u64,
    },
    CommandEnds {
        command: u64,
    },
    Dies {
        pid: u32,
    },
    DaemonStarts,
    Boots,
    AddedAgain,
}

pub(super) struct World {
    pub(super) rng: Rng,
    /// True time in milliseconds; nobody inside can see it.
    pub(super) time: u64,
    /// When the machine booted, in true time; absent while it is off.
    pub(super) booted: Option<u64>,
    /// How many boots there were.
    pub(super) boots: u64,
    /// What the wall clock shows beyond true time.
    pub(super) wall: i64,
    queue: BTreeMap<(u64, u64), Happening>,
    queued: u64,
    pub(super) service: Option<Process>,
    pub(super) next_pid: u32,
    pub(super) ended: Ended,
    pub(super) noticed: Option<Moment>,
    pub(super) cursed_until: u64,
    pub(super) command: Option<Command>,
    pub(super) commands: u64,
    pub(super) configured: bool,
    pub(super) policy: Policy,
    /// Since when that is the policy.
    pub(super) policy_since: u64,
    pub(super) watch: Option<Watch>,
    pub(super) disk: Option<Saved>,
    pub(super) ledger: Ledger,
    /// When the hold-off in force truly ends, unless something excuses an earlier end.
    pub(super) rest_until: Option<u64>,
    /// The week is over: nothing goes wrong any more.
    pub(super) fair: bool,
    /// How often what happened.
    pub(super) seen: BTreeMap<String, u64>,
    pub(super) trace: Vec<String>,
    tracing: bool,
}

impl World {
    pub(super) fn new(seed: u64, tracing: bool) -> Self {
        let mut rng = Rng::with_seed(seed);
        let policy = if rng.bool() {
            Policy::default()
        } else {
            weather::policy(&mut rng)
        };
        let mut world = Self {
            time: 0,
            booted: Some(0),
            boots: 1,
            wall: 1_795_000_000_000,
            queue: BTreeMap::new(),
            queued: 0,
            service: Some(Process {
                pid: 1,
                started: Duration::ZERO,
            }),
            next_pid: 2,
            ended: Ended::Unknown,
            noticed: None,
            cursed_until: 0,
            command: None,
            commands: 0,
            configured: true,
            policy,
            policy_since: 0,
            watch: None,
            disk: None,
            ledger: Ledger::default(),
            rest_until: None,
            fair: false,
            seen: BTreeMap::new(),
            trace: Vec::new(),
            tracing,
            rng,
        };
        world.after(5 * SECOND, Happening::DaemonStarts);
        for (time, mishap) in weather::of_a_week(&mut world.rng) {
            world.after(time, Happening::Befalls(mishap));
        }
        world
    }

    /// One week of weather, then half a day of sunshine in which everything must come right.
    pub(super) fn live_a_week(&mut self) -> Verdict {
        self.run_until(WEEK)?;
        self.fair = true;
        self.policy = Policy::default();
        self.policy_since = self.time;
        // Let what is off, removed or dead come back by itself first.
        self.run_until(WEEK + 2 * HOUR)?;
        if let Some(watch) = &mut self.watch {
            watch.policy = self.policy.clone();
        }
        self.observe(Observation::Released)?;
        self.sweep()?;
        self.run_until(WEEK + 12 * HOUR)?;
        let Some(state) = self.watch.as_ref().and_then(|watch| watch.state.as_ref()) else {
            return Err("the daemon watches the service again".into());
        };
        if !matches!(state.phase(), Phase::Up { .. }) || !state.is_quiet() {
            return Err(format!("all ends well, but {state:?}"));
        }
        if self.service.is_none() {
            return Err("what is taken for up is up".into());
        }
        match self.ledger.outage() {
            None => Ok(()),
            Some(id) => Err(format!("every outage ends, but {id}")),
        }
    }

    fn run_until(&mut self, end: u64) -> Verdict {
        let mut at_once = 0;
        while let Some(entry) = self.queue.first_entry() {
            let (time, _) = *entry.key();
            if time > end {
                break;
            }
            let happening = entry.remove();
            at_once = if time == self.time { at_once + 1 } else { 0 };
            if at_once > 100 {
                return Err("nothing spins".into());
            }
            self.time = time;
            self.note(|| format!("{happening:?}"));
            self.happen(happening)?;
        }
        self.time = end;
        Ok(())
    }

    fn happen(&mut self, happening: Happening) -> Verdict {
        match happening {
            Happening::Befalls(mishap) => self.befall(mishap),
            Happening::Due { version } => self.due(version),
            Happening::Sweep => self.sweep(),
            Happening::Starts { boot } => {
                if boot == self.boots && self.booted.is_some() && self.service.is_none() {
                    self.start_service(self.monotonic())?;
                }
                Ok(())
            }
            Happening::TakesOver { boot, started } => {
                if boot == self.boots && self.booted.is_some() && self.service.is_none() {
                    self.start_service(started)?;
                }
                Ok(())
            }
            Happening::CommandStarts { command } => self.command_starts(command),
            Happening::CommandEnds { command } => self.command_ends(command),
            Happening::Dies { pid } => {
                if self.service.is_some_and(|process| process.pid == pid) {
                    return self.die();
                }
                Ok(())
            }
            Happening::DaemonStarts => self.daemon_starts(),
            Happening::Boots => {
                self.boot();
                Ok(())
            }
            Happening::AddedAgain => self.added_again(),
        }
    }

    fn befall(&mut self, mishap: Mishap) -> Verdict {
        match mishap {
            Mishap::Death => self.die(),
            Mishap::Reload => self.reload(),
            Mishap::Curse(length) => {
                self.cursed_until = self.time + length;
                self.die()
            }
            Mishap::DaemonCrash => {
                self.daemon_dies();
                Ok(())
            }
            Mishap::Reboot => {
                self.power_off();
                Ok(())
            }
            Mishap::WallStep(step) => {
                self.wall = self.wall.saturating_add(step);
                if self.rest_until.is_some() {
                    self.count("wall clock step during a hold-off");
                }
                Ok(())
            }
            Mishap::Reconfigure(policy) => {
                self.policy = policy;
                self.policy_since = self.time;
                if let Some(watch) = &mut self.watch {
                    watch.policy = self.policy.clone();
                }
                self.sweep()
            }
            Mishap::Remove => self.remove(),
            // Nobody can hold what is not watched.
            Mishap::Hold(_) | Mishap::Release if !self.configured => Ok(()),
            Mishap::Hold(length) => {
                let until = length.map(|length| {
                    self.monotonic()
                        .saturating_add(Duration::from_millis(length))
                });
                self.observe(Observation::Held {
                    until,
                    reason: "by hand".into(),
                })
            }
            Mishap::Release => self.observe(Observation::Released),
            Mishap::Sweep => self.sweep(),
        }
    }

    pub(super) fn after(&mut self, wait: u64, happening: Happening) {
        self.queued += 1;
        self.queue
            .insert((self.time.saturating_add(wait), self.queued), happening);
    }

    /// The monotonic clock of this boot.
    pub(super) fn monotonic(&self) -> Duration {
        Duration::from_millis(self.time - self.booted.unwrap_or(self.time))
    }

    pub(super) fn now(&self) -> Moment {
        let wall = self.wall.saturating_add_unsigned(self.time);
        Moment {
            monotonic: self.monotonic(),
            wall: Timestamp::from_unix_millis(wall).unwrap_or(Timestamp::EPOCH),
        }
    }

    /// A chance of one in `odds`; none in fair weather.
    pub(super) fn chance(&mut self, odds: u32) -> bool {
        !self.fair && self.rng.u32(0..odds) == 0
    }

    pub(super) fn count(&mut self, what: &str) {
        if let Some(count) = self.seen.get_mut(what) {
            *count += 1;
        } else {
            self.seen.insert(what.to_owned(), 1);
        }
    }

    pub(super) fn note(&mut self, text: impl FnOnce() -> String) {
        if self.tracing {
            let line = format!(
                "{:>12.3} s  {}",
                Duration::from_millis(self.time).as_secs_f64(),
                text()
            );
            self.trace.push(line);
        }
    }

    /// The machine loses power, with everything that runs on it.
    fn power_off(&mut self) {
        if self.booted.is_none() {
            return;
        }
        self.daemon_dies();
        self.booted = None;
        self.service = None;
        self.command = None;
        let off = self.rng.u64(10 * SECOND..HOUR);
        self.after(off, Happening::Boots);
    }

    fn boot(&mut self) {
        self.booted = Some(self.time);
        self.boots += 1;
        self.ended = Ended::Unknown;
        match self.rng.u8(0..4) {
            // No battery: 1970, give or take.
            0 => self.wall = self.rng.i64(0..1000) - i64::try_from(self.time).unwrap_or_default(),
            1 => {
                let error = self.rng.i64(-3_600_000..3_600_000);
                self.wall = self.wall.saturating_add(error);
            }
            _ => {}
        }
        if self.rng.u8(0..4) > 0 || self.fair {
            let wait = self.rng.u64(0..MINUTE);
            let boot = self.boots;
            self.after(wait, Happening::Starts { boot });
        }
        let wait = self.rng.u64(2 * SECOND..30 * SECOND);
        self.after(wait, Happening::DaemonStarts);
    }
}
