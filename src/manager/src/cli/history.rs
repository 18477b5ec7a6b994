//! `vrwatch-manager audit`, `usage` and `pushes`: what was done and measured.

use std::time::Duration;

use contract::{Timestamp, human};
use serde::Serialize;

use super::office::Office;
use super::table::{self, or_dash};
use super::{CommandError, Done};
use crate::store::{LARGEST_PAGE, Page, PushFilter, PushState};

#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Newest {
    /// How many at most.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
}

impl Newest {
    const fn page(self) -> Page {
        Page {
            before: None,
            limit: self.limit,
        }
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct Usage {
    /// The router's name.
    router: String,
    /// Only so far back: 24h.
    #[arg(long, default_value = "24h")]
    since: human::Duration,
}

#[derive(Debug, clap::Args)]
pub(super) struct Pushes {
    /// Only of this router.
    #[arg(long)]
    router: Option<String>,
    /// Only those that failed.
    #[arg(long)]
    failed: bool,
    #[command(flatten)]
    newest: Newest,
}

#[derive(Serialize)]
struct Line {
    time: Timestamp,
    actor: String,
    action: String,
    subject: String,
    detail: String,
}

#[derive(Serialize)]
struct Sample {
    time: Timestamp,
    interface: String,
    bytes_received: u64,
    bytes_sent: u64,
}

#[derive(Serialize)]
struct Push {
    id: i64,
    router: String,
    requested: Timestamp,
    requested_by: String,
    state: PushState,
    finished: Option<Timestamp>,
    outcome: Option<String>,
}

pub(super) fn audit(office: &Office, newest: Newest) -> Result<Done, CommandError> {
    office.work(async |desk| {
        let found = desk.store.audit_trail(newest.page()).await?;
        let lines: Vec<Line> = found
            .rows
            .into_iter()
            .map(|entry| Line {
                time: entry.time,
                actor: entry.actor,
                action: entry.action,
                subject: entry.subject,
                detail: entry.detail,
            })
            .collect();
        let header = ["TIME", "WHO", "DID", "TO", ""];
        table::show(desk.json, header, &lines, |line| {
            [
                line.time.to_string(),
                line.actor.clone(),
                line.action.clone(),
                line.subject.clone(),
                line.detail.clone(),
            ]
        })?;
        Ok(Done::Well)
    })
}

pub(super) fn usage(office: &Office, arguments: &Usage) -> Result<Done, CommandError> {
    office.work(async |desk| {
        desk.store.inventory_of(&arguments.router).await?;
        let since = before_now(arguments.since.0);
        let samples = desk
            .store
            .usage(&arguments.router, since, LARGEST_PAGE)
            .await?;
        let samples: Vec<Sample> = samples
            .into_iter()
            .map(|sample| Sample {
                time: sample.time,
                interface: sample.interface,
                bytes_received: sample.bytes_received,
                bytes_sent: sample.bytes_sent,
            })
            .collect();
        let header = ["TIME", "INTERFACE", "RECEIVED", "SENT"];
        table::show(desk.json, header, &samples, |sample| {
            [
                sample.time.to_string(),
                sample.interface.clone(),
                sample.bytes_received.to_string(),
                sample.bytes_sent.to_string(),
            ]
        })?;
        Ok(Done::Well)
    })
}

pub(super) fn pushes(office: &Office, arguments: Pushes) -> Result<Done, CommandError> {
    office.work(async |desk| {
        let filter = PushFilter {
            router: arguments.router,
            state: arguments.failed.then_some(PushState::Failed),
        };
        let found = desk.store.pushes(&filter, arguments.newest.page()).await?;
        let pushes: Vec<Push> = found
            .rows
            .into_iter()
            .map(|push| Push {
                id: push.id,
                router: push.router,
                requested: push.requested,
                requested_by: push.requested_by,
                state: push.state,
                finished: push.finished,
                outcome: push.outcome,
            })
            .collect();
        let header = ["ROUTER", "ASKED FOR", "BY", "STATE", "WHAT CAME OF IT"];
        table::show(desk.json, header, &pushes, |push| {
            let word = serde_json::to_value(push.state).unwrap_or_default();
            [
                push.router.clone(),
                push.requested.to_string(),
                push.requested_by.clone(),
                word.as_str().unwrap_or_default().to_owned(),
                or_dash(push.outcome.as_deref()),
            ]
        })?;
        Ok(Done::Well)
    })
}

fn before_now(long: Duration) -> Timestamp {
    let now = Timestamp::now().unix_millis();
    let long = i64::try_from(long.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_unix_millis(now.saturating_sub(long).max(0)).unwrap_or(Timestamp::EPOCH)
}
