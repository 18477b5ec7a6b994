//! One turn of one manager: from taking the lease until it ends. The database is the truth; the
//! journal is begun anew and fed from it, and every sink starts where the database says it stands.

use std::sync::Arc;
use std::time::Duration;

use channel::{Channel, Settings, SinkOptions};
use tokio::time::Instant;

use super::number::Numberer;
use super::places::Places;
use super::target::{Ruled, Target, Zones, any_storm};
use super::{Forwarder, NAME, Seen};
use crate::store::{JobLease, Outgoing, Result, StoreError};

/// Rows that are read at once.
const AT_ONCE: u32 = 500;
/// Alerts of silences that have ended, of which is decided at once.
const RELEASED_AT_ONCE: u32 = 1_000;
/// So far the journal may be ahead of the sink that is first. Others lag as far as the journal
/// reaches.
const AHEAD: u64 = 4_000;
/// Alerts of outages that were told before this turn, of which sinks are reminded.
const REMINDERS: u32 = 2_000;
/// How long the sinks may go on at the end.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A sink that runs.
struct Running {
    name: String,
    /// Where it stood when it started, or was last seen.
    position: i64,
}

/// A turn that began.
pub(super) struct Turn<'a> {
    forwarder: &'a Forwarder,
    lease: JobLease,
    channel: Channel,
    places: Places,
    numberer: Numberer,
    zones: Arc<Zones>,
    running: Vec<Running>,
    /// Those whose position the feed has not reached yet; the last one comes first.
    waiting: Vec<(i64, Target)>,
    saved: Option<Vec<(String, i64)>>,
    renewed: Instant,
}

impl<'a> Turn<'a> {
    /// Begins: finds out where every sink stands, and reminds them of what is open.
    pub(super) async fn begin(
        forwarder: &'a Forwarder,
        lease: JobLease,
        renewed: Instant,
    ) -> Result<Self> {
        let store = &forwarder.store;
        // A sink that is new is told what happens from now on.
        let mut numberer = Numberer::new(forwarder.config.storm.settings);
        while numberer.number(store, &lease).await? > 0 {}
        let now = store.last_position().await?;
        let known = store.forward_cursors().await?;
        let mut waiting: Vec<(i64, Target)> = forwarder
            .targets
            .iter()
            .map(|target| {
                let cursor = known.iter().find(|(name, _)| *name == target.name);
                if cursor.is_none() && now > 0 {
                    let sink = &target.name;
                    tracing::info!(sink, "the sink is new: it is told what happens from now on");
                }
                (cursor.map_or(now, |(_, at)| *at), target.clone())
            })
            .collect();
        waiting.sort_by_key(|(position, _)| std::cmp::Reverse(*position));
        let from = waiting.last().map_or(now, |(position, _)| *position);
        let settings = Settings {
            directory: forwarder.directory.clone(),
            max_size: forwarder.config.journal_size,
        };
        let begun =
            tokio::task::spawn_blocking(|| Channel::begin_anew(settings, NAME.to_owned())).await;
        let channel = begun
            .map_err(|error| StoreError::Unavailable(error.to_string()))?
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let mut turn = Self {
            forwarder,
            lease,
            channel,
            places: Places::new(from),
            numberer,
            zones: Arc::new(Zones::default()),
            running: Vec::new(),
            waiting,
            saved: None,
            renewed,
        };
        let mut told = store.told_of_open_outages(REMINDERS).await?;
        turn.numberer.mark(&mut told);
        turn.learn(&told);
        turn.channel
            .forward(told.into_iter().map(|told| told.event).collect());
        turn.start_reached();
        turn.save().await?;
        Ok(turn)
    }

    /// Does what there is to do.
    pub(super) async fn step(&mut self) -> Result<()> {
        let store = &self.forwarder.store;
        if self.renewed.elapsed() > self.forwarder.config.lease / 3 {
            let asked = Instant::now();
            let held = store
                .hold_job(
                    &self.lease.job,
                    &self.lease.holder,
                    self.forwarder.config.lease,
                )
                .await?;
            if held.as_ref() != Some(&self.lease) {
                return Err(StoreError::Outrun);
            }
            self.renewed = asked;
        }
        store.release_held(&self.lease, RELEASED_AT_ONCE).await?;
        let numbered = self.numberer.number(store, &self.lease).await?;
        if self.running.is_empty() && self.waiting.is_empty() {
            if numbered > 0 {
                store.save_forward_cursors(&self.lease, &[]).await?;
            }
            return Ok(());
        }
        while self.has_room() {
            let rows = store.outgoing_after(self.places.fed(), AT_ONCE).await?;
            if rows.is_empty() {
                break;
            }
            let all = rows.len() < AT_ONCE as usize;
            self.feed(rows);
            self.save().await?;
            if all {
                break;
            }
        }
        self.save().await
    }

    /// How it goes.
    pub(super) fn seen(&self) -> Seen {
        Seen {
            sinks: self.channel.status().sinks,
            storms: self.numberer.storms(),
        }
    }

