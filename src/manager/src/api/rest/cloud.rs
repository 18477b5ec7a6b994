//! What an import brought besides routers: zones, network offerings, networks.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::extract::{Admin, Caller, Given, Named, told};
use super::routers::Excluded;
use super::{Api, Failure, absent};
use crate::api::refusal::Refusal;
use crate::plan::inventory::{Change, Inventory, Network, Offering, Zone};
use crate::routers::import::by_hand;

/// All zones.
#[utoipa::path(get, path = "/api/v1/zones", tag = "cloud",
    responses((status = 200, body = Vec<Zone>), (status = 401, body = Failure)))]
pub(super) async fn zones(
    State(api): State<Arc<Api>>,
    _: Caller,
) -> Result<Json<Vec<Zone>>, Refusal> {
    Ok(Json(api.store.inventory().await.map_err(told)?.zones))
}

/// Add a zone by hand, or replace what is known of it: its `monitoring`, say.
#[utoipa::path(put, path = "/api/v1/zones/{id}", tag = "cloud",
    params(("id" = String, Path)), request_body = Zone,
    responses((status = 204), (status = 400, body = Failure)))]
pub(super) async fn set_zone(
    State(api): State<Arc<Api>>,
    Admin(actor): Admin,
    Named(id): Named<String>,
    Given(zone): Given<Zone>,
) -> Result<StatusCode, Refusal> {
    if zone.id != id {
        return Err(Refusal::bad("the path names another zone than the body"));
    }
    let known = api.store.inventory().await.map_err(told)?;
    let new = Inventory {
        zones: vec![zone.clone()],
        ..Inventory::default()
    };
    by_hand(&new, &known).map_err(Refusal::bad)?;
    let change = [Change::SetZone(zone)];
    api.store.apply(&actor, &change).await.map_err(told)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Remove a zone that nothing is in.
#[utoipa::path(delete, path = "/api/v1/zones/{id}", tag = "cloud",
    params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Failure),
        (status = 409, body = Failure, description = "routers or networks are in it")))]
pub(super) async fn remove_zone(
    State(api): State<Arc<Api>>,
    Admin(actor): Admin,
    Named(id): Named<String>,
) -> Result<StatusCode, Refusal> {
    let known = api.store.inventory().await.map_err(told)?;
    if !known.zones.iter().any(|zone| zone.id == id) {
        return Err(absent("zone", &id));
    }
    if known.uses_zone(&id) {
        return Err(Refusal::new(
            StatusCode::CONFLICT,
            format!("routers or networks are in zone {id}"),
        ));
    }
    let change = [Change::RemoveZone(id)];
    api.store.apply(&actor, &change).await.map_err(told)?;
    Ok(StatusCode::NO_CONTENT)
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
    responses((status = 204), (status = 400, body = Failure), (status = 404, body = Failure)))]
pub(super) async fn exclude(
    State(api): State<Arc<Api>>,
    Admin(actor): Admin,
    Named(id): Named<String>,
    Given(excluded): Given<Excluded>,
) -> Result<StatusCode, Refusal> {
    let networks = api.store.inventory().await.map_err(told)?.networks;
    let network = networks.into_iter().find(|network| network.id == id);
    let mut network = network.ok_or_else(|| absent("network", &id))?;
    api.are_services(&excluded.services).await?;
    network.excluded = excluded.services;
    let change = [Change::SetNetwork(network)];
    api.store.apply(&actor, &change).await.map_err(told)?;
    Ok(StatusCode::NO_CONTENT)
}
