//! `vrwatch-manager serve`: all parts put together, each started again when it fails, and all ended
//! in order.

mod first_start;
mod parts;
pub mod pushes;
mod retention;

use std::sync::Arc;
use std::time::Duration;

use axum::{Router, middleware};
use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::timeout;

use self::parts::Parts;
use crate::api::health::{self, Board};
use crate::api::metrics::{self, Metrics};
use crate::api::receive::{self, Archive, Committer, Desk};
use crate::api::rest::{self, Api};
use crate::api::server::{Server, StartError};
use crate::api::services::{self, Plans};
use crate::api::signed::{Keyring, Verifier};
use crate::clock::Clock;
use crate::config::Config;
use crate::forward::{Forwarder, Target};
use crate::routers::ssh::Ssh;
use crate::routers::visit::Poller;
use crate::store::{Store, StoreError};

/// How long the last transaction, and then the other parts, may take after the last request. With the
/// time for requests it is less than ten seconds.
const LAST_WORK: Duration = Duration::from_secs(2);

/// Why the manager does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is nowhere to listen.
    #[error(transparent)]
    Listen(#[from] StartError),
    /// What the configuration names cannot be used.
    #[error("{0}")]
    Config(String),
    /// The system lacks something.
    #[error("{0}")]
    System(String),
}

/// Who holds the leases: unique to this process, and telling to whoever looks into the database.
#[must_use]
pub fn holder() -> String {
    let uname = rustix::system::uname();
    let host = uname.nodename().to_string_lossy();
    let host: String = host
        .chars()
        .filter(char::is_ascii_graphic)
        .take(128)
        .collect();
    format!("{host}:{}:{:016x}", std::process::id(), fastrand::u64(..))
}

/// Serves until it is told to end.
///
/// # Errors
/// [`ServeError`] when it cannot start.
pub async fn serve(config: Config, store: Store) -> Result<(), ServeError> {
    let system = |error: &dyn std::fmt::Display| ServeError::System(error.to_string());
    let mut end = signal(SignalKind::terminate()).map_err(|error| system(&error))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| system(&error))?;
    let mut hangup = signal(SignalKind::hangup()).map_err(|error| system(&error))?;
    config.metrics.token().map_err(ServeError::Config)?;
    let server = Server::bind(config.http.clone())?;
    first_start::welcome(&store).await?;
    for address in server.addresses() {
        tracing::info!(%address, tls = config.http.tls.is_some(), "listening");
    }
    let board = Board::default();
    let archive: Arc<dyn Archive> = Arc::new(store.clone());
    let received = Arc::new(receive::Metrics::default());
    let (committer, committing) = Committer::start(Arc::clone(&archive), Arc::clone(&received));
    let holder = holder();
    let mut parts = Parts::new(board.clone());
    let sender = pushes::Sender {
        store: store.clone(),
        reach: Arc::new(Ssh::new(config.ssh.clone())),
        settings: Arc::new(config.push.clone()),
        policy: config.policy,
        holder: holder.clone(),
    };
    parts.start("pushes", move |stop| stop.or(pushes::work(sender.clone())));
    let poller = Poller::new(
        Arc::new(store.clone()),
        Arc::new(Ssh::new(config.ssh.clone())),
        config.poll.clone(),
        Clock::system(),
        holder.clone(),
    );
    let visits = poller.clone();
    parts.start("visits", move |mut stop| {
        let visits = visits.clone();
        async move {
            visits.run(async move { stop.told().await }).await;
            "it ended".to_owned()
        }
    });
    let forwarder = Forwarder::new(
        store.clone(),
        holder.clone(),
        config.state.join("forward"),
        config.forward.clone(),
        config.rules.clone(),
        config.sinks.iter().cloned().map(Target::from).collect(),
    );
    let (forwards, stands) = (forwarder.clone(), board.clone());
    parts.start("forward", move |stop| {
        let (forwarder, stands) = (forwards.clone(), stands.clone());
        async move {
            let tell = |works| {
                if works {
                    stands.works("forward");
                } else {
                    stands.failed("forward");
                }
            };
            forwarder.run(stop.receiver(), tell).await;
            "it ended".to_owned()
        }
    });
    let kept = (store.clone(), config.retention, holder);
    parts.start("retention", move |stop| {
        stop.or(retention::work(kept.clone()))
    });
    let app = app(
        &config,
        &store,
        &board,
        archive,
        &received,
        committer,
        Workers { poller, forwarder },
    )
    .await?;
    parts.feed_watchdog();
    notify(&[NotifyState::Ready]);
    let stopper = parts.stopper();
    let ended = async {
        told_to_end(&mut end, &mut interrupt, &mut hangup).await;
        tracing::info!("ending: requests that are under way come to their end");
        notify(&[NotifyState::Stopping]);
        let _ = stopper.send(true);
    };
    server.serve(app, ended).await;
    // With the last request the last committer is gone: what waited is stored, and it ends.
    if timeout(LAST_WORK, committing).await.is_err() {
        tracing::warn!("ended before the database took all that waited; routers send it again");
    }
    parts.end(LAST_WORK).await;
    store.close().await;
    Ok(())
}

/// Those who work by themselves and are asked about it.
struct Workers {
    poller: Poller,
    forwarder: Forwarder,
}

/// Returns when a signal says so. A hangup does not.
async fn told_to_end(end: &mut Signal, interrupt: &mut Signal, hangup: &mut Signal) {
    loop {
        tokio::select! {
            _ = end.recv() => return,
            _ = interrupt.recv() => return,
            Some(()) = hangup.recv() => tracing::warn!(
                "SIGHUP changes nothing: the configuration is read at the start, so restart for \
                 a new one (certificates are read again by themselves)"
            ),
        }
    }
}

/// Everything that is answered.
async fn app(
    config: &Config,
    store: &Store,
    board: &Board,
    archive: Arc<dyn Archive>,
    received: &Arc<receive::Metrics>,
    committer: Committer,
    workers: Workers,
) -> Result<Router, ServeError> {
    let Workers { poller, forwarder } = workers;
    let system = |error: &dyn std::fmt::Display| ServeError::System(error.to_string());
    let keyring = Keyring::new(Arc::clone(&archive));
    let verifier =
        Verifier::new(keyring).map_err(|_| system(&"the system has no random numbers"))?;
    let verifier = Arc::new(verifier);
    let clock = Clock::system();
    let desk = Desk::new(
        Arc::clone(&verifier),
        committer,
        Arc::clone(received),
        clock.clone(),
    )
    .within(config.receive);
    let plans = Plans::new(Arc::clone(&verifier), archive, config.policy, clock);
    let api = Api::new(store.clone(), config.policy, verifier, poller.clone())
        .await
        .map_err(|error| system(&error))?;
    let api = Arc::new(api);
    let metrics = Metrics::new(
        Arc::clone(&api),
        Arc::clone(received),
        board.clone(),
        poller.clone(),
        forwarder,
        config.metrics.token().map_err(ServeError::Config)?,
    );
    Ok(rest::routes(api)
        .merge(receive::routes(Arc::new(desk)))
        .merge(services::routes(Arc::new(plans)))
        .merge(health::routes(store.clone(), board.clone()))
        .merge(metrics::routes(Arc::clone(&metrics)))
        .layer(middleware::from_fn_with_state(metrics, metrics::count)))
}

/// Tells systemd; without systemd this does nothing.
fn notify(states: &[NotifyState<'_>]) {
    if let Err(problem) = sd_notify::notify(states) {
        tracing::debug!(%problem, "systemd cannot be told");
    }
}
