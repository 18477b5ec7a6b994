//! Lines of the document for what is answered elsewhere: what routers sign, and what machines ask. No
//! function here is ever called.

use super::Failure;

/// Hand over alerts: a batch of `CloudEvents`, signed by the router with its key as Standard Webhooks
/// 1.0.0 has it. Answered only once all of them are stored.
#[utoipa::path(post, path = "/api/v1/alerts", tag = "machines", operation_id = "receive",
    security(("router" = [])), request_body(content = String, content_type = "application/cloudevents-batch+json"),
    params(("webhook-id" = String, Header), ("webhook-timestamp" = i64, Header, description = "within five minutes"),
        ("webhook-signature" = String, Header, description = "over ID.TIMESTAMP.BODY")),
    responses((status = 200, description = "`{\"accepted\":N}`"), (status = 400, body = Failure), (status = 401, body = Failure),
        (status = 413, body = Failure), (status = 503, body = Failure)))]
#[allow(dead_code, reason = "it is there for the document")]
fn receive() {}

/// Fetch what a router watches: `monitor.conf`, with an `ETag`. Signed both ways: the question over
/// `ID.TIMESTAMP.PATH`, the answer over `ID.TIMESTAMP.ETAG.BODY`.
#[utoipa::path(get, path = "/api/v1/routers/{name}/services", tag = "machines", operation_id = "fetch",
    security(("router" = [])),
    params(("name" = String, Path), ("if-none-match" = Option<String>, Header), ("webhook-id" = String, Header),
        ("webhook-timestamp" = i64, Header), ("webhook-signature" = String, Header)),
    responses((status = 200, description = "the list"), (status = 304, description = "as the router has it"),
        (status = 401, body = Failure), (status = 409, body = Failure)))]
#[allow(dead_code, reason = "it is there for the document")]
fn fetch() {}

/// Metrics for Prometheus: for this machine, for sessions, and for `[metrics] token_file`.
#[utoipa::path(get, path = "/metrics", tag = "machines", operation_id = "metrics", security((), ("session" = [])),
    responses((status = 200, description = "OpenMetrics text"), (status = 401, body = Failure)))]
#[allow(dead_code, reason = "it is there for the document")]
fn metrics() {}

/// Whether the process lives.
#[utoipa::path(get, path = "/healthz", tag = "machines", operation_id = "healthz", security(()),
    responses((status = 200, description = "`ok`")))]
#[allow(dead_code, reason = "it is there for the document")]
fn healthz() {}

/// Whether the database answers, and which part fails.
#[utoipa::path(get, path = "/readyz", tag = "machines", operation_id = "readyz", security(()),
    responses((status = 200, description = "all works"), (status = 503, description = "the database or a part does not")))]
#[allow(dead_code, reason = "it is there for the document")]
fn readyz() {}

/// Their lines.
#[derive(utoipa::OpenApi)]
#[openapi(paths(receive, fetch, metrics, healthz, readyz))]
pub(super) struct Lines;
