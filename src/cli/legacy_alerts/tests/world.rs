//! The management server's half of the contract, as CloudStack's source has it, and a journal in memory.

use std::cell::Cell;

use contract::{Cause, Draft, Ended, Fact, Failure, UnmonitoredReason};

use super::super::answer::answer;
use super::super::*;

/// The server's half of the contract. Sources: `VirtualRoutingResource.execute(GetRouterAlertsCommand)` and
/// `VirtualNetworkApplianceManagerImpl.CheckRouterAlertsTask`, 4.4 to 4.22.
pub(super) struct Server {
    pub(super) dial: Dial,
    pub(super) stored: String,
    pub(super) alerts: Vec<String>,
}

impl Server {
    pub(super) fn new(dial: Dial) -> Self {
        Self {
            dial,
            stored: "1970-01-01 00:00:00".to_owned(),
            alerts: Vec::new(),
        }
    }

    /// Takes an answer; false when it refuses it.
    pub(super) fn take(&mut self, output: &str) -> bool {
        let details = output.trim();
        if details.is_empty() || details == "No Alerts" {
            return true;
        }
        // Java's split drops empty strings at the end.
        let mut alerts: Vec<&str> = details.split("\\n").collect();
        while alerts.last().is_some_and(|alert| alert.is_empty()) {
            alerts.pop();
        }
        let Some(last) = alerts.last() else {
            return false;
        };
        let stamp = last.split(',').next().unwrap_or_default();
        let format = match self.dial {
            Dial::TwentyFour => "[year]-[month]-[day] [hour]:[minute]:[second]",
            Dial::Twelve => "[year]-[month]-[day] [hour repr:12]:[minute]:[second] [period]",
        };
        let format = time::format_description::parse_borrowed::<2>(format).unwrap();
        let text = match self.dial {
            Dial::TwentyFour => stamp.to_owned(),
            Dial::Twelve => format!("{stamp} AM"),
        };
        if time::PrimitiveDateTime::parse(&text, &format).is_err() {
            return false;
        }
        stamp.clone_into(&mut self.stored);
        self.alerts.extend(alerts.into_iter().map(str::to_owned));
        true
    }
}

/// A journal in memory.
#[derive(Default)]
pub(super) struct Book {
    pub(super) events: Vec<Event>,
    pub(super) last_seq: u64,
    pub(super) generation: u32,
    /// How many events were looked at.
    pub(super) looks: Cell<usize>,
}

impl Seen for Event {
    fn seq(&self) -> u64 {
        self.seq
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn time(&self) -> Timestamp {
        self.time
    }

    fn severity(&self) -> Severity {
        self.severity
    }

    fn event(&self) -> Option<Event> {
        Some(self.clone())
    }
}

impl Journal for Book {
    fn walk(
        &self,
        after: u64,
        look: &mut dyn FnMut(&dyn Seen) -> ControlFlow<()>,
    ) -> io::Result<()> {
        for event in self.events.iter().filter(|event| event.seq > after) {
            self.looks.set(self.looks.get() + 1);
            if look(event).is_break() {
                break;
            }
        }
        Ok(())
    }
}

pub(super) fn down(name: &str) -> Fact {
    Fact::ServiceDown {
        noticed: Timestamp::EPOCH,
        last_pid: None,
        cause: Cause::BadPidFile {
            problem: name.to_owned(),
        },
        ended: Ended::Unknown,
    }
}

pub(super) fn restart_failed() -> Fact {
    Fact::RestartFailed {
        attempts: 5,
        failure: Failure {
            reason: "it ended, with C:\\new".into(),
            exit: None,
            output: String::new(),
        },
    }
}

pub(super) fn unmonitored() -> Fact {
    Fact::Unmonitored {
        until: None,
        reason: UnmonitoredReason::RestartFailed,
    }
}

impl Book {
    pub(super) fn publish(&mut self, millis: i64, fact: Fact) -> String {
        self.last_seq += 1;
        let id = format!("g{}-e{}", self.generation, self.last_seq);
        let draft = Draft {
            service: Some("dhcp".into()),
            process: Some("dnsmasq".into()),
            outage: Some("o".into()),
            time: Timestamp::from_unix_millis(millis).unwrap(),
            fact,
        };
        self.events.push(Event::new(
            draft,
            id.clone(),
            self.last_seq,
            "r-42-VM".into(),
        ));
        id
    }

    /// An alert that is told apart by its words.
    pub(super) fn alert(&mut self, millis: i64) -> String {
        let name = format!("g{}-e{}.", self.generation, self.last_seq + 1);
        self.publish(millis, down(&name));
        name
    }
}

/// The router's half, as `told` has it, without the disk.
pub(super) fn ask(
    book: &Book,
    memory: &mut Memory,
    server: &Server,
    now: i64,
    limit: usize,
) -> String {
    let (date, time) = server.stored.split_once(' ').unwrap();
    let question = Question {
        after: Stamp::parse(date, time),
        dial: server.dial,
        info: false,
        limit,
        now: Stamp::of(Timestamp::from_unix_millis(now).unwrap()),
    };
    let answer = answer(book, memory, &question).unwrap();
    for given in answer.given {
        memory.note(question.after, given);
    }
    line(&answer.entries)
}
