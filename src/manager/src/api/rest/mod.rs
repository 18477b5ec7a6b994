//! REST under `/api/v1`, for people and their scripts: everything but the log-in needs the token of
//! a session; whoever is no admin changes nothing. Every change leaves a line in the audit trail,
//! which the store writes with it.
//!
//! Each handler carries its own line of the `OpenAPI` document, so that the two cannot part.

mod alerts;
mod cloud;
mod document;
mod elsewhere;
pub(super) mod extract;
mod history;
mod login;
mod pages;
mod questions;
mod routers;
mod services;
mod silences;
#[cfg(test)]
mod tests;
mod users;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use axum::{Router, middleware};
use contract::clean;
use tokio::time::Instant;
use utoipa::ToSchema;

use super::access::{PasswordError, Passwords, Said, Tally, Throttle, WINDOW};
use super::refusal::Refusal;
use super::signed::Verifier;
use crate::plan::Policy;
use crate::routers::visit::Poller;
use crate::store::{Store, StoreError};

pub(crate) use self::alerts::{AlertShown, OutageShown};
pub use self::document::document;
pub(crate) use self::silences::SilenceShown;

/// How long a session lasts.
const SESSION: Duration = Duration::from_hours(12);

/// What the handlers share.
pub struct Api {
    pub(super) store: Store,
    policy: Policy,
    passwords: Passwords,
    throttle: Mutex<Throttle>,
    tally: Mutex<Tally>,
    /// The time by which guesses wait; tests hold it still.
    now: fn() -> Instant,
    /// Is told when a router's keys change.
    verifier: Arc<Verifier>,
    poller: Poller,
}

/// An answer that is no success.
#[derive(ToSchema)]
#[allow(
    dead_code,
    reason = "it is there for the document; a Refusal writes it"
)]
struct Failure {
    /// What is wrong, in words.
    error: String,
}

impl Api {
    /// On this store.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub async fn new(
        store: Store,
        policy: Policy,
        verifier: Arc<Verifier>,
        poller: Poller,
    ) -> Result<Self, PasswordError> {
        Ok(Self {
            store,
            policy,
            passwords: Passwords::new().await?,
            throttle: Mutex::default(),
            tally: Mutex::default(),
            now: Instant::now,
            verifier,
            poller,
        })
    }

    /// Writes into the audit trail that somebody was refused; of a flood the sum.
    async fn refused(
        self: &Arc<Self>,
        actor: &str,
        action: &'static str,
        subject: &str,
        why: &str,
    ) {
        let said = self.tally().refused((self.now)());
        match said {
            Said::Alone => {
                let subject = clean::line(subject);
                let written = self.store.audit(actor, action, &subject, why).await;
                if let Err(error) = written {
                    tracing::error!(%error, "the audit trail cannot be written");
                }
            }
            Said::FirstOfSum => {
                let api = Arc::clone(self);
                tokio::spawn(async move {
                    tokio::time::sleep(WINDOW).await;
                    let sum = api.tally().sum();
                    let detail = format!("{sum} more log-ins and requests were refused");
                    if let Err(error) = api.store.audit("", "refused", "", &detail).await {
                        tracing::error!(%error, "the audit trail cannot be written");
                    }
                });
            }
            Said::InSum => {}
        }
    }

    fn tally(&self) -> std::sync::MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The routes.
pub fn routes(api: Arc<Api>) -> Router {
    let (routes, document) = document::routes().split_for_parts();
    let questions = Arc::new(questions::Known::of(&document));
    let routes = routes
        .with_state(api)
        .route_layer(middleware::from_fn_with_state(
            questions,
            questions::only_known,
        ));
    super::answers::bounded(routes)
        .merge(document::served(&document))
        .fallback(nothing)
        .method_not_allowed_fallback(other_method)
}

async fn nothing() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "there is nothing at this path")
}

async fn other_method() -> Refusal {
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "this cannot be done with what is at this path",
    )
}

fn absent(what: &str, name: impl std::fmt::Display) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, format!("there is no {what} {name}"))
}

/// The answer to a removal: whether it was there.
fn removed(
    done: Result<bool, StoreError>,
    what: &str,
    name: impl std::fmt::Display,
) -> Result<StatusCode, Refusal> {
    if done.map_err(extract::told)? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(absent(what, name))
    }
}

impl From<PasswordError> for Refusal {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Short | PasswordError::Long => Self::bad(error.to_string()),
            PasswordError::Busy => Self::later(error.to_string(), Duration::from_secs(2)),
            PasswordError::Broken(_) => {
                tracing::error!(%error, "a password cannot be worked on");
                Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "this could not be done; the log says why",
                )
            }
        }
    }
}
