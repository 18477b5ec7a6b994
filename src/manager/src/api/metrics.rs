//! `GET /metrics` in Prometheus' text form. Counters live where things happen; what is counted in the
//! database is asked for at each look, by queries that an index answers.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use ring::digest::{Digest, SHA256, digest};
use tokio::time::timeout;

use super::health::Board;
use super::receive;
use super::refusal::Refusal;
use super::rest::Api;
use super::rest::extract::{Caller, address, bearer};
use crate::forward::Forwarder;
use crate::routers::visit::Poller;

/// How long the database may take to count.
const PATIENCE: Duration = Duration::from_secs(3);
/// Text as Prometheus 2 and later read it.
const KIND: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A kind of answer. Routes, not paths: there are only so many.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Because {
    reason: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Of {
    state: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct To {
    sink: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Part {
    part: &'static str,
}

/// What is counted.
pub struct Metrics {
    api: Arc<Api>,
    received: Arc<receive::Metrics>,
    board: Board,
    answers: Family<Answered, Counter>,
    poller: Poller,
    forwarder: Forwarder,
    /// The hash of a token that lets in here alone.
    token: Option<Digest>,
}

impl Metrics {
    /// Of these.
    #[must_use]
    pub fn new(
        api: Arc<Api>,
        received: Arc<receive::Metrics>,
        board: Board,
        poller: Poller,
        forwarder: Forwarder,
        token: Option<Digest>,
    ) -> Arc<Self> {
        Arc::new(Self {
            api,
            received,
            board,
            answers: Family::default(),
            poller,
            forwarder,
            token,
        })
    }

    async fn text(&self) -> Result<String, std::fmt::Error> {
        let mut registry = Registry::with_prefix("vrwatch_manager");
        let registry_of = &mut registry;
        registry_of.register("http_requests", "Requests answered", self.answers.clone());
        self.received(registry_of);
        registry_of.register(
            "commit_seconds",
            "How long transactions that store alerts take",
            self.received.commit_seconds(),
        );
        let failures = Family::<Part, Counter>::default();
        for (part, count) in self.board.failures() {
            failures.get_or_create(&Part { part }).inc_by(count);
        }
        registry_of.register(
            "part_failures",
            "How often a part of the manager failed and was started again",
            failures,
        );
        self.forwarded(registry_of);
        let counts = timeout(PATIENCE, self.api.store.counts()).await;
        let counts = counts.ok().and_then(Result::ok);
        gauge(
            registry_of,
            "database_up",
            "Whether the database answers",
            i64::from(counts.is_some()),
        );
        if let Some(counts) = counts {
            let routers = Family::<Of, Gauge>::default();
            for (state, count) in [
                ("known", counts.routers),
                ("unreachable", counts.unreachable),
            ] {
                routers.get_or_create(&Of { state }).set(count);
            }
            registry_of.register("routers", "Routers", routers);
            for (name, help, count) in [
                ("open_outages", "Outages that go on", counts.open_outages),
                (
                    "forward_pending",
                    "Alerts that some sink has yet to take",
                    counts.waiting + counts.outgoing,
                ),
                (
                    "forward_held",
                    "Alerts that silences withhold until they end",
                    counts.held,
                ),
                (
                    "silenced_alerts",
                    "Alerts that the silences on record have withheld",
                    counts.silenced.0,
                ),
                (
                    "silenced_alerts_told",
                    "Alerts of these that were told when their silence was over",
                    counts.silenced.1,
                ),
                (
                    "open_pushes",
                    "Pushes asked for and not finished",
                    counts.open_pushes,
                ),
            ] {
                gauge(registry_of, name, help, count);
            }
        }
        let mut text = String::new();
        text::encode(&mut text, &registry)?;
        Ok(text)
    }

    /// How the sinks are doing, at the manager that forwards. Each turn counts anew.
    fn forwarded(&self, registry: &mut Registry) {
        let seen = self.forwarder.seen();
        gauge(
            registry,
            "forwards",
            "Whether this manager forwards: one of several does",
            i64::from(seen.is_some()),
        );
        let seen = seen.unwrap_or_default();
        gauge(
            registry,
            "storms",
            "Storms that are not over",
            i64::try_from(seen.storms).unwrap_or(i64::MAX),
        );
        let counters = [
            ("sink_delivered", "Alerts that a sink took"),
            ("sink_dropped", "Alerts that a sink lost"),
            (
                "sink_summed_up",
                "Alerts that a sink was told in sum, because a service flaps",
            ),
        ];
        let counters = counters.map(|(name, help)| {
            let counter = Family::<To, Counter>::default();
            registry.register(name, help, counter.clone());
            counter
        });
        let gauges = [
            ("sink_pending", "Alerts that a sink has yet to take"),
            ("sink_failing", "Whether nothing gets through to a sink"),
        ];
        let gauges = gauges.map(|(name, help)| {
            let gauge = Family::<To, Gauge>::default();
            registry.register(name, help, gauge.clone());
            gauge
        });
        for sink in seen.sinks {
            let to = To { sink: sink.name };
            let counted = [sink.delivered, sink.dropped, sink.summed_up];
            for (counter, count) in counters.iter().zip(counted) {
                counter.get_or_create(&to).inc_by(count);
            }
            let measured = [sink.pending, u64::from(sink.failing_since.is_some())];
            for (gauge, value) in gauges.iter().zip(measured) {
                let value = i64::try_from(value).unwrap_or(i64::MAX);
                gauge.get_or_create(&to).set(value);
            }
        }
    }

    fn received(&self, registry: &mut Registry) {
        let seen = self.received.snapshot();
        let visited = self.poller.tally();
        for (name, help, count) in [
            (
                "batches_accepted",
                "Batches of alerts taken",
                seen.batches_accepted,
            ),
            ("alerts_stored", "Alerts stored", seen.events_new),
            (
                "alerts_known",
                "Alerts that had been stored before",
                seen.events_known,
            ),
            ("visits", "Visits to routers that succeeded", visited.visits),
            (
                "visits_failed",
                "Visits to routers that failed",
                visited.misses,
            ),
            (
                "visit_alerts",
                "Alerts that visits brought and were new",
                visited.alerts,
            ),
            ("commits", "Transactions that store alerts", seen.commits),
        ] {
            let counter = Counter::<u64>::default();
            counter.inc_by(count);
            registry.register(name, help, counter);
        }
        let refused = Family::<Because, Counter>::default();
        for (reason, count) in [
            ("unauthorized", seen.unauthorized),
            ("unfit", seen.refused),
            ("busy", seen.turned_away),
        ] {
            refused.get_or_create(&Because { reason }).inc_by(count);
        }
        registry.register("batches_refused", "Batches of alerts not taken", refused);
        gauge(
            registry,
            "queue_highest",
            "The most batches that ever waited to be stored",
            i64::try_from(seen.queue_highest).unwrap_or(i64::MAX),
        );
    }
}

fn gauge(registry: &mut Registry, name: &str, help: &str, value: i64) {
    let gauge = Gauge::<i64>::default();
    gauge.set(value);
    registry.register(name, help, gauge);
}

/// The route.
pub fn routes(metrics: Arc<Metrics>) -> Router {
    Router::new()
        .route("/metrics", get(show))
        .with_state(metrics)
}

/// Whoever is on this machine may look, and whoever is logged in. What a proxy on this machine
/// passes on comes from elsewhere.
async fn may_look(parts: &Parts, metrics: &Metrics) -> Result<(), Refusal> {
    let passed_on = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];
    let is_local = address(parts).is_loopback();
    if is_local
        && !passed_on
            .iter()
            .any(|name| parts.headers.contains_key(*name))
    {
        return Ok(());
    }
    // Hashes are compared, so that how long it takes says nothing of the token.
    let given = bearer(parts).map(|token| digest(&SHA256, token.as_bytes()));
    if let (Some(given), Some(right)) = (given, &metrics.token)
        && given.as_ref() == right.as_ref()
    {
        return Ok(());
    }
    Caller::of(parts, &metrics.api).await.map(drop)
}

async fn show(State(metrics): State<Arc<Metrics>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    if let Err(refusal) = may_look(&parts, &metrics).await {
        return refusal.into_response();
    }
    match metrics.text().await {
        Ok(text) => {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(KIND));
            (headers, text).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Counts every answer; stands before all routes.
pub async fn count(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let method = match request.method().as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        _ => "other",
    };
    let matched = request.extensions().get::<MatchedPath>();
    let route = matched.map_or("other", MatchedPath::as_str).to_owned();
    let response = next.run(request).await;
    let status = response.status().as_u16();
    let answered = Answered {
        method,
        route,
        status,
    };
    metrics.answers.get_or_create(&answered).inc();
    response
}
