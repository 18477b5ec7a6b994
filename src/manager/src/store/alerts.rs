//! What routers deliver, and storing it: many batches in one transaction, every (router, event id)
//! once, with its outage and its place among what is to be forwarded.

use std::sync::atomic::Ordering;

use contract::Event;

use super::Store;
use super::error::{Result, StoreError};
use super::incoming::{Incoming, Look, insert};
use super::retry::retry;
use super::routers::numbers_of;

/// How an alert came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// The router sent it.
    Http,
    /// A visit read it from vrwatch.
    Visit,
    /// A visit read it from CloudStack's own log.
    Legacy,
    /// It is the manager's own.
    Manager,
}

impl Via {
    pub(super) const fn number(self) -> i64 {
        match self {
            Self::Http => 0,
            Self::Visit => 1,
            Self::Legacy => 2,
            Self::Manager => 3,
        }
    }

    pub(super) fn from_number(number: i64) -> Result<Self> {
        Ok(match number {
            0 => Self::Http,
            1 => Self::Visit,
            2 => Self::Legacy,
            3 => Self::Manager,
            _ => {
                return Err(StoreError::Broken(format!(
                    "a stored row cannot be read: way {number}"
                )));
            }
        })
    }
}

/// What one router delivered at once, in its order.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The router's name. Whether the events speak of it is the caller's to check.
    pub router: String,
    /// The events.
    pub events: Vec<Event>,
    /// How they came in.
    pub via: Via,
}

/// How much of a batch was new.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// Stored now.
    pub new: u64,
    /// Stored before, or twice in what was given.
    pub known: u64,
}

/// For how many transactions to look first after one that met a known alert.
const LOOKS: u32 = 64;

impl Store {
    /// Stores many batches in one transaction (group commit). When it returns they are on disk.
    ///
    /// A batch of an unknown router, or with an event that does not fit, is told for itself and
    /// keeps none of the others from being stored.
    ///
    /// # Errors
    /// The database's, or that its disk is nearly full: then nothing of all was stored.
    pub async fn store_batches(&self, batches: &[Batch]) -> Result<Vec<Result<Stored>>> {
        self.0.room.check()?;
        // Before the transaction, so that the one writer is not kept waiting.
        let incoming: Vec<Result<Vec<Incoming<'_>>>> = batches
            .iter()
            .map(|batch| Incoming::all_of(&batch.events, batch.via))
            .collect();
        let told = retry(async || {
            let looks_left = self.0.looks.load(Ordering::Relaxed);
            if looks_left == 0 {
                match self.store_incoming(batches, &incoming, Look::Never).await {
                    // A known one among them, most likely; they come in swarms.
                    Err(StoreError::Unavailable(_)) => {
                        self.0.looks.store(LOOKS, Ordering::Relaxed);
                    }
                    done => return done,
                }
            } else {
                self.0.looks.store(looks_left - 1, Ordering::Relaxed);
            }
            self.store_incoming(batches, &incoming, Look::First).await
        })
        .await;
        let (known, stored) = told?;
        let mut stored = stored.into_iter();
        Ok(incoming
            .into_iter()
            .zip(batches)
            .zip(known)
            .map(|((incoming, batch), known)| {
                incoming?;
                if known {
                    Ok(stored.next().unwrap_or_default())
                } else {
                    Err(StoreError::NoSuchRouter(batch.router.clone()))
                }
            })
            .collect())
    }

    /// One attempt: which batches' routers are known, and what was new of these.
    async fn store_incoming(
        &self,
        batches: &[Batch],
        incoming: &[Result<Vec<Incoming<'_>>>],
        look: Look,
    ) -> Result<(Vec<bool>, Vec<Stored>)> {
        let names: Vec<&str> = batches.iter().map(|batch| batch.router.as_str()).collect();
        let mut transaction = self.begin().await?;
        let numbers = numbers_of(&mut transaction, &names).await?;
        let of_known_routers: Vec<(i64, &[Incoming<'_>])> = batches
            .iter()
            .zip(incoming)
            .filter_map(|(batch, incoming)| {
                let number = *numbers.get(batch.router.as_str())?;
                Some((number, incoming.as_ref().ok()?.as_slice()))
            })
            .collect();
        let stored = insert(&mut transaction, self.dialect(), look, &of_known_routers).await?;
        transaction.commit().await?;
        let known = names.iter().map(|name| numbers.contains_key(name));
        Ok((known.collect(), stored))
    }
}
