//! What was done and measured: usage, pushes, the audit trail.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use contract::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::extract::{Asked, Caller, Named, told};
use super::pages::{Shown, Which};
use super::{Api, Failure};
use crate::api::refusal::Refusal;
use crate::store::{AuditEntry, LARGEST_PAGE, Push, PushFilter, PushState};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Since {
    /// From when; absent: all that is kept.
    #[param(value_type = Option<String>)]
    since: Option<Timestamp>,
    /// How many samples at most: 1 to 1000.
    limit: Option<u32>,
}

/// The counters of one interface at one time.
#[derive(Serialize, ToSchema)]
pub(super) struct Sample {
    #[schema(value_type = String, format = DateTime)]
    time: Timestamp,
    interface: String,
    bytes_received: u64,
    bytes_sent: u64,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct WhichPushes {
    /// The router's name.
    router: Option<String>,
    /// `queued`, `running`, `done` or `failed`.
    #[param(value_type = Option<String>)]
    state: Option<PushState>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct PushShown {
    id: i64,
    router: String,
    #[schema(value_type = String, format = DateTime)]
    requested: Timestamp,
    requested_by: String,
    /// `queued`, `running`, `done` or `failed`.
    #[schema(value_type = String)]
    state: PushState,
    #[schema(value_type = Option<String>, format = DateTime)]
    finished: Option<Timestamp>,
    /// The digest of what was sent.
    digest: Option<String>,
    /// What came of it, in words.
    outcome: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Line {
    id: i64,
    #[schema(value_type = String, format = DateTime)]
    time: Timestamp,
    /// The user; `command line` for commands.
    actor: String,
    action: String,
    subject: String,
    detail: String,
}

impl From<Push> for PushShown {
    fn from(push: Push) -> Self {
        Self {
            id: push.id,
            router: push.router,
            requested: push.requested,
            requested_by: push.requested_by,
            state: push.state,
            finished: push.finished,
            digest: push.digest,
            outcome: push.outcome,
        }
    }
}

impl From<AuditEntry> for Line {
    fn from(entry: AuditEntry) -> Self {
        Self {
            id: entry.id,
            time: entry.time,
            actor: entry.actor,
            action: entry.action,
            subject: entry.subject,
            detail: entry.detail,
        }
    }
}

/// A router's usage counters, oldest first.
#[utoipa::path(get, path = "/api/v1/routers/{name}/usage", tag = "routers",
    params(("name" = String, Path), Since),
    responses((status = 200, body = Vec<Sample>), (status = 404, body = Failure)))]
pub(super) async fn usage(
    State(api): State<Arc<Api>>,
    _: Caller,
    Named(name): Named<String>,
    Asked(asked): Asked<Since>,
) -> Result<Json<Vec<Sample>>, Refusal> {
    api.store.inventory_of(&name).await.map_err(told)?;
    let since = asked.since.or(Timestamp::from_unix_millis(0));
    let since = since.unwrap_or_else(Timestamp::now);
    let limit = asked.limit.unwrap_or(LARGEST_PAGE).clamp(1, LARGEST_PAGE);
    let samples = api.store.usage(&name, since, limit).await.map_err(told)?;
    let shown = samples.into_iter().map(|sample| Sample {
        time: sample.time,
        interface: sample.interface,
        bytes_received: sample.bytes_received,
        bytes_sent: sample.bytes_sent,
    });
    Ok(Json(shown.collect()))
}

/// What was sent to routers, and what came of it; the last asked for first.
#[utoipa::path(get, path = "/api/v1/pushes", tag = "pushes", params(WhichPushes, Which),
    responses((status = 200, body = Shown<PushShown>), (status = 400, body = Failure)))]
pub(super) async fn pushes(
    State(api): State<Arc<Api>>,
    _: Caller,
    Asked(which): Asked<WhichPushes>,
    Asked(page): Asked<Which>,
) -> Result<Json<Shown<PushShown>>, Refusal> {
    let filter = PushFilter {
        router: which.router,
        state: which.state,
    };
    Shown::of(api.store.pushes(&filter, page.page()).await)
}

/// Who changed what, and when.
#[utoipa::path(get, path = "/api/v1/audit", tag = "users", params(Which),
    responses((status = 200, body = Shown<Line>), (status = 401, body = Failure)))]
pub(super) async fn audit(
    State(api): State<Arc<Api>>,
    _: Caller,
    Asked(page): Asked<Which>,
) -> Result<Json<Shown<Line>>, Refusal> {
    Shown::of(api.store.audit_trail(page.page()).await)
}
