//! Routers: what is known of them, their keys, what each watches and why, and sending it there.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::extract::{Admin, Asked, Caller, Given, Named, told};
use super::{Api, Failure, absent};
use crate::api::refusal::Refusal;
use crate::plan::inventory::{Change, Inventory, Router};
use crate::plan::{LeftOut, Plan, PlanError, Row};
use crate::routers::import::by_hand;
use crate::routers::visit::PollError;
use crate::store::StoreError;

/// The most routers that are named in one request.
const MOST_NAMED: usize = 20_000;

#[derive(Serialize, ToSchema)]
pub(super) struct Added {
    name: String,
    /// The router's key, shown this once: for `secret_file` of its `[sink.NAME.http]`.
    key: String,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Older {
    /// Whether the router's older keys end at once.
    #[serde(default)]
    retire_old: bool,
}

#[derive(Serialize, ToSchema)]
pub(super) struct PlanShown {
    router: String,
    /// What it watches, and why.
    rows: Vec<Row>,
    /// What it does not watch, and why not.
    left_out: Vec<LeftOut>,
    /// Whether monitoring is off for all that it serves.
    switched_off: bool,
    /// The text of `/etc/monitor.conf`.
    monitor_conf: String,
    /// The string that `CloudStack` sends.
    wire: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Excluded {
    /// Names of services, `dhcp`, that are not watched: all of them, not only new ones.
    pub(super) services: BTreeSet<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// The routers' names.
    #[serde(default)]
    routers: Vec<String>,
    /// All that run, instead of naming them.
    #[serde(default)]
    all: bool,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Queued {
    /// The pushes' ids: `GET /api/v1/pushes` says what came of them.
    pushes: Vec<i64>,
}

impl Api {
    async fn router(&self, name: &str) -> Result<Router, Refusal> {
        let inventory = self.store.inventory_of(name).await.map_err(told)?;
        let mut routers = inventory.routers.into_iter();
        routers
            .find(|router| router.name == name)
            .ok_or_else(|| absent("router", name))
    }

    /// Stores a router as it was given, when it fits what is known.
    async fn set_fit(&self, actor: &str, router: Router) -> Result<(), Refusal> {
        let known = self.store.inventory().await.map_err(told)?;
        let new = Inventory {
            routers: vec![router.clone()],
            ..Inventory::default()
        };
        by_hand(&new, &known).map_err(Refusal::bad)?;
        self.set_router(actor, router).await
    }

    async fn set_router(&self, actor: &str, router: Router) -> Result<(), Refusal> {
        let change = [Change::SetRouter(router)];
        self.store.apply(actor, &change).await.map_err(told)
    }
}

/// All routers.
#[utoipa::path(get, path = "/api/v1/routers", tag = "routers",
    responses((status = 200, body = Vec<Router>), (status = 401, body = Failure)))]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    _: Caller,
) -> Result<Json<Vec<Router>>, Refusal> {
    let inventory = api.store.inventory().await.map_err(told)?;
    Ok(Json(inventory.routers))
}

/// Add a router; the answer holds its key, once.
#[utoipa::path(post, path = "/api/v1/routers", tag = "routers", request_body = Router,
    responses((status = 201, body = Added), (status = 400, body = Failure),
        (status = 403, body = Failure), (status = 409, body = Failure)))]
pub(super) async fn add(
    State(api): State<Arc<Api>>,
    Admin(actor): Admin,
    Given(router): Given<Router>,
) -> Result<(StatusCode, Json<Added>), Refusal> {
    let name = router.name.clone();
    match api.store.inventory_of(&name).await {
        Ok(_) => {
            let words = format!("there is a router {name} already");
            return Err(Refusal::new(StatusCode::CONFLICT, words));
        }
        Err(StoreError::NoSuchRouter(_)) => {}
        Err(error) => return Err(told(error)),
    }
    // By hand, whoever else is named: no import removes it.
    let router = Router {
        source: None,
        ..router
    };
    api.set_fit(&actor, router).await?;
    let key = api.store.issue_key(&actor, &name).await.map_err(told)?;
    api.verifier.forget(&name);
    let key = key.reveal();
    Ok((StatusCode::CREATED, Json(Added { name, key })))
}