    /// Until when the lease surely holds.
    pub(super) fn held_until(&self) -> Instant {
        self.renewed + self.forwarder.config.lease
    }

    /// Whether the sink that is first has taken most of what the journal has; one that has yet to
    /// start is before all others.
    fn has_room(&self) -> bool {
        if !self.waiting.is_empty() {
            return true;
        }
        let status = self.channel.status();
        let least = status.sinks.iter().map(|sink| sink.pending).min();
        least.is_none_or(|pending| pending < AHEAD)
    }

    fn learn(&self, rows: &[Outgoing]) {
        for row in rows {
            self.zones.learn(&row.event.router, row.zone.as_deref());
        }
    }

    /// Publishes rows, up to where each sink that has yet to start begins.
    fn feed(&mut self, rows: Vec<Outgoing>) {
        self.learn(&rows);
        let mut rows = rows.into_iter().peekable();
        while let Some(first) = rows.next() {
            let until = self.waiting.last().map_or(i64::MAX, |(until, _)| *until);
            let mut positions = vec![first.position];
            let mut events = vec![first.event];
            while let Some(row) = rows.next_if(|row| row.position <= until) {
                positions.push(row.position);
                events.push(row.event);
            }
            let last = self.channel.forward(events);
            let first = last + 1 - positions.len() as u64;
            for (seq, position) in (first..).zip(positions) {
                self.places.take(seq, position);
            }
            self.start_reached();
        }
    }

    /// Starts the sinks whose place the feed has come to: they are told what follows.
    fn start_reached(&mut self) {
        while let Some((position, target)) = self
            .waiting
            .pop_if(|(position, _)| *position <= self.places.fed())
        {
            let sink = match (target.build)() {
                Ok(sink) => sink,
                Err(error) => {
                    tracing::error!(
                        sink = target.name,
                        error,
                        "the sink cannot be made; what it is not told waits"
                    );
                    self.running.push(Running {
                        name: target.name,
                        position,
                    });
                    continue;
                }
            };
            let ruled = Ruled {
                sink,
                name: target.name.clone(),
                rules: Arc::clone(&self.forwarder.rules),
                zones: Arc::clone(&self.zones),
                stormy: target
                    .sums_storms
                    .then(|| Arc::clone(&self.numberer.stormy)),
                any_storm: any_storm(),
            };
            // What is in the journal is in the database: nobody need wait for its fsync.
            let options = SinkOptions {
                needs_disk: false,
                flood: target.flood,
            };
            self.channel
                .start_sink(&target.name, Box::new(ruled), options);
            self.running.push(Running {
                name: target.name,
                position,
            });
        }
    }

    /// Notes how far each sink is.
    fn look(&mut self, settled: impl IntoIterator<Item = (String, u64)>) {
        let mut least = u64::MAX;
        for (name, seq) in settled {
            least = least.min(seq);
            let position = self.places.of(seq);
            if let Some(running) = self.running.iter_mut().find(|one| one.name == name) {
                running.position = running.position.max(position);
            }
        }
        self.places.forget(least);
    }

    /// Saves how far each sink is, if any came forward.
    async fn save(&mut self) -> Result<()> {
        let status = self.channel.status();
        self.look(
            status
                .sinks
                .into_iter()
                .map(|sink| (sink.name, sink.settled)),
        );
        self.save_seen().await
    }

    async fn save_seen(&mut self) -> Result<()> {
        let waiting = self
            .waiting
            .iter()
            .map(|(at, target)| (target.name.clone(), *at));
        let running = self
            .running
            .iter()
            .map(|one| (one.name.clone(), one.position));
        let mut cursors: Vec<(String, i64)> = running.chain(waiting).collect();
        cursors.sort();
        if self.saved.as_ref() != Some(&cursors) {
            self.forwarder
                .store
                .save_forward_cursors(&self.lease, &cursors)
                .await?;
            self.saved = Some(cursors);
        }
        Ok(())
    }

    /// Ends while the lease holds: lets the sinks finish, saves where they are, and lets another
    /// manager go on at once.
    pub(super) async fn end(mut self) -> Result<()> {
        self.channel.drain(LAST_WORDS).await;
        let names: Vec<String> = self.running.iter().map(|one| one.name.clone()).collect();
        let stopped: Vec<_> = names
            .iter()
            .filter_map(|name| self.channel.stop_sink(name))
            .collect();
        self.look(stopped.into_iter().map(|sink| (sink.name, sink.settled)));
        self.save_seen().await?;
        self.forwarder.store.release_job(&self.lease).await?;
        self.close().await;
        Ok(())
    }

    /// Stops every sink at once: what they were told since the last save is told once more.
    pub(super) async fn close(self) {
        let channel = self.channel;
        // The journal's fsync blocks its thread.
        if tokio::task::spawn_blocking(move || channel.close())
            .await
            .is_err()
        {
            tracing::error!("the journal of what is forwarded was not closed");
        }
    }
}
