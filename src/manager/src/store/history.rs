//! Reads alerts and outages page by page, and acknowledges outages.

use contract::{Event, Severity, Timestamp};

use super::Store;
use super::alerts::Via;
use super::audit;
use super::error::Result;
use super::filter::Filter;
use super::outages::{rank, severity};
use super::page::{HEAVIEST_PAGE, Page, Paged};
use super::retry::retry;
use super::statement::{Row, sql};

/// Which alerts; what is absent does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertFilter {
    /// The router's name.
    pub router: Option<String>,
    /// The id of the router's zone.
    pub zone: Option<String>,
    /// The service.
    pub service: Option<String>,
    /// The kind: `service_down`.
    pub kind: Option<String>,
    /// The outage's id.
    pub outage: Option<String>,
    /// As bad as this, or worse.
    pub min_severity: Option<Severity>,
    /// Not before this, by the event's time.
    pub since: Option<Timestamp>,
    /// Before this, by the event's time.
    pub until: Option<Timestamp>,
}

/// A stored alert.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// Its place among all alerts, as they were stored.
    pub id: i64,
    /// The zone of its router.
    pub zone: String,
    /// How it came in.
    pub via: Via,
    /// When it was stored, by the database's clock.
    pub stored: Timestamp,
    /// The silence that withholds it, or withheld it for good.
    pub silence: Option<i64>,
    /// The event.
    pub event: Event,
}

/// Which outages; what is absent does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutageFilter {
    /// The router's name.
    pub router: Option<String>,
    /// The id of the router's zone.
    pub zone: Option<String>,
    /// The service.
    pub service: Option<String>,
    /// Whether it goes on.
    pub open: Option<bool>,
    /// Whether somebody has acknowledged it.
    pub acknowledged: Option<bool>,
    /// As bad as this at its worst, or worse.
    pub min_severity: Option<Severity>,
    /// Opened not before this.
    pub since: Option<Timestamp>,
    /// Opened before this.
    pub until: Option<Timestamp>,
}

/// An outage, summed up from its alerts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outage {
    /// Its number in this database.
    pub id: i64,
    /// The router's name.
    pub router: String,
    /// The zone of its router.
    pub zone: String,
    /// The id that the router gave it.
    pub outage: String,
    /// The service.
    pub service: Option<String>,
    /// The process.
    pub process: Option<String>,
    /// The time of its first event.
    pub opened: Timestamp,
    /// The time of the event that ended it; absent: it goes on.
    pub ended: Option<Timestamp>,
    /// The worst severity of any of its events.
    pub worst: Severity,
    /// The kind of its last event.
    pub kind: String,
    /// The severity of its last event.
    pub severity: Severity,
    /// The time of its last event.
    pub last: Timestamp,
    /// How many alerts it has.
    pub alerts: i64,
    /// How many of them a silence withholds, or withheld for good.
    pub withheld: i64,
    /// When somebody acknowledged it.
    pub acknowledged: Option<Timestamp>,
    /// Who.
    pub acknowledged_by: Option<String>,
}

const ALERT: &str = "SELECT a.id, r.zone, a.via, a.stored, a.event, h.silence \
     FROM alerts a JOIN routers r ON r.number = a.router LEFT JOIN forward_held h ON h.alert = a.id";
/// The event's column in it.
const EVENT: usize = 4;
const OUTAGE: &str = "SELECT o.id, r.name, r.zone, o.outage, o.service, o.process, o.opened, o.ended, o.worst, \
     o.kind, o.severity, o.last_time, o.alerts, o.acknowledged, o.acknowledged_by, \
     (SELECT COUNT(*) FROM forward_held h WHERE h.router = o.router AND h.outage = o.outage) \
     FROM outages o JOIN routers r ON r.number = o.router";

/// By number, so that the database begins with the index of the router's rows.
const ALERT_OF_ROUTER: &str = "a.router = (SELECT number FROM routers WHERE name = ?)";
const OUTAGE_OF_ROUTER: &str = "o.router = (SELECT number FROM routers WHERE name = ?)";

