//! `GET /healthz`: this process answers. `GET /readyz`: the database takes what is written, and
//! which of the manager's parts fail just now.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use tokio::time::{Instant, timeout};

use crate::store::Store;

/// How long the database may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often it is tried at most, whoever asks how often.
const TRIED_EVERY: Duration = Duration::from_secs(1);

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
    database: Database,
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

/// Tries the database, but not for each who asks.
#[derive(Debug)]
struct Trial {
    store: Store,
    board: Board,
    last: tokio::sync::Mutex<Option<(Instant, Database)>>,
}

/// How the database stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Database {
    Works,
    /// It answers, and takes nothing: it may be full, or read-only. The log says why.
    Unwritable,
    Away,
}

impl Trial {
    /// Who asks while it is tried waits for what comes of it.
    async fn database(&self) -> Database {
        let mut last = self.last.lock().await;
        if let Some((tried, stands)) = *last
            && tried.elapsed() < TRIED_EVERY
        {
            return stands;
        }
        let stands = match timeout(PATIENCE, self.store.check_writing()).await {
            Ok(Ok(())) => Database::Works,
            written => {
                if let Ok(Err(error)) = written
                    && !matches!(*last, Some((_, Database::Unwritable | Database::Away)))
                {
                    tracing::error!(%error, "the database takes nothing that is written");
                }
                match timeout(PATIENCE, self.store.ping()).await {
                    Ok(Ok(())) => Database::Unwritable,
                    _ => Database::Away,
                }
            }
        };
        *last = Some((Instant::now(), stands));
        stands
    }
}

/// The routes.
pub fn routes(store: Store, board: Board) -> Router {
    let trial = Trial {
        store,
        board,
        last: tokio::sync::Mutex::new(None),
    };
    Router::new()
        .route("/readyz", get(ready))
        .with_state(Arc::new(trial))
        .route("/healthz", get(|| async { "ok\n" }))
}

/// The store is only there once its migrations are done. Why something fails stands in the log; here
/// stands which part it is, for whoever asks. A part that fails sends no router elsewhere: alerts
/// are taken all the same.
async fn ready(State(trial): State<Arc<Trial>>) -> (StatusCode, Json<Ready>) {
    let database = trial.database().await;
    let ready = Ready {
        database,
        parts: trial.board.words(),
    };
    let status = if database == Database::Works {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(ready))
}
