//! What the rest of the program may ask of the running engine: one bounded queue of requests, each
//! with its own way back.

use std::path::PathBuf;
use std::time::Duration;

use contract::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use crate::Service;

/// How many requests may wait; further askers wait for a place.
const QUEUE: usize = 16;

/// A request, and where its answer goes.
#[derive(Debug)]
pub(crate) enum Request {
    Status(oneshot::Sender<Vec<ServiceStatus>>),
    Hold {
        service: String,
        duration: Option<Duration>,
        reason: String,
        reply: oneshot::Sender<Result<(), RequestError>>,
    },
    Release {
        service: String,
        reply: oneshot::Sender<Result<(), RequestError>>,
    },
    Reconfigure {
        services: Vec<Service>,
        sweep_every: Duration,
        reply: oneshot::Sender<()>,
    },
    Stop,
}

/// Why a request was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The configuration names no such service.
    #[error("no service is called `{asked}`; watched are: {}", .known.join(", "))]
    NoSuchService {
        /// What was asked for.
        asked: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The monitor has ended.
    #[error("the monitor has stopped")]
    Stopped,
}

/// How one service stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceStatus {
    /// Its name in the configuration.
    pub name: String,
    /// The process name that is watched.
    pub process: String,
    /// The file that holds its pid.
    pub pid_file: PathBuf,
    /// `unknown`, `up`, `checking`, `restarting`, `settling`, `held_off` or `held`.
    pub state: String,
    /// The process that was last seen up.
    pub pid: Option<u32>,
    /// Since when it is in this state, as far as this daemon has seen.
    pub since: Timestamp,
    /// How many restarts brought it back, as far as is remembered.
    pub restarts: u64,
    /// Until when it is left alone.
    pub hold_off_until: Option<Timestamp>,
    /// The outage that is open.
    pub outage: Option<String>,
    /// Why it is left alone, or what was found, in plain words.
    pub detail: Option<String>,
}

/// The way to a running engine. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Handle {
    requests: mpsc::Sender<Request>,
}

impl Handle {
    pub(crate) fn new() -> (Self, mpsc::Receiver<Request>) {
        let (requests, receiver) = mpsc::channel(QUEUE);
        (Self { requests }, receiver)
    }

    /// How every service stands, in the order of their names.
    ///
    /// # Errors
    /// [`RequestError::Stopped`] when the engine has ended.
    pub async fn status(&self) -> Result<Vec<ServiceStatus>, RequestError> {
        self.ask(Request::Status).await
    }

    /// Stops watching a service, for `duration` or until released.
    ///
    /// # Errors
    /// [`RequestError`] when there is no such service or the engine has ended.
    pub async fn hold(
        &self,
        service: String,
        duration: Option<Duration>,
        reason: String,
    ) -> Result<(), RequestError> {
        self.ask(|reply| Request::Hold {
            service,
            duration,
            reason,
            reply,
        })
        .await?
    }

    /// Watches a service again: ends a hold, or a hold-off before its time.
    ///
    /// # Errors
    /// [`RequestError`] when there is no such service or the engine has ended.
    pub async fn release(&self, service: String) -> Result<(), RequestError> {
        self.ask(|reply| Request::Release { service, reply })
            .await?
    }

    /// Replaces what is watched; the state of the services that stay is kept.
    ///
    /// # Errors
    /// [`RequestError::Stopped`] when the engine has ended.
    pub async fn reconfigure(
        &self,
        services: Vec<Service>,
        sweep_every: Duration,
    ) -> Result<(), RequestError> {
        self.ask(|reply| Request::Reconfigure {
            services,
            sweep_every,
            reply,
        })
        .await
    }

    /// Ends the engine; restart commands that run are given a moment to end.
    pub async fn stop(&self) {
        // A closed queue means that it has ended already.
        let _ = self.requests.send(Request::Stop).await;
    }

    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<T>) -> Request,
    ) -> Result<T, RequestError> {
        let (reply, answer) = oneshot::channel();
        self.requests
            .send(request(reply))
            .await
            .map_err(|_| RequestError::Stopped)?;
        answer.await.map_err(|_| RequestError::Stopped)
    }
}
