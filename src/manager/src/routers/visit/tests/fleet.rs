//! Routers in memory: with vrwatch and its journal, or with CloudStack's scripts and their log; away,
//! silent or well. They answer as the real ones do.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use contract::{Draft, Event, Fact};
use serde_json::json;

use crate::clock::Clock;
use crate::plan::inventory::Router;
use crate::routers::shell::{Answer, Reach, ReachError, Shell};

/// How long an answer takes.
const LATENCY: Duration = Duration::from_millis(50);

/// Counts steps, and stops whoever comes to the one where it burns: as if its process were killed
/// there.
#[derive(Clone, Default)]
pub(super) struct Fuse(Arc<AtomicUsize>);

impl Fuse {
    /// After so many steps; zero: never.
    pub(super) fn set(&self, steps: usize) {
        self.0.store(steps, Ordering::SeqCst);
    }

    pub(super) async fn burn(&self) {
        let left = self.0.load(Ordering::SeqCst);
        if left == 1 {
            std::future::pending::<()>().await;
        }
        self.0.store(left.saturating_sub(1), Ordering::SeqCst);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    Well,
    /// No connection comes about.
    Away,
    /// A connection, and then nothing.
    Silent,
}

pub(super) struct Fake {
    pub(super) mood: Mood,
    pub(super) has_vrwatch: bool,
    /// What it calls itself.
    pub(super) name: String,
    pub(super) journal: Vec<Event>,
    pub(super) log: Vec<String>,
    /// Events in one document.
    pub(super) page: usize,
    pub(super) opened: usize,
    pub(super) asked: Vec<String>,
}

pub(super) struct Fleet {
    fakes: Arc<Mutex<HashMap<String, Fake>>>,
    clock: Clock,
    pub(super) fuse: Fuse,
}

impl Fleet {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            fakes: Arc::default(),
            clock,
            fuse: Fuse::default(),
        }
    }

    pub(super) fn with<T>(&self, router: &str, look: impl FnOnce(&mut Fake) -> T) -> T {
        let mut fakes = self.fakes.lock().unwrap();
        look(fakes.entry(router.to_owned()).or_insert_with(|| Fake {
            mood: Mood::Well,
            has_vrwatch: true,
            name: router.to_owned(),
            journal: Vec::new(),
            log: Vec::new(),
            page: 500,
            opened: 0,
            asked: Vec::new(),
        }))
    }

    /// Adds events to its journal.
    pub(super) fn publish(&self, router: &str, count: usize) {
        let time = self.clock.now();
        self.with(router, |fake| {
            for _ in 0..count {
                let seq = fake.journal.len() as u64 + 1;
                let draft = Draft {
                    service: Some("dhcp".into()),
                    process: Some("dnsmasq".into()),
                    outage: None,
                    time,
                    fact: Fact::Test { text: "x".into() },
                };
                let id = format!("{router}.{seq}");
                fake.journal
                    .push(Event::new(draft, id, seq, router.to_owned()));
            }
        });
    }

    pub(super) fn journal_ids(&self, router: &str) -> Vec<String> {
        self.with(router, |fake| {
            fake.journal.iter().map(|event| event.id.clone()).collect()
        })
    }
}

#[async_trait::async_trait]
impl Reach for Fleet {
    async fn open(&self, router: &Router) -> Result<Box<dyn Shell>, ReachError> {
        self.fuse.burn().await;
        tokio::time::sleep(LATENCY).await;
        let mood = self.with(&router.name, |fake| {
            fake.opened += 1;
            fake.mood
        });
        match mood {
            Mood::Away => Err(ReachError::Away("connection refused".into())),
            Mood::Silent => std::future::pending().await,
            Mood::Well => Ok(Box::new(Session {
                router: router.name.clone(),
                fakes: Arc::clone(&self.fakes),
                fuse: self.fuse.clone(),
            })),
        }
    }
}

struct Session {
    router: String,
    fakes: Arc<Mutex<HashMap<String, Fake>>>,
    fuse: Fuse,
}

#[async_trait::async_trait]
impl Shell for Session {
    async fn run(
        &mut self,
        program: &str,
        arguments: &[&str],
        _: &[u8],
        _: Duration,
    ) -> Result<Answer, ReachError> {
        self.fuse.burn().await;
        tokio::time::sleep(LATENCY).await;
        let answer = {
            let mut fakes = self.fakes.lock().unwrap();
            let fake = fakes.get_mut(&self.router).unwrap();
            fake.asked
                .push(format!("{program} {}", arguments.join(" ")));
            fake.answer(program, arguments)
        };
        self.fuse.burn().await;
        Ok(answer)
    }

    async fn close(self: Box<Self>) {
        self.fuse.burn().await;
    }
}

fn said(exit: i32, output: String) -> Answer {
    Answer {
        exit: Some(exit),
        output: output.into_bytes(),
        errors: Vec::new(),
    }
}

impl Fake {
    fn answer(&self, program: &str, arguments: &[&str]) -> Answer {
        match (program, arguments) {
            ("vrwatch", ["poll"]) if self.has_vrwatch => said(0, self.document(0)),
            ("vrwatch", ["poll", "--after", after]) if self.has_vrwatch => {
                said(0, self.document(after.parse().unwrap()))
            }
            ("/opt/cloud/bin/getRouterAlerts.sh", [date, time]) => {
                let after = format!("{date} {time}");
                let later = self.log.iter().filter(|line| line[..19] > *after);
                let told: String = later.flat_map(|line| [line.as_str(), "\\n"]).collect();
                said(
                    0,
                    if told.is_empty() {
                        "No Alerts".into()
                    } else {
                        told
                    },
                )
            }
            ("/opt/cloud/bin/netusage.sh", ["-g"]) => said(0, "10:20:30:40:".into()),
            _ => said(127, String::new()),
        }
    }

    fn document(&self, after: usize) -> String {
        // A journal that was begun anew is shorter than what was read of the old one.
        let reset = after > self.journal.len();
        let after = if reset { 0 } else { after };
        let end = self.journal.len().min(after + self.page);
        json!({
            "format": 1, "router": self.name, "version": "0.1.0", "cursor": end.to_string(),
            "reset": reset, "missed": 0, "more": end < self.journal.len(),
            "events": self.journal[after..end],
            "usage": {"interfaces": {"eth0": {"received_bytes": 1, "sent_bytes": 2}}},
        })
        .to_string()
    }
}