/// One router.
#[utoipa::path(get, path = "/api/v1/routers/{name}", tag = "routers",
    params(("name" = String, Path)),
    responses((status = 200, body = Router), (status = 404, body = Failure)))]
pub(super) async fn get(
    State(api): State<Arc<Api>>,
    _: Caller,
    Named(name): Named<String>,
) -> Result<Json<Router>, Refusal> {
    api.router(&name).await.map(Json)
}

/// Replace what is known of a router. Its keys, alerts and cursors stay.
#[utoipa::path(put, path = "/api/v1/routers/{name}", tag = "routers",
    params(("name" = String, Path)), request_body = Router,
    responses((status = 204), (status = 400, body = Failure), (status = 404, body = Failure)))]
pub(super) async fn replace(
    State(api): State<Arc<Api>>,
    Admin(actor): Admin,
    Named(name): Named<String>,
    Given(router): Given<Router>,
) -> Result<StatusCode, Refusal> {
    if router.name != name {
        return Err(Refusal::bad("the path names another router than the body"));
    }
    api.router(&name).await?;
    api.set_fit(&actor, router).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Remove a router. Its keys end; its alerts stay until they are old.
#[utoipa::path(delete, path = "/api/v1/routers/{name}", tag = "routers",
    params(("name" = String, Path)),
    responses((status = 204), (status = 404, body = Failure)))]
pub(super) async fn remove(
    State(api): State<Arc<Api>>,
    Admin(actor): Admin,
    Named(name): Named<String>,
) -> Result<StatusCode, Refusal> {
    api.router(&name).await?;
    let change = [Change::RemoveRouter(name.clone())];
    api.store.apply(&actor, &change).await.map_err(told)?;
    api.verifier.forget(&name);
    Ok(StatusCode::NO_CONTENT)
}

/// A new key for a router, shown this once. Older ones stay valid, so that it can be exchanged
/// without a gap; end them afterwards with `retire_old`.
#[utoipa::path(post, path = "/api/v1/routers/{name}/key", tag = "routers",
    params(("name" = String, Path), Older),
    responses((status = 201, body = Added), (status = 404, body = Failure)))]
pub(super) async fn issue_key(
    State(api): State<Arc<Api>>,
    Admin(actor): Admin,
    Named(name): Named<String>,
    Asked(older): Asked<Older>,
) -> Result<(StatusCode, Json<Added>), Refusal> {
    let key = api.store.issue_key(&actor, &name).await.map_err(told)?;
    if older.retire_old {
        let retired = api.store.retire_keys(&actor, &name, key.id).await;
        retired.map_err(told)?;
    }
    api.verifier.forget(&name);
    let key = key.reveal();
    Ok((StatusCode::CREATED, Json(Added { name, key })))
}

/// What a router watches, and why.
#[utoipa::path(get, path = "/api/v1/routers/{name}/plan", tag = "routers",
    params(("name" = String, Path)),
    responses((status = 200, body = PlanShown), (status = 404, body = Failure),
        (status = 409, body = Failure, description = "the inventory lacks what the plan follows from")))]
pub(super) async fn plan(
    State(api): State<Arc<Api>>,
    _: Caller,
    Named(name): Named<String>,
) -> Result<Json<PlanShown>, Refusal> {
    let inventory = api.store.inventory_of(&name).await.map_err(told)?;
    let services = api.store.services().await.map_err(told)?;
    let plan = Plan::of(&inventory, &services, &name, api.policy).map_err(|error| match error {
        PlanError::NoSuchRouter(_) => absent("router", &name),
        PlanError::Inventory { .. } => Refusal::new(StatusCode::CONFLICT, error.to_string()),
    })?;
    let unfit = |error: crate::plan::forms::FormError| {
        Refusal::new(StatusCode::CONFLICT, error.to_string())
    };
    let monitor_conf = plan.monitor_conf().map_err(unfit)?;
    let wire = plan.wire().map_err(unfit)?;
    Ok(Json(PlanShown {
        router: plan.router,
        rows: plan.rows,
        left_out: plan.left_out,
        switched_off: plan.switched_off,
        monitor_conf,
        wire,
    }))
}

