//! A service's story told to the judge line by line; what it decides comes back as short texts.

use std::collections::BTreeMap;
use std::time::Duration;

use contract::{Cause, Ended, Fact, LookedAgain, Timestamp, UnmonitoredReason};

use crate::judge::{Decision, Observation, Outcome, Policy, State};
use crate::{Moment, Process};

/// The monotonic clock at the story's time zero; processes may have started before.
pub(super) const BEGIN: Duration = Duration::from_secs(1000);

pub(super) struct Story {
    pub(super) state: State,
    pub(super) policy: Policy,
    /// Milliseconds since the story began.
    now: u64,
    /// What the wall clock showed when the story began.
    pub(super) wall: Timestamp,
    /// When each process was first mentioned: that is when it started.
    started: BTreeMap<u32, Duration>,
}

impl Story {
    /// About a service nobody has looked at yet, under the default policy.
    pub(super) fn new() -> Self {
        Self {
            state: State::new("dhcp"),
            policy: Policy::default(),
            now: 0,
            wall: "2026-11-22T11:00:00Z".parse().unwrap(),
            started: BTreeMap::new(),
        }
    }

    /// About a service that runs as process 7 at time 0.
    pub(super) fn running() -> Self {
        let mut story = Self::new();
        assert_eq!(story.up(7), NOTHING);
        story
    }

    /// About a service whose death is told and whose first restart command runs, at 5 s.
    pub(super) fn restarting() -> Self {
        let mut story = Self::running();
        story.down();
        story.look_down_until_judged();
        assert!(story.state.restart_running());
        assert_eq!(story.now, 5000);
        story
    }

    /// About a service that was given up at 5 s, for 30 minutes.
    pub(super) fn held_off() -> Self {
        let mut story = Self::running();
        story.policy.restart.attempts = 1;
        story.down();
        story.look_down_until_judged();
        assert_eq!(story.command_ended(outcome(1)), ["look"]);
        assert_eq!(story.down(), NOTHING);
        let last = story.at(7000).down();
        assert_eq!(last.len(), 2, "{last:?}");
        story
    }

    pub(super) fn at(&mut self, millis: u64) -> &mut Self {
        self.now = millis;
        self
    }

    pub(super) fn moment(&self) -> Moment {
        let since = Duration::from_millis(self.now);
        Moment {
            monotonic: BEGIN.saturating_add(since),
            wall: self.wall.saturating_add(since),
        }
    }

    pub(super) fn give(&mut self, observation: Observation) -> Vec<String> {
        let now = self.moment();
        let (state, decisions) = self.state.clone().judge(&self.policy, observation, now);
        self.state = state;
        decisions.iter().map(in_short).collect()
    }

    /// Seen up as this process, which started when the story first named it.
    pub(super) fn up(&mut self, pid: u32) -> Vec<String> {
        let now = self.moment().monotonic;
        let started = *self.started.entry(pid).or_insert(now);
        self.give(Observation::Up {
            process: Process { pid, started },
            ended: Ended::Unknown,
        })
    }

    /// Seen down; noticed this moment.
    pub(super) fn down(&mut self) -> Vec<String> {
        self.down_by(Ended::Unknown)
    }

    pub(super) fn down_by(&mut self, ended: Ended) -> Vec<String> {
        let noticed = self.moment();
        self.give(Observation::Down {
            cause: Cause::Gone { pid: 7 },
            ended,
            noticed,
        })
    }

    pub(super) fn command_ended(&mut self, outcome: Outcome) -> Vec<String> {
        self.give(Observation::RestartEnded(outcome))
    }

    /// Waits for the next deadline.
    pub(super) fn wait(&mut self) -> Vec<String> {
        self.now = self.due().expect("something to wait for");
        self.give(Observation::TimePassed)
    }

    pub(super) fn look_down_until_judged(&mut self) -> Vec<String> {
        for _ in 1..self.policy.recheck.attempts {
            assert_eq!(self.wait(), ["look"]);
            assert_eq!(self.down(), NOTHING);
        }
        assert_eq!(self.wait(), ["look"]);
        self.down()
    }

    /// The next deadline, in milliseconds since the story began.
    pub(super) fn due(&self) -> Option<u64> {
        let due = self.state.due()?.saturating_sub(BEGIN);
        Some(u64::try_from(due.as_millis()).unwrap())
    }

    pub(super) fn hold(&mut self, until: Option<u64>, reason: &str) -> Vec<String> {
        self.give(Observation::Held {
            until: until.map(|millis| BEGIN + Duration::from_millis(millis)),
            reason: reason.to_owned(),
        })
    }
}

pub(super) const NOTHING: [&str; 0] = [];

/// A restart command that ended with this status.
pub(super) fn outcome(exit: i32) -> Outcome {
    Outcome {
        exit: Some(exit),
        reason: None,
        output: "some output".to_owned(),
    }
}

fn in_short(decision: &Decision) -> String {
    match decision {
        Decision::Look => "look".to_owned(),
        Decision::Restart { attempt } => format!("restart {attempt}"),
        Decision::Emit { outage, fact } => {
            let mut text = fact_in_short(fact);
            if outage.is_none() {
                text.push_str(", no outage");
            }
            text
        }
    }
}

fn fact_in_short(fact: &Fact) -> String {
    match fact {
        Fact::ServiceDown {
            last_pid, ended, ..
        } => match (last_pid, ended) {
            (Some(pid), Ended::Unknown) => format!("down, was {pid}"),
            (Some(pid), ended) => format!("down, was {pid}, {ended}"),
            (None, _) => "down".to_owned(),
        },
        Fact::Restarted {
            pid,
            attempts,
            downtime,
        } => format!("restarted as {pid} by {attempts} after {downtime:?}"),
        Fact::RestartFailed { attempts, failure } => {
            format!("failed {attempts} times: {}", failure.reason)
        }
        Fact::Unmonitored { until, reason } => {
            let reason = match reason {
                UnmonitoredReason::Held { reason } => reason.clone(),
                other => format!("{other:?}"),
            };
            match until {
                Some(until) => format!("unmonitored until {until}: {reason}"),
                None => format!("unmonitored: {reason}"),
            }
        }
        Fact::Recovered {
            pid,
            downtime,
            ended,
            ..
        } => match ended {
            Ended::Unknown => format!("recovered as {pid} after {downtime:?}"),
            ended => format!("recovered as {pid} after {downtime:?}, {ended}"),
        },
        Fact::Remonitored {
            found: LookedAgain::Up { pid },
        } => format!("remonitored up as {pid}"),
        Fact::Remonitored {
            found: LookedAgain::Down,
        } => "remonitored down".to_owned(),
        other => format!("{other:?}"),
    }
}
