//! `GET /api/v1/routers/NAME/services`: what a router watches, for the router that fetches it.
//!
//! Both sides sign as Standard Webhooks 1.0.0 has it, with the router's key:
//! - the request, which has no body: over `ID.TIMESTAMP.PATH`, where PATH is the path as it stands
//!   in the request line (`/api/v1/routers/r-42-VM/services`). It begins with `/` and a batch of
//!   alerts with `[` or `{`, so neither signature can serve for the other;
//! - the answer, 200 or 304, with the headers of the same names: over `ID.TIMESTAMP.ETAG.BODY`. ID
//!   is the request's, so that it answers no other; ETAG is the header with its quotes, BODY is
//!   empty for 304. What a router watches is thus never believed of anybody else, even where TLS
//!   ends before the manager.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;

use super::clock::Clock;
use super::receive::Archive;
use super::refusal::Refusal;
use super::signed::{Disbelief, Signed, Verifier};
use super::text;
use crate::acceptable::is_name;
use crate::plan::{Plan, PlanError, Policy};
use crate::store::StoreError;

const BEFORE: &str = "/api/v1/routers/";
const AFTER: &str = "/services";

/// Where routers fetch their plans.
pub struct Plans {
    verifier: Arc<Verifier>,
    archive: Arc<dyn Archive>,
    policy: Policy,
    clock: Clock,
}

/// What a router is told.
#[derive(Serialize)]
struct Told<'plan> {
    router: &'plan str,
    /// Whether monitoring is off for all that it serves.
    switched_off: bool,
    services: Vec<Watched<'plan>>,
    /// The text of `/etc/monitor.conf`.
    monitor_conf: String,
}

#[derive(Serialize)]
struct Watched<'plan> {
    service: &'plan str,
    process_name: &'plan str,
    service_name: &'plan str,
    pidfile: &'plan str,
    reason: &'plan str,
}

impl Plans {
    /// Plans by what `archive` holds, for routers that `verifier` believes.
    #[must_use]
    pub fn new(
        verifier: Arc<Verifier>,
        archive: Arc<dyn Archive>,
        policy: Policy,
        clock: Clock,
    ) -> Self {
        Self {
            verifier,
            archive,
            policy,
            clock,
        }
    }

    async fn tell(&self, request: &Parts) -> Result<Response, Refusal> {
        let path = request.uri.path();
        let name = path
            .strip_prefix(BEFORE)
            .and_then(|path| path.strip_suffix(AFTER))
            .and_then(text::percent_decoded)
            .filter(|name| !name.is_empty() && is_name(name))
            .ok_or_else(|| Refusal::bad("the path names no router"))?;
        if request.uri.query().is_some() {
            return Err(Refusal::bad("there is nothing to ask for with `?`"));
        }
        let now = self.clock.now();
        let signed = Signed::read(&request.headers, now)?;
        let mut content = signed.prefix();
        content.extend_from_slice(path.as_bytes());
        let proof = self.verifier.check(&name, &signed, &content).await?;
        let plan = self.plan(&name).await?;
        let etag = plan.etag();
        let (status, body) = if asks_for_other(&request.headers, &etag) {
            (StatusCode::OK, body(&plan)?)
        } else {
            (StatusCode::NOT_MODIFIED, String::new())
        };
        let stamp = now.unix_millis().div_euclid(1000).to_string();
        let signature = proof.sign(&[signed.id(), ".", &stamp, ".", &etag, ".", &body].concat());
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        for (name, value) in [
            ("content-type", "application/json"),
            ("cache-control", "private, no-cache"),
            ("etag", etag.as_str()),
            ("webhook-id", signed.id()),
            ("webhook-timestamp", &stamp),
            ("webhook-signature", &signature),
        ] {
            // All of them are visible ASCII.
            if let Ok(value) = HeaderValue::from_str(value) {
                response.headers_mut().insert(name, value);
            }
        }
        Ok(response)
    }

    async fn plan(&self, router: &str) -> Result<Plan, Refusal> {
        let gone = || Refusal::from(Disbelief::NotProven);
        let inventory = match self.archive.inventory_of(router).await {
            Ok(inventory) => inventory,
            // It was removed between the look at its keys and now.
            Err(StoreError::NoSuchRouter(_)) => return Err(gone()),
            Err(error) => return Err(Refusal::from(&error)),
        };
        let services = self
            .archive
            .services()
            .await
            .map_err(|error| Refusal::from(&error))?;
        Plan::of(&inventory, &services, router, self.policy).map_err(|error| match error {
            PlanError::NoSuchRouter(_) => gone(),
            PlanError::Inventory { .. } => {
                tracing::warn!(%error, "a router asks for its plan in vain");
                Refusal::new(StatusCode::CONFLICT, error.to_string())
            }
        })
    }
}

/// The route.
pub fn routes(plans: Arc<Plans>) -> Router {
    Router::new()
        .route("/api/v1/routers/{name}/services", get(tell))
        .with_state(plans)
}

async fn tell(State(plans): State<Arc<Plans>>, request: Request) -> Response {
    match plans.tell(&request.into_parts().0).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    }
}

fn body(plan: &Plan) -> Result<String, Refusal> {
    let internal = |error: &dyn std::fmt::Display| {
        tracing::warn!(%error, router = plan.router, "a plan cannot be written down");
        Refusal::new(StatusCode::CONFLICT, error.to_string())
    };
    let services = plan.rows.iter().map(|row| Watched {
        service: &row.service.service,
        process_name: &row.service.process_name,
        service_name: &row.service.service_name,
        pidfile: &row.service.pidfile,
        reason: &row.reason,
    });
    let told = Told {
        router: &plan.router,
        switched_off: plan.switched_off,
        services: services.collect(),
        monitor_conf: plan.monitor_conf().map_err(|error| internal(&error))?,
    };
    serde_json::to_string(&told).map_err(|error| internal(&error))
}

/// Whether the client has another plan, or none. Source: RFC 9110 §13.1.2.
fn asks_for_other(headers: &HeaderMap, etag: &str) -> bool {
    let given = headers.get_all(header::IF_NONE_MATCH);
    !given
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == etag)
}

#[cfg(test)]
#[path = "services_tests.rs"]
mod tests;
