//! What the store promises, kept in memory: leases by one clock, and alerts, cursor and presence
//! committed together or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use contract::{Event, Timestamp};

use super::fleet::Fuse;
use crate::clock::Clock;
use crate::plan::inventory::Router;
use crate::routers::visit::Book;
use crate::store::{Cursor, Due, Result, StoreError, Stored, UsageSample, Visit, WorkLease};

pub(super) struct Model {
    rows: Mutex<BTreeMap<String, Row>>,
    clock: Clock,
    pub(super) fuse: Fuse,
}

pub(super) struct Row {
    router: Router,
    next_visit: Timestamp,
    lease: Option<(String, Timestamp)>,
    token: i64,
    pub(super) cursor: Cursor,
    misses: u32,
    last_seen: Option<Timestamp>,
    unreachable: Option<Timestamp>,
    pub(super) alerts: Vec<Event>,
    ids: BTreeSet<String>,
    pub(super) usage: Vec<UsageSample>,
    /// When visits, failed ones too, came to their end.
    pub(super) ends: Vec<Timestamp>,
}

impl Model {
    pub(super) fn of(routers: impl Iterator<Item = Router>, clock: Clock) -> Self {
        let rows = routers.map(|router| {
            let row = Row {
                next_visit: Timestamp::EPOCH,
                lease: None,
                token: 0,
                cursor: Cursor::default(),
                misses: 0,
                last_seen: None,
                unreachable: None,
                alerts: Vec::new(),
                ids: BTreeSet::new(),
                usage: Vec::new(),
                ends: Vec::new(),
                router,
            };
            (row.router.name.clone(), row)
        });
        Self {
            rows: Mutex::new(rows.collect()),
            clock,
            fuse: Fuse::default(),
        }
    }

    /// Looks at, or changes, what is stored.
    pub(super) fn row<T>(&self, router: &str, look: impl FnOnce(&mut Row) -> T) -> T {
        look(self.rows.lock().unwrap().get_mut(router).unwrap())
    }

    pub(super) fn ids(&self, router: &str) -> Vec<String> {
        self.row(router, |row| {
            row.alerts.iter().map(|event| event.id.clone()).collect()
        })
    }

    pub(super) fn kinds(&self, router: &str) -> Vec<String> {
        self.row(router, |row| {
            let kinds = row.alerts.iter().map(|event| event.fact.kind().to_owned());
            kinds.collect()
        })
    }

    fn held(&self, lease: &WorkLease, change: impl FnOnce(&mut Row)) -> Result<()> {
        let mut rows = self.rows.lock().unwrap();
        let row = rows.get_mut(&lease.router).unwrap();
        let held = row
            .lease
            .as_ref()
            .is_some_and(|(holder, _)| *holder == lease.holder);
        if !held || row.token != lease.token {
            return Err(StoreError::Outrun);
        }
        change(row);
        Ok(())
    }
}

impl Row {
    pub(super) fn running(&mut self, running: bool) {
        self.router.running = running;
    }

    fn lease(&mut self, holder: &str, ends: Timestamp) -> Due {
        self.token += 1;
        self.lease = Some((holder.to_owned(), ends));
        Due {
            lease: WorkLease {
                router: self.router.name.clone(),
                holder: holder.to_owned(),
                token: self.token,
            },
            router: self.router.clone(),
            cursor: self.cursor.clone(),
            misses: self.misses,
            last_seen: self.last_seen,
            unreachable: self.unreachable,
        }
    }

    fn is_free(&self, now: Timestamp) -> bool {
        self.lease.as_ref().is_none_or(|(_, ends)| *ends <= now)
    }

    fn add(&mut self, events: &[Event]) -> Stored {
        let mut stored = Stored::default();
        for event in events {
            if self.ids.insert(event.id.clone()) {
                self.alerts.push(event.clone());
                stored.new += 1;
            } else {
                stored.known += 1;
            }
        }
        stored
    }
}

#[async_trait::async_trait]
impl Book for Model {
    async fn claim_due(&self, holder: &str, limit: u32, lease: Duration) -> Result<Vec<Due>> {
        let now = self.clock.now();
        let mut rows = self.rows.lock().unwrap();
        let mut due: Vec<&mut Row> = rows
            .values_mut()
            .filter(|row| row.router.running && row.next_visit <= now && row.is_free(now))
            .collect();
        due.sort_by_key(|row| row.next_visit);
        let due = due.into_iter().take(usize::try_from(limit).unwrap());
        Ok(due
            .map(|row| row.lease(holder, now.saturating_add(lease)))
            .collect())
    }

    async fn bring_forward(&self, furthest: Duration) -> Result<u64> {
        let now = self.clock.now();
        let mut brought = 0;
        for row in self.rows.lock().unwrap().values_mut() {
            if row.next_visit > now.saturating_add(furthest) {
                row.next_visit = now;
                brought += 1;
            }
        }
        Ok(brought)
    }

    async fn claim(&self, holder: &str, router: &str, lease: Duration) -> Result<Option<Due>> {
        self.fuse.burn().await;
        let now = self.clock.now();
        let due = self.row(router, |row| {
            row.is_free(now)
                .then(|| row.lease(holder, now.saturating_add(lease)))
        });
        self.fuse.burn().await;
        Ok(due)
    }

    async fn store_visit(&self, visit: &Visit) -> Result<Stored> {
        self.fuse.burn().await;
        let now = self.clock.now();
        let mut stored = Stored::default();
        self.held(&visit.lease, |row| {
            stored = row.add(&visit.events);
            row.add(&visit.own);
            row.cursor = visit.cursor.clone();
            row.usage.extend(visit.usage.iter().cloned());
            (row.misses, row.unreachable, row.last_seen) = (0, None, Some(now));
            if let Some(next) = visit.next_visit {
                row.next_visit = now.saturating_add(next);
                row.lease = None;
                row.ends.push(now);
            }
        })?;
        self.fuse.burn().await;
        Ok(stored)
    }

    async fn store_miss(
        &self,
        lease: &WorkLease,
        _: &str,
        unreachable: Option<&Event>,
        next_visit: Duration,
    ) -> Result<()> {
        self.fuse.burn().await;
        let now = self.clock.now();
        self.held(lease, |row| {
            row.add(unreachable.map_or(&[], std::slice::from_ref));
            row.misses += 1;
            row.unreachable = unreachable.map(|event| event.time).or(row.unreachable);
            row.next_visit = now.saturating_add(next_visit);
            row.lease = None;
            row.ends.push(now);
        })?;
        self.fuse.burn().await;
        Ok(())
    }

    async fn open_outages(&self, router: &str) -> Result<BTreeMap<String, String>> {
        Ok(self.row(router, |row| {
            let mut open = BTreeMap::new();
            for event in &row.alerts {
                if let (Some(process), Some(outage)) = (&event.process, &event.outage) {
                    if event.fact.ends_outage() {
                        open.remove(process);
                    } else {
                        open.insert(process.clone(), outage.clone());
                    }
                }
            }
            open
        }))
    }

    async fn running(&self) -> Result<Vec<String>> {
        let rows = self.rows.lock().unwrap();
        let running = rows.values().filter(|row| row.router.running);
        Ok(running.map(|row| row.router.name.clone()).collect())
    }
}