impl Store {
    /// The alerts that fit, the last stored first.
    ///
    /// # Errors
    /// The database's.
    pub async fn alerts(&self, filter: &AlertFilter, page: Page) -> Result<Paged<Alert>> {
        let statement = Filter::default()
            .when(ALERT_OF_ROUTER, filter.router.as_deref())
            .when("r.zone = ?", filter.zone.as_deref())
            .when("a.service = ?", filter.service.as_deref())
            .when("a.kind = ?", filter.kind.as_deref())
            .when("a.outage = ?", filter.outage.as_deref())
            .when("a.severity >= ?", filter.min_severity.map(rank))
            .when("a.time >= ?", filter.since.map(Timestamp::unix_millis))
            .when("a.time < ?", filter.until.map(Timestamp::unix_millis))
            .page(ALERT, "a.id", page);
        let database = &self.0.database;
        let found = database.some_rows(statement, EVENT, HEAVIEST_PAGE).await?;
        page.cut_bounded(&found, alert, |alert| alert.id)
    }

    /// One alert by its number.
    ///
    /// # Errors
    /// The database's.
    pub async fn alert(&self, id: i64) -> Result<Option<Alert>> {
        let one = sql(format!("{ALERT} WHERE a.id = ?")).bind(id);
        self.0
            .database
            .row(one)
            .await?
            .as_ref()
            .map(alert)
            .transpose()
    }

    /// The outages that fit, the last begun first.
    ///
    /// # Errors
    /// The database's.
    pub async fn outages(&self, filter: &OutageFilter, page: Page) -> Result<Paged<Outage>> {
        let statement = Filter::default()
            .when(OUTAGE_OF_ROUTER, filter.router.as_deref())
            .when("r.zone = ?", filter.zone.as_deref())
            .when("o.service = ?", filter.service.as_deref())
            .when("o.worst >= ?", filter.min_severity.map(rank))
            .when("o.opened >= ?", filter.since.map(Timestamp::unix_millis))
            .when("o.opened < ?", filter.until.map(Timestamp::unix_millis))
            .either(filter.open, "o.ended IS NULL", "o.ended IS NOT NULL")
            .either(
                filter.acknowledged,
                "o.acknowledged IS NOT NULL",
                "o.acknowledged IS NULL",
            )
            .page(OUTAGE, "o.id", page);
        let rows = self.0.database.rows(statement).await?;
        page.cut(&rows, outage, |outage| outage.id)
    }

    /// One outage by its number.
    ///
    /// # Errors
    /// The database's.
    pub async fn outage(&self, id: i64) -> Result<Option<Outage>> {
        let one = sql(format!("{OUTAGE} WHERE o.id = ?")).bind(id);
        self.0
            .database
            .row(one)
            .await?
            .as_ref()
            .map(outage)
            .transpose()
    }

    /// Says that somebody looks after the outage. Whoever was first stays; `None`: there is no
    /// such outage.
    ///
    /// # Errors
    /// The database's.
    pub async fn acknowledge(&self, id: i64, user: &str) -> Result<Option<Outage>> {
        super::names::check("a user's name", user)?;
        retry(async || {
            let mut transaction = self.begin().await?;
            let now = transaction.now().await?;
            let done = transaction
                .run(
                    sql("UPDATE outages SET acknowledged = ?, acknowledged_by = ? \
                         WHERE id = ? AND acknowledged IS NULL")
                    .bind(now)
                    .bind(user)
                    .bind(id),
                )
                .await?;
            if done.rows > 0 {
                audit::record(&mut transaction, user, "acknowledge", &id.to_string(), "").await?;
            }
            transaction.commit().await
        })
        .await?;
        self.outage(id).await
    }
}

fn alert(row: &Row) -> Result<Alert> {
    Ok(Alert {
        id: row.integer(0)?,
        zone: row.text(1)?,
        via: Via::from_number(row.integer(2)?)?,
        stored: row.time(3)?,
        event: row.json(4)?,
        silence: row.integer_or_null(5)?,
    })
}

fn outage(row: &Row) -> Result<Outage> {
    Ok(Outage {
        id: row.integer(0)?,
        router: row.text(1)?,
        zone: row.text(2)?,
        outage: row.text(3)?,
        service: row.text_or_null(4)?,
        process: row.text_or_null(5)?,
        opened: row.time(6)?,
        ended: row.time_or_null(7)?,
        worst: severity(row.integer(8)?)?,
        kind: row.text(9)?,
        severity: severity(row.integer(10)?)?,
        last: row.time(11)?,
        alerts: row.integer(12)?,
        acknowledged: row.time_or_null(13)?,
        acknowledged_by: row.text_or_null(14)?,
        withheld: row.integer(15)?,
    })
}
