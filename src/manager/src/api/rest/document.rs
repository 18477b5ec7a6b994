//! The list of all routes, and the `OpenAPI` document made of it, served without log-in at
//! `/api/v1/openapi.json`.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::http::header;
use axum::routing::get;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Api, alerts, cloud, elsewhere, history, login, routers, services, silences, users};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "vrwatch-manager",
        description = "What the management server of vrwatch knows and does.\n\n\
            Without log-in: `POST /api/v1/login`, `POST /api/v1/password`, this document, `/healthz`, `/readyz`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    security(("session" = [])),
    modifiers(&Session),
)]
struct Head;

struct Session;

impl Modify for Session {
    fn modify(&self, document: &mut Document) {
        let components = document.components.get_or_insert_default();
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("The token that POST /api/v1/login gives."))
            .build();
        components.add_security_scheme("session", SecurityScheme::Http(scheme));
        let signature = ApiKeyValue::with_description(
            "webhook-signature",
            "Made with the router's key, as Standard Webhooks 1.0.0 has it.",
        );
        let scheme = SecurityScheme::ApiKey(ApiKey::Header(signature));
        components.add_security_scheme("router", scheme);
    }
}

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    let head = Head::openapi().merge_from(elsewhere::Lines::openapi());
    OpenApiRouter::with_openapi(head)
        .routes(routes!(login::log_in))
        .routes(routes!(login::log_out))
        .routes(routes!(login::change_password))
        .routes(routes!(login::who))
        .routes(routes!(routers::list, routers::add))
        .routes(routes!(routers::get, routers::replace, routers::remove))
        .routes(routes!(routers::issue_key))
        .routes(routes!(routers::plan))
        .routes(routes!(routers::exclude))
        .routes(routes!(routers::push))
        .routes(routes!(routers::poll))
        .routes(routes!(routers::push_many, history::pushes))
        .routes(routes!(history::usage))
        .routes(routes!(services::list))
        .routes(routes!(services::set, services::remove))
        .routes(routes!(cloud::zones))
        .routes(routes!(cloud::set_zone, cloud::remove_zone))
        .routes(routes!(cloud::offerings))
        .routes(routes!(cloud::networks))
        .routes(routes!(cloud::exclude))
        .routes(routes!(alerts::alerts))
        .routes(routes!(alerts::outages))
        .routes(routes!(alerts::outage))
        .routes(routes!(alerts::acknowledge))
        .routes(routes!(silences::list, silences::add))
        .routes(routes!(silences::end))
        .routes(routes!(history::audit))
        .routes(routes!(users::list, users::add))
        .routes(routes!(users::remove))
}

/// The document.
#[must_use]
pub fn document() -> Document {
    routes().into_openapi()
}

pub(super) fn served(document: &Document) -> Router {
    let json = Bytes::from(document.to_json().unwrap_or_default());
    let serve = move || {
        let json = json.clone();
        async move { ([(header::CONTENT_TYPE, "application/json")], json) }
    };
    Router::new().route("/api/v1/openapi.json", get(serve))
}
