//! The routers' keys, kept for a short while in bounded memory, so that a request does not cost a
//! look at the database. That a router is not there is kept too.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ring::hmac;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::api::receive::Archive;
use crate::store::StoreError;

/// The most routers whose keys are kept; a thousand bytes each at most.
const MOST_KNOWN: usize = 20_000;
/// The most names that are known to be nobody's. They have their own bound: whoever makes names
/// up pushes no router's keys out.
const MOST_UNKNOWN: usize = 1_000;
/// How many looks at the store there are at a time.
const LOOKS: usize = 8;

/// All valid keys of one router. `hmac::Key` shows nothing of itself.
#[derive(Clone, Debug)]
pub struct Keys(Arc<[hmac::Key]>);

/// What was found for a name.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// `None`: there is no such router, or it has no key.
    pub(super) keys: Option<Keys>,
    /// Whether it was read from the store just now.
    pub(super) fresh: bool,
}

/// The keys of all routers.
pub struct Keyring {
    archive: Arc<dyn Archive>,
    known: Mutex<HashMap<String, Kept<Keys>>>,
    unknown: Mutex<HashMap<String, Kept<()>>>,
    looks: Semaphore,
}

struct Kept<T> {
    value: T,
    read: Instant,
}

impl Keys {
    pub(super) fn iter(&self) -> impl Iterator<Item = &hmac::Key> {
        self.0.iter()
    }
}

impl From<Vec<hmac::Key>> for Keys {
    fn from(keys: Vec<hmac::Key>) -> Self {
        Self(keys.into())
    }
}

impl Keyring {
    /// An empty one.
    #[must_use]
    pub fn new(archive: Arc<dyn Archive>) -> Self {
        Self {
            archive,
            known: Mutex::default(),
            unknown: Mutex::default(),
            looks: Semaphore::new(LOOKS),
        }
    }

    /// The keys of a router, read not longer ago than `age`.
    pub(super) async fn of(&self, router: &str, age: Duration) -> Result<Found, StoreError> {
        if let Some(found) = self.kept(router, age) {
            return Ok(found);
        }
        // It is never closed.
        let _turn = self.looks.acquire().await;
        // Somebody may have looked in the meantime.
        if let Some(found) = self.kept(router, age) {
            return Ok(found);
        }
        let keys = self.archive.keys(router).await?.unwrap_or_default();
        let keys: Vec<_> = keys
            .iter()
            .map(|key| hmac::Key::new(hmac::HMAC_SHA256, &key.secret))
            .collect();
        let keys = (!keys.is_empty()).then(|| Keys::from(keys));
        self.forget(router);
        match &keys {
            Some(keys) => keep(&self.known, MOST_KNOWN, router, keys.clone()),
            None => keep(&self.unknown, MOST_UNKNOWN, router, ()),
        }
        Ok(Found { keys, fresh: true })
    }

    pub(super) fn forget(&self, router: &str) {
        lock(&self.known).remove(router);
        lock(&self.unknown).remove(router);
    }

    #[cfg(test)]
    pub(super) fn unknown_count(&self) -> usize {
        lock(&self.unknown).len()
    }

    fn kept(&self, router: &str, age: Duration) -> Option<Found> {
        let found = |keys| Found { keys, fresh: false };
        kept(&self.known, router, age)
            .map(|keys| found(Some(keys)))
            .or_else(|| kept(&self.unknown, router, age).map(|()| found(None)))
    }
}

fn kept<T: Clone>(all: &Mutex<HashMap<String, Kept<T>>>, router: &str, age: Duration) -> Option<T> {
    let all = lock(all);
    let kept = all.get(router)?;
    (kept.read.elapsed() < age).then(|| kept.value.clone())
}

fn keep<T>(all: &Mutex<HashMap<String, Kept<T>>>, most: usize, router: &str, value: T) {
    let mut all = lock(all);
    if all.len() >= most {
        all.retain(|_, kept| kept.read.elapsed() < super::KEPT);
    }
    if all.len() >= most {
        // They are read again one by one; that is no worse than having had them too long.
        all.clear();
    }
    let read = Instant::now();
    all.insert(router.to_owned(), Kept { value, read });
}

fn lock<T>(all: &Mutex<T>) -> MutexGuard<'_, T> {
    all.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Keyring {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Keyring")
            .field("known", &lock(&self.known).len())
            .finish_non_exhaustive()
    }
}
