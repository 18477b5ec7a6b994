//! Numbers what waits, with all that is decided about it: what silences withhold, and what belongs
//! to a storm. What is known of storms is read at the first time, and again after any failure: the
//! database is the truth.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::silences;
use super::storm::{Change, Judge, Settings};
use super::target::Stormy;
use crate::store::{JobLease, Outgoing, Result, Store, Verdict};

/// Rows that are numbered at once.
const AT_ONCE: u32 = 5_000;

/// What decides.
pub(super) struct Numberer {
    /// Absent: nothing is a storm.
    settings: Option<Settings>,
    judge: Option<Judge>,
    /// The outages of storms, for the sinks that are not told of them.
    pub(super) stormy: Arc<Stormy>,
}

impl Numberer {
    pub(super) fn new(settings: Option<Settings>) -> Self {
        Self {
            settings,
            judge: None,
            stormy: Arc::default(),
        }
    }

    /// How many storms there are.
    pub(super) fn storms(&self) -> usize {
        self.judge.as_ref().map_or(0, Judge::storms)
    }

    /// Numbers some of what waits; how many it were.
    pub(super) async fn number(&mut self, store: &Store, lease: &JobLease) -> Result<u64> {
        let Some(settings) = self.settings else {
            return store
                .number_outgoing(lease, AT_ONCE, silences::decide)
                .await;
        };
        let judge = match self.judge.take() {
            Some(judge) => judge,
            None => self.restore(store, settings).await?,
        };
        // A transaction may be tried several times; the last one counts.
        let judged: Mutex<Option<(Judge, Verdict)>> = Mutex::new(None);
        let numbered = store
            .number_due(lease, AT_ONCE, judge.due(), |queue| {
                let mut next = judge.clone();
                let verdict = next.decide(queue, silences::decide(queue));
                let known = (next, verdict.clone());
                *judged.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
                verdict
            })
            .await?;
        let judged = judged.into_inner().unwrap_or_else(PoisonError::into_inner);
        let Some((next, verdict)) = judged else {
            self.judge = Some(judge);
            return Ok(numbered);
        };
        self.learn(&verdict);
        self.judge = Some(next);
        Ok(numbered)
    }

    /// Goes on where whoever forwarded before ended.
    async fn restore(&self, store: &Store, settings: Settings) -> Result<Judge> {
        let known = store.known_storms(settings.within).await?;
        let judge = Judge::restored(settings, known.storms, known.recent);
        for ((router, outage), _) in judge.outages() {
            self.stormy.learn(router, outage);
        }
        Ok(judge)
    }

    fn learn(&self, verdict: &Verdict) {
        for change in &verdict.changes {
            match change {
                Change::Take { begun, before, .. } if *before => {
                    self.stormy.learn(&begun.router, &begun.outage);
                }
                _ => {}
            }
        }
        for told in &verdict.told {
            tracing::info!(zone = told.zone, storm = told.storm, news = ?told.news, "a storm");
        }
    }

    /// Marks alerts that were told before: what belongs to a storm is no single outage to anybody.
    pub(super) fn mark(&self, told: &mut [Outgoing]) {
        let Some(judge) = &self.judge else {
            return;
        };
        let storms: HashMap<(&str, &str), &str> = judge
            .outages()
            .map(|((router, outage), storm)| ((router.as_str(), outage.as_str()), storm))
            .collect();
        for told in told {
            let outage = told.event.outage.as_deref().unwrap_or_default();
            let storm = storms.get(&(told.event.router.as_str(), outage));
            told.event.storm = storm.map(|storm| (*storm).to_owned());
        }
    }
}
