//! `POST /api/v1/alerts`: takes a batch of `CloudEvents` in that a router has signed, stores it in
//! a group commit, and answers only then: `{"accepted":N}`, for known events as for new ones, so
//! that a retry is answered as the first time.
//!
//! The order is the defence: first what costs nothing (headers, time, announced length), then the
//! body within its bounds, then whose it says it is, then the signature; only then is it parsed.

mod archive;
mod batch;
mod body;
mod commit;
mod metrics;
mod quota;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use tokio::time::Instant;

pub use self::archive::Archive;
use self::batch::Form;
use self::body::{Packing, Reader};
pub use self::commit::{CommitError, Committer};
pub use self::metrics::{Metrics, Snapshot};
pub use self::quota::Limits;
use self::quota::Quota;
use super::clock::Clock;
use super::refusal::Refusal;
use super::signed::{Signed, Verifier};
use crate::store::{Batch, StoreError, Via};

/// What routers are told when their alerts can come again.
const AGAIN_IN: Duration = Duration::from_secs(5);
/// The longest that a router is told to wait because it sent too much.
const LONGEST_WAIT: Duration = Duration::from_mins(2);

/// Where alerts come in.
#[derive(Debug)]
pub struct Desk {
    verifier: Arc<Verifier>,
    committer: Committer,
    metrics: Arc<Metrics>,
    clock: Clock,
    reader: Reader,
    quota: Option<Quota>,
}

impl Desk {
    /// Checks by `verifier`, stores by `committer`.
    #[must_use]
    pub fn new(
        verifier: Arc<Verifier>,
        committer: Committer,
        metrics: Arc<Metrics>,
        clock: Clock,
    ) -> Self {
        Self {
            verifier,
            committer,
            metrics,
            clock,
            reader: Reader::new(),
            quota: None,
        }
    }

    /// Lets no router store more than this.
    #[must_use]
    pub fn within(mut self, limits: Limits) -> Self {
        self.quota = Some(Quota::new(limits));
        self
    }

    async fn take(&self, from: SocketAddr, request: Request) -> Result<usize, Refusal> {
        let (head, body) = request.into_parts();
        let kind = head.headers.get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let form = Form::of(kind).ok_or_else(|| {
            Refusal::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "`content-type` must be `application/cloudevents-batch+json` or \
                 `application/cloudevents+json`",
            )
        })?;
        let packing = Packing::read(&head.headers)?;
        let signed = Signed::read(&head.headers, self.clock.now())?;
        let prefix = signed.prefix();
        let start = prefix.len();
        let (content, turn) = self.reader.read(body, from.ip(), packing, prefix).await?;
        let json = &content[start..];
        let Some(router) = batch::claimed_router(json, form)? else {
            return Err(Refusal::bad("there is no event in the batch"));
        };
        self.verifier.check(&router, &signed, &content).await?;
        // Before it is parsed, which costs more than to say so.
        if let Some(quota) = &self.quota {
            quota.check(&router, Instant::now()).map_err(too_much)?;
        }
        let (events, weight) = batch::events(json, form, &router)?;
        let count = events.len();
        let length = json.len();
        let spent = match &self.quota {
            Some(quota) => {
                let cost = quota.cost(count, length);
                quota
                    .take(&router, cost, Instant::now())
                    .map_err(too_much)?;
                Some((quota, router.clone(), cost))
            }
            None => None,
        };
        drop((content, turn));
        let via = Via::Http;
        let batch = Batch {
            router,
            events,
            via,
        };
        match self.committer.store(batch, weight).await {
            Ok(_) => Ok(count),
            Err(error) => {
                if let Some((quota, router, cost)) = spent {
                    quota.give_back(&router, cost);
                }
                Err(error.into())
            }
        }
    }
}

fn too_much(wait: Duration) -> Refusal {
    Refusal::too_often(
        "this router sends more than it may: keep the rest, and send it later",
        wait.min(LONGEST_WAIT),
    )
}

/// The route.
pub fn routes(desk: Arc<Desk>) -> Router {
    Router::new()
        .route("/api/v1/alerts", post(take))
        .with_state(desk)
}

async fn take(
    State(desk): State<Arc<Desk>>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    match desk.take(from, request).await {
        Ok(accepted) => {
            let json = HeaderValue::from_static("application/json");
            let body = Body::from(format!("{{\"accepted\":{accepted}}}"));
            ([(header::CONTENT_TYPE, json)], body).into_response()
        }
        Err(refusal) => {
            desk.metrics.refused_with(refusal.status().as_u16());
            refusal.into_response()
        }
    }
}

impl From<CommitError> for Refusal {
    fn from(error: CommitError) -> Self {
        match &error {
            CommitError::Full | CommitError::Stopped => Self::later(error.to_string(), AGAIN_IN),
            CommitError::Store(store) => match &**store {
                // It was removed between the look at its keys and now.
                StoreError::NoSuchRouter(_) => super::signed::Disbelief::NotProven.into(),
                StoreError::Refused(words) => Self::bad(words),
                store => Self::from(store),
            },
        }
    }
}

#[cfg(test)]
mod tests;
