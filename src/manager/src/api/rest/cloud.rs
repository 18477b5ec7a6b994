//! What an import brought besides routers: zones, network offerings, networks.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::extract::{Admin, Caller, Given, Named, told};
use super::routers::Excluded;
use super::{Api, Failure, absent};
use crate::api::refusal::Refusal;
use crate::plan::inventory::{Change, Network, Offering, Zone};

/// All zones.
#[utoipa::path(get, path = "/api/v1/zones", tag = "cloud",
    responses((status = 200, body = Vec<Zone>), (status = 401, body = Failure)))]
pub(super) async fn zones(
    State(api): State<Arc<Api>>,
    _: Caller,
) -> Result<Json<Vec<Zone>>, Refusal> {
    Ok(Json(api.store.inventory().await.map_err(told)?.zones))
}

/// All network offerings.
#[utoipa::path(get, path = "/api/v1/offerings", tag = "cloud",
    responses((status = 200, body = Vec<Offering>), (status = 401, body = Failure)))]
pub(super) async fn offerings(
    State(api): State<Arc<Api>>,
    _: Caller,
) -> Result<Json<Vec<Offering>>, Refusal> {
    Ok(Json(api.store.inventory().await.map_err(told)?.offerings))
}

/// All networks.
#[utoipa::path(get, path = "/api/v1/networks", tag = "cloud",
    responses((status = 200, body = Vec<Network>), (status = 401, body = Failure)))]
pub(super) async fn networks(
    State(api): State<Arc<Api>>,
    _: Caller,
) -> Result<Json<Vec<Network>>, Refusal> {
    Ok(Json(api.store.inventory().await.map_err(told)?.networks))
}

/// Say which services no router watches for this network.
#[utoipa::path(put, path = "/api/v1/networks/{id}/excluded", tag = "cloud",
    params(("id" = String, Path)), request_body = Excluded,
    responses((status = 204), (status = 404, body = Failure)))]
pub(super) async fn exclude(
    State(api): State<Arc<Api>>,
    Admin(actor): Admin,
    Named(id): Named<String>,
    Given(excluded): Given<Excluded>,
) -> Result<StatusCode, Refusal> {
    let networks = api.store.inventory().await.map_err(told)?.networks;
    let network = networks.into_iter().find(|network| network.id == id);
    let mut network = network.ok_or_else(|| absent("network", &id))?;
    network.excluded = excluded.services;
    let change = [Change::SetNetwork(network)];
    api.store.apply(&actor, &change).await.map_err(told)?;
    Ok(StatusCode::NO_CONTENT)
}
