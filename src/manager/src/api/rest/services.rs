//! The rows of `monitoring_services`.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::extract::{Admin, Caller, Given, Named, told};
use super::{Api, Failure, removed};
use crate::api::refusal::Refusal;
use crate::plan::forms::check_row;
use crate::plan::inventory::MonitoringService;

impl Api {
    /// Whether all of these are services.
    pub(super) async fn are_services(&self, names: &BTreeSet<String>) -> Result<(), Refusal> {
        let known = self.store.services().await.map_err(told)?;
        let strange = |name: &&String| !known.iter().any(|row| row.service == **name);
        let Some(name) = names.iter().find(strange) else {
            return Ok(());
        };
        let known: Vec<_> = known.iter().map(|row| row.service.as_str()).collect();
        let known = known.join(", ");
        Err(Refusal::bad(format!(
            "there is no service {name}; there are {known}"
        )))
    }
}

/// All services that routers may watch.
#[utoipa::path(get, path = "/api/v1/services", tag = "services",
    responses((status = 200, body = Vec<MonitoringService>), (status = 401, body = Failure)))]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    _: Caller,
) -> Result<Json<Vec<MonitoringService>>, Refusal> {
    api.store.services().await.map(Json).map_err(told)
}

/// Add a service, or replace the one of this name.
#[utoipa::path(put, path = "/api/v1/services/{service}", tag = "services",
    params(("service" = String, Path)), request_body = MonitoringService,
    responses((status = 204), (status = 400, body = Failure), (status = 403, body = Failure)))]
pub(super) async fn set(
    State(api): State<Arc<Api>>,
    Admin(actor): Admin,
    Named(name): Named<String>,
    Given(service): Given<MonitoringService>,
) -> Result<StatusCode, Refusal> {
    if service.service != name {
        return Err(Refusal::bad("the path names another service than the body"));
    }
    check_row(&service).map_err(|error| Refusal::bad(error.to_string()))?;
    let set = api.store.set_service(&actor, &service).await;
    set.map_err(told)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Remove a service: no router watches it any more.
#[utoipa::path(delete, path = "/api/v1/services/{service}", tag = "services",
    params(("service" = String, Path)),
    responses((status = 204), (status = 404, body = Failure)))]
pub(super) async fn remove(
    State(api): State<Arc<Api>>,
    Admin(actor): Admin,
    Named(name): Named<String>,
) -> Result<StatusCode, Refusal> {
    removed(
        api.store.remove_service(&actor, &name).await,
        "service",
        name,
    )
}
