//! What routers told: alerts as they came, and the outages they belong to.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use contract::{Event, Severity, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::extract::{Admin, Asked, Caller, Named, told};
use super::pages::{Shown, Which};
use super::{Api, Failure, absent};
use crate::api::refusal::Refusal;
use crate::store::{Alert, AlertFilter, Outage, OutageFilter, StoreError, Via};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct WhichAlerts {
    /// The router's name.
    router: Option<String>,
    /// The id of the router's zone.
    zone: Option<String>,
    /// The service: `dhcp`.
    service: Option<String>,
    /// The kind: `service_down`.
    kind: Option<String>,
    /// The outage's id, as the router gave it.
    outage: Option<String>,
    /// As bad as this, or worse: `critical`, `major` …
    #[param(value_type = Option<String>)]
    min_severity: Option<Severity>,
    /// Not before this: `2026-11-22T11:47:33Z`.
    #[param(value_type = Option<String>)]
    since: Option<Timestamp>,
    /// Before this.
    #[param(value_type = Option<String>)]
    until: Option<Timestamp>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct WhichOutages {
    /// The router's name.
    router: Option<String>,
    /// The id of the router's zone.
    zone: Option<String>,
    /// The service: `dhcp`.
    service: Option<String>,
    /// Whether it goes on.
    open: Option<bool>,
    /// Whether somebody has acknowledged it.
    acknowledged: Option<bool>,
    /// As bad as this at its worst, or worse.
    #[param(value_type = Option<String>)]
    min_severity: Option<Severity>,
    /// Opened not before this.
    #[param(value_type = Option<String>)]
    since: Option<Timestamp>,
    /// Opened before this.
    #[param(value_type = Option<String>)]
    until: Option<Timestamp>,
}

/// A stored alert.
#[derive(Serialize, ToSchema)]
pub(crate) struct AlertShown {
    pub(crate) id: i64,
    /// The id of the router's zone.
    pub(crate) zone: String,
    /// How it came in: `http`, `visit`, `legacy`, `manager`.
    pub(crate) via: &'static str,
    /// When it was stored.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) stored: Timestamp,
    /// The silence that withholds it, or withheld it for good; absent: none.
    pub(crate) silence: Option<i64>,
    /// The event, as the router told it.
    #[schema(value_type = Object)]
    pub(crate) event: Event,
}

/// An outage, summed up from its alerts.
#[derive(Serialize, ToSchema)]
pub(crate) struct OutageShown {
    pub(crate) id: i64,
    pub(crate) router: String,
    /// The id of the router's zone.
    pub(crate) zone: String,
    /// The id that the router gave it.
    pub(crate) outage: String,
    pub(crate) service: Option<String>,
    pub(crate) process: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    pub(crate) opened: Timestamp,
    /// Absent: it goes on.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) ended: Option<Timestamp>,
    /// The worst severity of any of its alerts.
    #[schema(value_type = String)]
    pub(crate) worst: Severity,
    /// The kind of its last alert.
    pub(crate) kind: String,
    /// The severity of its last alert.
    #[schema(value_type = String)]
    pub(crate) severity: Severity,
    /// The time of its last alert.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) last: Timestamp,
    /// How many alerts it has.
    pub(crate) alerts: i64,
    /// How many of them a silence withholds, or withheld for good.
    pub(crate) withheld: i64,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) acknowledged: Option<Timestamp>,
    pub(crate) acknowledged_by: Option<String>,
}

impl From<Alert> for AlertShown {
    fn from(alert: Alert) -> Self {
        Self {
            id: alert.id,
            zone: alert.zone,
            via: match alert.via {
                Via::Http => "http",
                Via::Visit => "visit",
                Via::Legacy => "legacy",
                Via::Manager => "manager",
            },
            stored: alert.stored,
            silence: alert.silence,
            event: alert.event,
        }
    }
}

impl From<Outage> for OutageShown {
    fn from(outage: Outage) -> Self {
        Self {
            id: outage.id,
            router: outage.router,
            zone: outage.zone,
            outage: outage.outage,
            service: outage.service,
            process: outage.process,
            opened: outage.opened,
            ended: outage.ended,
            worst: outage.worst,
            kind: outage.kind,
            severity: outage.severity,
            last: outage.last,
            alerts: outage.alerts,
            withheld: outage.withheld,
            acknowledged: outage.acknowledged,
            acknowledged_by: outage.acknowledged_by,
        }
    }
}

/// Alerts, the last stored first.
#[utoipa::path(get, path = "/api/v1/alerts", tag = "alerts", params(WhichAlerts, Which),
    responses((status = 200, body = Shown<AlertShown>), (status = 400, body = Failure)))]
pub(super) async fn alerts(
    State(api): State<Arc<Api>>,
    _: Caller,
    Asked(which): Asked<WhichAlerts>,
    Asked(page): Asked<Which>,
) -> Result<Json<Shown<AlertShown>>, Refusal> {
    let filter = AlertFilter {
        router: which.router,
        zone: which.zone,
        service: which.service,
        kind: which.kind,
        outage: which.outage,
        min_severity: which.min_severity,
        since: which.since,
        until: which.until,
    };
    Shown::of(api.store.alerts(&filter, page.page()).await)
}

/// Outages, the last begun first.
#[utoipa::path(get, path = "/api/v1/outages", tag = "alerts", params(WhichOutages, Which),
    responses((status = 200, body = Shown<OutageShown>), (status = 400, body = Failure)))]
pub(super) async fn outages(
    State(api): State<Arc<Api>>,
    _: Caller,
    Asked(which): Asked<WhichOutages>,
    Asked(page): Asked<Which>,
) -> Result<Json<Shown<OutageShown>>, Refusal> {
    let filter = OutageFilter {
        router: which.router,
        zone: which.zone,
        service: which.service,
        open: which.open,
        acknowledged: which.acknowledged,
        min_severity: which.min_severity,
        since: which.since,
        until: which.until,
    };
    Shown::of(api.store.outages(&filter, page.page()).await)
}

/// One outage.
#[utoipa::path(get, path = "/api/v1/outages/{id}", tag = "alerts", params(("id" = i64, Path)),
    responses((status = 200, body = OutageShown), (status = 404, body = Failure)))]
pub(super) async fn outage(
    State(api): State<Arc<Api>>,
    _: Caller,
    Named(id): Named<i64>,
) -> Result<Json<OutageShown>, Refusal> {
    found(api.store.outage(id).await, id)
}

/// Say that one looks after an outage. Whoever was first stays.
#[utoipa::path(post, path = "/api/v1/outages/{id}/acknowledge", tag = "alerts",
    params(("id" = i64, Path)),
    responses((status = 200, body = OutageShown), (status = 404, body = Failure)))]
pub(super) async fn acknowledge(
    State(api): State<Arc<Api>>,
    Admin(actor): Admin,
    Named(id): Named<i64>,
) -> Result<Json<OutageShown>, Refusal> {
    found(api.store.acknowledge(id, &actor).await, id)
}

fn found(
    outage: Result<Option<Outage>, StoreError>,
    id: i64,
) -> Result<Json<OutageShown>, Refusal> {
    let outage = outage.map_err(told)?;
    let outage = outage.ok_or_else(|| absent("outage", id))?;
    Ok(Json(outage.into()))
}