/// Say which services this router does not watch.
#[utoipa::path(put, path = "/api/v1/routers/{name}/excluded", tag = "routers",
    params(("name" = String, Path)), request_body = Excluded,
    responses((status = 204), (status = 400, body = Failure), (status = 404, body = Failure)))]
pub(super) async fn exclude(
    State(api): State<Arc<Api>>,
    Admin(actor): Admin,
    Named(name): Named<String>,
    Given(excluded): Given<Excluded>,
) -> Result<StatusCode, Refusal> {
    let mut router = api.router(&name).await?;
    api.are_services(&excluded.services).await?;
    router.excluded = excluded.services;
    api.set_router(&actor, router).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Send this router what it watches.
#[utoipa::path(post, path = "/api/v1/routers/{name}/push", tag = "pushes",
    params(("name" = String, Path)),
    responses((status = 202, body = Queued), (status = 404, body = Failure)))]
pub(super) async fn push(
    State(api): State<Arc<Api>>,
    Admin(actor): Admin,
    Named(name): Named<String>,
) -> Result<(StatusCode, Json<Queued>), Refusal> {
    let pushes = api.store.request_pushes(&actor, &[name]).await;
    let pushes = pushes.map_err(told)?;
    Ok((StatusCode::ACCEPTED, Json(Queued { pushes })))
}

/// Send many routers what they watch.
#[utoipa::path(post, path = "/api/v1/pushes", tag = "pushes", request_body = Wanted,
    responses((status = 202, body = Queued), (status = 400, body = Failure),
        (status = 404, body = Failure)))]
pub(super) async fn push_many(
    State(api): State<Arc<Api>>,
    Admin(actor): Admin,
    Given(wanted): Given<Wanted>,
) -> Result<(StatusCode, Json<Queued>), Refusal> {
    if wanted.all != wanted.routers.is_empty() {
        return Err(Refusal::bad("name `routers`, or say `all`, and not both"));
    }
    if wanted.routers.len() > MOST_NAMED {
        return Err(Refusal::bad(format!("more than {MOST_NAMED} routers")));
    }
    let names = if wanted.all {
        let inventory = api.store.inventory().await.map_err(told)?;
        let running = inventory.routers.into_iter().filter(|one| one.running);
        running.map(|router| router.name).collect()
    } else {
        wanted.routers
    };
    let pushes = api.store.request_pushes(&actor, &names).await;
    let pushes = pushes.map_err(told)?;
    Ok((StatusCode::ACCEPTED, Json(Queued { pushes })))
}

#[derive(Serialize, ToSchema)]
pub(super) struct Visited {
    /// Alerts that were not stored before.
    new: u64,
    /// Alerts that were.
    known: u64,
    /// Of how many interfaces usage was brought.
    interfaces: usize,
    /// What a person should know.
    notes: Vec<String>,
}

/// Visit this router now, for its alerts and usage; due or not.
#[utoipa::path(post, path = "/api/v1/routers/{name}/poll", tag = "routers",
    params(("name" = String, Path)),
    responses((status = 200, body = Visited), (status = 404, body = Failure),
        (status = 409, body = Failure, description = "it is being visited right now"),
        (status = 502, body = Failure, description = "the visit failed")))]
pub(super) async fn poll(
    State(api): State<Arc<Api>>,
    Admin(actor): Admin,
    Named(name): Named<String>,
) -> Result<Json<Visited>, Refusal> {
    api.router(&name).await?;
    let poller = api.poller.clone();
    let audited = api.store.audit(&actor, "poll", &name, "").await;
    audited.map_err(told)?;
    // In a task of its own: a client that goes away breaks no visit off.
    let visit = tokio::spawn(async move { poller.poll_once(&name).await });
    let brought = visit.await.map_err(|error| {
        tracing::error!(%error, "a visit broke off");
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the visit broke off")
    })?;
    let brought = brought.map_err(|error| match error {
        PollError::Busy => Refusal::new(StatusCode::CONFLICT, error.to_string()),
        PollError::Missed(words) => Refusal::new(StatusCode::BAD_GATEWAY, words),
        PollError::Store(error) => told(error),
    })?;
    Ok(Json(Visited {
        new: brought.new,
        known: brought.known,
        interfaces: brought.usage,
        notes: brought.notes,
    }))
}
