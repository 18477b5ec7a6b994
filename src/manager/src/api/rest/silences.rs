//! Maintenance: what is stored but not told for a while.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use contract::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::extract::{Admin, Asked, Caller, Given, Named, told};
use super::pages::{Shown, Which};
use super::{Api, Failure, removed};
use crate::api::refusal::Refusal;
use crate::store::{NewSilence, Silence};

/// A silence; what is absent does not matter. What fits all that is there is withheld from the
/// sinks, but for the end of an outage that they were told of. When the silence is over they are
/// told what still goes on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Begun {
    /// The zone's id.
    zone: Option<String>,
    /// The router's name.
    router: Option<String>,
    /// The service.
    service: Option<String>,
    /// From when; absent: now.
    #[schema(value_type = Option<String>, format = DateTime)]
    starts: Option<Timestamp>,
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    ends: Timestamp,
    /// Why.
    reason: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct SilenceShown {
    pub(crate) id: i64,
    /// The zone's id; absent: all.
    pub(crate) zone: Option<String>,
    /// The router's name; absent: all.
    pub(crate) router: Option<String>,
    /// The service; absent: all.
    pub(crate) service: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    pub(crate) starts: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub(crate) ends: Timestamp,
    pub(crate) reason: String,
    pub(crate) created_by: String,
    /// How many alerts it has withheld.
    pub(crate) withheld: i64,
    /// How many of these were told when it was over, because what they tell went on.
    pub(crate) told_afterwards: i64,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Made {
    id: i64,
}

impl From<Silence> for SilenceShown {
    fn from(found: Silence) -> Self {
        Self {
            id: found.id,
            zone: found.silence.zone,
            router: found.silence.router,
            service: found.silence.service,
            starts: found.silence.starts,
            ends: found.silence.ends,
            reason: found.silence.reason,
            created_by: found.created_by,
            withheld: found.held,
            told_afterwards: found.told,
        }
    }
}

/// Silences, past and to come, the last made first.
#[utoipa::path(get, path = "/api/v1/silences", tag = "silences", params(Which),
    responses((status = 200, body = Shown<SilenceShown>), (status = 401, body = Failure)))]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    _: Caller,
    Asked(page): Asked<Which>,
) -> Result<Json<Shown<SilenceShown>>, Refusal> {
    Shown::of(api.store.silences(page.page()).await)
}

/// Begin a silence.
#[utoipa::path(post, path = "/api/v1/silences", tag = "silences", request_body = Begun,
    responses((status = 201, body = Made), (status = 400, body = Failure)))]
pub(super) async fn add(
    State(api): State<Arc<Api>>,
    Admin(actor): Admin,
    Given(begun): Given<Begun>,
) -> Result<(StatusCode, Json<Made>), Refusal> {
    let silence = NewSilence {
        zone: begun.zone,
        router: begun.router,
        service: begun.service,
        starts: begun.starts.unwrap_or_else(Timestamp::now),
        ends: begun.ends,
        reason: begun.reason,
    };
    let id = api.store.add_silence(&actor, &silence).await;
    let id = id.map_err(told)?;
    Ok((StatusCode::CREATED, Json(Made { id })))
}

/// End a silence now. What it withheld and still goes on is told.
#[utoipa::path(delete, path = "/api/v1/silences/{id}", tag = "silences",
    params(("id" = i64, Path)),
    responses((status = 204), (status = 404, body = Failure)))]
pub(super) async fn end(
    State(api): State<Arc<Api>>,
    Admin(actor): Admin,
    Named(id): Named<i64>,
) -> Result<StatusCode, Refusal> {
    let ended = api.store.end_silence(&actor, id).await;
    removed(ended, "silence that goes on with the id", id)
}
