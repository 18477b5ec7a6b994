//! Outages, summed up from their alerts as these come in. The sum does not depend on the order in
//! which a router's batches arrive: a visit may bring what an HTTP request overtook.

use std::collections::BTreeMap;

use contract::{Event, Severity};

use super::database::Transaction;
use super::dialect::{Dialect, places};
use super::error::{Result, StoreError};
use super::incoming::SIZES;
use super::statement::sql;

const SEVERITIES: [Severity; 6] = [
    Severity::Cleared,
    Severity::Indeterminate,
    Severity::Warning,
    Severity::Minor,
    Severity::Major,
    Severity::Critical,
];

/// The severity as it is stored: the greater, the worse.
pub(super) fn rank(severity: Severity) -> i64 {
    (0..)
        .zip(SEVERITIES)
        .find_map(|(rank, known)| (known == severity).then_some(rank))
        .unwrap_or(0)
}

/// The severity that was stored as `rank`.
pub(super) fn severity(rank: i64) -> Result<Severity> {
    usize::try_from(rank)
        .ok()
        .and_then(|rank| SEVERITIES.get(rank).copied())
        .ok_or_else(|| StoreError::Broken(format!("a stored row cannot be read: severity {rank}")))
}

/// What several events of one outage say together.
struct Sum<'a> {
    last: &'a Event,
    opened: i64,
    ended: Option<i64>,
    worst: i64,
    alerts: i64,
}

impl<'a> Sum<'a> {
    fn of(event: &'a Event) -> Self {
        let time = event.time.unix_millis();
        Self {
            last: event,
            opened: time,
            ended: event.fact.ends_outage().then_some(time),
            worst: rank(event.severity),
            alerts: 1,
        }
    }

    fn add(&mut self, event: &'a Event) {
        let other = Self::of(event);
        // Numbers decide; without (a legacy alert has none) the later arrival does.
        if event.seq >= self.last.seq {
            self.last = event;
        }
        self.opened = self.opened.min(other.opened);
        self.ended = other.ended.or(self.ended);
        self.worst = self.worst.max(other.worst);
        self.alerts += 1;
    }
}

/// Adds new events to their outages.
pub(super) async fn update<'a>(
    transaction: &mut Transaction,
    dialect: Dialect,
    events: impl Iterator<Item = (i64, &'a Event)>,
) -> Result<()> {
    // In the order of keys: two managers lock the same rows in the same order.
    let mut sums: BTreeMap<(i64, &str), Sum<'a>> = BTreeMap::new();
    for (router, event) in events {
        if let Some(outage) = &event.outage {
            sums.entry((router, outage))
                .and_modify(|sum| sum.add(event))
                .or_insert_with(|| Sum::of(event));
        }
    }
    let sums: Vec<((i64, &str), Sum<'a>)> = sums.into_iter().collect();
    for part in super::parts(&sums, &SIZES) {
        let mut statement = sql(upsert(dialect, part.len()));
        for ((router, outage), sum) in part {
            let last = sum.last;
            statement = statement
                .bind(*router)
                .bind(*outage)
                .bind(last.service.as_deref())
                .bind(last.process.as_deref())
                .bind(sum.opened)
                .bind(sum.ended)
                .bind(sum.worst)
                .bind(last.fact.kind())
                .bind(rank(last.severity))
                .bind(last.time.unix_millis())
                .bind(sum.alerts)
                .bind(i64::try_from(last.seq).unwrap_or(i64::MAX));
        }
        transaction.run(statement).await?;
    }
    Ok(())
}

fn upsert(dialect: Dialect, rows: usize) -> String {
    let new = |column: &str| dialect.incoming(column);
    let if_later = |column: &str| {
        format!(
            "{column} = CASE WHEN {} >= outages.last_seq THEN {} ELSE outages.{column} END",
            new("last_seq"),
            new(column)
        )
    };
    let later = ["kind", "severity", "last_time"].map(if_later).join(", ");
    let (least, greatest) = (dialect.least(), dialect.greatest());
    format!(
        "INSERT INTO outages (router, outage, service, process, opened, ended, worst, kind, severity, \
         last_time, alerts, last_seq) VALUES {} {} \
         opened = {least}(outages.opened, {}), ended = COALESCE({}, outages.ended), \
         worst = {greatest}(outages.worst, {}), {later}, alerts = outages.alerts + {}, \
         last_seq = {greatest}(outages.last_seq, {})",
        places("(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows),
        dialect.on_conflict("router, outage"),
        new("opened"),
        new("ended"),
        new("worst"),
        new("alerts"),
        // Last: MySQL assigns from left to right, and the cases above compare with the old one.
        new("last_seq"),
    )
}
