//! `GET /healthz`: this process answers. `GET /readyz`: it can do its work, and which of its parts
//! cannot just now.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use tokio::time::timeout;

use crate::store::Store;

/// How long the database may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// How the parts of the manager stand.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Mutex<BTreeMap<&'static str, Standing>>>);

#[derive(Clone, Debug, Default)]
struct Standing {
    /// Whether it does not work just now; the log says why.
    failing: bool,
    failures: u64,
}

#[derive(Serialize)]
struct Ready {
    database: &'static str,
    parts: BTreeMap<&'static str, &'static str>,
}

impl Board {
    /// A part works.
    pub fn works(&self, part: &'static str) {
        self.parts().entry(part).or_default().failing = false;
    }

    /// A part failed, and is started again.
    pub fn failed(&self, part: &'static str) {
        let mut parts = self.parts();
        let standing = parts.entry(part).or_default();
        standing.failing = true;
        standing.failures += 1;
    }

    /// How often each part failed.
    #[must_use]
    pub fn failures(&self) -> Vec<(&'static str, u64)> {
        let parts = self.parts();
        parts
            .iter()
            .map(|(part, it)| (*part, it.failures))
            .collect()
    }

    fn words(&self) -> BTreeMap<&'static str, &'static str> {
        let parts = self.parts();
        let word = |it: &Standing| if it.failing { "failing" } else { "works" };
        parts.iter().map(|(part, it)| (*part, word(it))).collect()
    }

    fn parts(&self) -> MutexGuard<'_, BTreeMap<&'static str, Standing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The routes.
pub fn routes(store: Store, board: Board) -> Router {
    Router::new()
        .route("/readyz", get(ready))
        .with_state((store, board))
        .route("/healthz", get(|| async { "ok\n" }))
}

/// The store is only there once its migrations are done. Why something fails stands in the log; here
/// stands which part it is, for whoever asks.
async fn ready(State((store, board)): State<(Store, Board)>) -> (StatusCode, Json<Ready>) {
    let answers = matches!(timeout(PATIENCE, store.ping()).await, Ok(Ok(())));
    let ready = Ready {
        database: if answers { "works" } else { "away" },
        parts: board.words(),
    };
    let status = if answers {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(ready))
}
