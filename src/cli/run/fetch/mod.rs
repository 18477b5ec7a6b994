//! Fetches what this router is to watch from the management server, again and again, in a task of its
//! own: the monitor never waits for it. A list that is new is checked as a whole and put in its file;
//! the daemon reads that as if somebody had written it by hand.

mod pace;
mod place;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use contract::Timestamp;
use sinks::plan::{FetchError, Fetched, Source};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tracing::{info, warn};

use self::pace::Pace;
use super::respond::Live;
use crate::config::{Fetch, check_list};
use crate::control::Manager;

/// The task; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Fetching(JoinHandle<()>);

impl Drop for Fetching {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The list that was fetched last, and what the manager calls it.
struct Known {
    etag: String,
    text: Arc<str>,
}

/// Why there is no new list in its place.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("what came is refused, the old list stays: {0}")]
    Refused(document::Problems),
    #[error("{path}: the list that came cannot be put there: {cause}")]
    Place { path: String, cause: std::io::Error },
    #[error("the thread that writes the list ended: {0}")]
    Thread(#[from] tokio::task::JoinError),
}

impl Failure {
    const fn wish(&self) -> Option<Duration> {
        match self {
            Self::Fetch(error) => error.wait,
            _ => None,
        }
    }
}

impl Fetching {
    /// Starts to fetch for `router`; says in `live` how it goes, and to `arrived` that a list has come.
    pub(super) fn start(
        fetch: Fetch,
        router: &str,
        live: Arc<Mutex<Live>>,
        arrived: Arc<Notify>,
    ) -> Self {
        let source = Source::new(fetch.settings.clone(), router);
        say(&live, |said| {
            *said = Some(Manager {
                url: fetch.settings.origin(),
                into: fetch.into.display().to_string(),
                ..Manager::default()
            });
        });
        Self(tokio::spawn(keep_fetching(
            Arc::new(fetch),
            source,
            live,
            arrived,
        )))
    }
}

async fn keep_fetching(
    fetch: Arc<Fetch>,
    source: Source,
    live: Arc<Mutex<Live>>,
    arrived: Arc<Notify>,
) {
    let mut pace = Pace::new(fetch.every);
    let mut known = None;
    let mut pause = pace.first(fastrand::f64());
    loop {
        tokio::time::sleep(pause).await;
        let outcome = round(&fetch, &source, &mut known).await;
        let now = Timestamp::now();
        pause = match outcome {
            Ok(changed) => {
                let etag = known.as_ref().map(|known: &Known| known.etag.clone());
                if changed {
                    info!(etag, "what is watched was fetched, and is new");
                    arrived.notify_one();
                }
                about(&live, |said| {
                    said.fetched = Some(now);
                    if changed {
                        said.changed = Some(now);
                    }
                    said.etag = etag;
                    said.failing_since = None;
                    said.last_error = None;
                });
                pace.worked(fastrand::f64())
            }
            Err(failure) => {
                let words = failure.to_string();
                let told = about(&live, |said| {
                    said.failing_since.get_or_insert(now);
                    said.last_error.replace(words.clone())
                });
                // Every five minutes the same would bury the rest of the log.
                if told.flatten().as_ref() != Some(&words) {
                    warn!("what is to be watched cannot be fetched: {words}");
                }
                pace.failed(failure.wish(), fastrand::f64())
            }
        };
    }
}

/// Asks once; whether another list is in place now.
async fn round(
    fetch: &Arc<Fetch>,
    source: &Source,
    known: &mut Option<Known>,
) -> Result<bool, Failure> {
    // What somebody else has written over is asked for as if it had never come.
    let kept = match known.take() {
        Some(old) => in_place(fetch, &old.text).await?.then_some(old),
        None => None,
    };
    let etag = kept.as_ref().map(|kept| kept.etag.clone());
    *known = kept;
    let (etag, text) = match source.fetch(etag.as_deref()).await? {
        Fetched::Same => return Ok(false),
        Fetched::List { etag, monitor_conf } => (etag, Arc::<str>::from(monitor_conf)),
    };
    let changed = put(fetch, &text).await?;
    *known = Some(Known { etag, text });
    Ok(changed)
}

async fn in_place(fetch: &Arc<Fetch>, text: &Arc<str>) -> Result<bool, Failure> {
    let (fetch, text) = (Arc::clone(fetch), Arc::clone(text));
    Ok(tokio::task::spawn_blocking(move || place::holds(&fetch.into, &text)).await?)
}

/// Puts a list in its place, unless it is there already.
async fn put(fetch: &Arc<Fetch>, text: &Arc<str>) -> Result<bool, Failure> {
    let (fetch, text) = (Arc::clone(fetch), Arc::clone(text));
    let putting = move || {
        check_list(&fetch, &text).map_err(Failure::Refused)?;
        if place::holds(&fetch.into, &text) {
            return Ok(false);
        }
        match place::put(&fetch.into, &text) {
            Ok(()) => Ok(true),
            Err(cause) => Err(Failure::Place {
                path: fetch.into.display().to_string(),
                cause,
            }),
        }
    };
    tokio::task::spawn_blocking(putting).await?
}

fn say<T>(live: &Mutex<Live>, change: impl FnOnce(&mut Option<Manager>) -> T) -> T {
    // A poisoned lock still holds the truth: it is only ever replaced whole.
    change(&mut live.lock().unwrap_or_else(PoisonError::into_inner).manager)
}

fn about<T>(live: &Mutex<Live>, change: impl FnOnce(&mut Manager) -> T) -> Option<T> {
    say(live, |said| said.as_mut().map(change))
}
