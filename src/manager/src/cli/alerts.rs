//! `vrwatch-manager alerts` and `outages`.

use contract::{Severity, Timestamp};

use super::office::Office;
use super::table::{self, or_dash};
use super::{CommandError, Done};
use crate::api::rest::{AlertShown, OutageShown};
use crate::store::{AlertFilter, OutageFilter, Page};

#[derive(Debug, clap::Args)]
pub(super) struct Which {
    /// Of this router.
    #[arg(long)]
    router: Option<String>,
    /// Of routers in the zone of this id.
    #[arg(long)]
    zone: Option<String>,
    /// About this service.
    #[arg(long)]
    service: Option<String>,
    /// As bad as this, or worse: major.
    #[arg(long)]
    min_severity: Option<Severity>,
    /// Not before this: 2026-11-22T11:47:33Z.
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Before this.
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// How many at most; 1000 are the most.
    #[arg(long, default_value_t = 50)]
    limit: u32,
    /// Only what is older than this number.
    #[arg(long, value_name = "ID")]
    before: Option<i64>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    which: Which,
    /// Of this kind: `service_down`.
    #[arg(long)]
    kind: Option<String>,
    /// Of this outage.
    #[arg(long)]
    outage: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct OutageArguments {
    #[command(flatten)]
    which: Which,
    /// Only those that go on.
    #[arg(long)]
    open: bool,
    /// Say that one looks after the outage of this number.
    #[arg(long, value_name = "ID")]
    acknowledge: Option<i64>,
}

pub(super) fn alerts(office: &Office, arguments: Arguments) -> Result<Done, CommandError> {
    office.work(async |desk| {
        let which = arguments.which;
        let page = Page {
            before: which.before,
            limit: which.limit,
        };
        let filter = AlertFilter {
            router: which.router,
            zone: which.zone,
            service: which.service,
            kind: arguments.kind,
            outage: arguments.outage,
            min_severity: which.min_severity,
            since: which.since,
            until: which.until,
        };
        let found = desk.store.alerts(&filter, page).await?;
        let rows: Vec<AlertShown> = found.rows.into_iter().map(Into::into).collect();
        let zone = sinks::LocalTime::system();
        let header = [
            "ID", "TIME", "ROUTER", "SERVICE", "SEVERITY", "SILENCE", "WHAT",
        ];
        table::show(desk.json, header, &rows, |row| {
            let event = &row.event;
            [
                row.id.to_string(),
                event.time.to_string(),
                event.router.clone(),
                or_dash(event.service.as_deref()),
                event.severity.to_string(),
                or_dash(row.silence.map(|id| id.to_string()).as_deref()),
                sinks::wording::sentence(event, &zone),
            ]
        })?;
        Ok(Done::Well)
    })
}

pub(super) fn outages(office: &Office, arguments: OutageArguments) -> Result<Done, CommandError> {
    office.work(async |desk| {
        let rows: Vec<OutageShown> = if let Some(id) = arguments.acknowledge {
            let found = desk.store.acknowledge(id, &desk.actor).await?;
            let found =
                found.ok_or_else(|| CommandError::Usage(format!("there is no outage {id}")))?;
            vec![found.into()]
        } else {
            let which = arguments.which;
            let page = Page {
                before: which.before,
                limit: which.limit,
            };
            let filter = OutageFilter {
                router: which.router,
                zone: which.zone,
                service: which.service,
                open: arguments.open.then_some(true),
                acknowledged: None,
                min_severity: which.min_severity,
                since: which.since,
                until: which.until,
            };
            let found = desk.store.outages(&filter, page).await?;
            found.rows.into_iter().map(Into::into).collect()
        };
        let header = [
            "ID", "ROUTER", "SERVICE", "OPENED", "ENDED", "WORST", "LAST", "ALERTS", "WITHHELD",
            "SEEN BY",
        ];
        table::show(desk.json, header, &rows, |row| {
            [
                row.id.to_string(),
                row.router.clone(),
                or_dash(row.service.as_deref()),
                row.opened.to_string(),
                or_dash(row.ended.map(|time| time.to_string()).as_deref()),
                row.worst.to_string(),
                row.kind.clone(),
                row.alerts.to_string(),
                row.withheld.to_string(),
                or_dash(row.acknowledged_by.as_deref()),
            ]
        })?;
        Ok(Done::Well)
    })
}
