//! `vrwatch run`: puts the parts together, says READY, and keeps them together until SIGTERM.

mod fetch;
mod reload;
mod respond;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use channel::{Channel, OpenError, SinkOptions};
use contract::{Sink, Timestamp};
use document::SinkSpec;
use monitor::{Engine, Heartbeat, Means, Summary, SystemClock};
use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::MissedTickBehavior;
use tracing::{error, info, warn};

use self::reload::{Reloader, doubts};
use self::respond::{Live, Responder};
use super::recorder::Recorder;
use super::{CommandError, Done, block_on};
use crate::config::{self, Loaded};
use crate::control::{Control, Listener};
use crate::lock::Lock;

/// From SIGTERM to the end, at most; systemd and people wait no longer.
const DRAIN_LIMIT: Duration = Duration::from_secs(8);

/// How long the journal may take to be closed after that.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

pub(super) fn run(path: &Path) -> Result<Done, CommandError> {
    block_on(async {
        // Before all else: SIGHUP in the first moment must not end the daemon.
        let signals = Signals::new()?;
        let loaded = config::load(path)?;
        warn_about(&loaded);
        let _lock = Lock::take(&lock_path(&loaded))?;
        monitor::raise_file_limit();
        daemon(path, loaded, signals).await
    })
}

/// What tells the daemon to stop, or to read its configuration again.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn new() -> Result<Self, CommandError> {
        let catch = |kind: SignalKind, name: &str| {
            signal(kind).map_err(|problem| failed(&format!("{name} cannot be caught"), &problem))
        };
        Ok(Self {
            terminate: catch(SignalKind::terminate(), "SIGTERM")?,
            interrupt: catch(SignalKind::interrupt(), "SIGINT")?,
            hang_up: catch(SignalKind::hangup(), "SIGHUP")?,
        })
    }
}

fn failed(what: &str, problem: &dyn std::fmt::Display) -> CommandError {
    CommandError::Failed(format!("{what}: {problem}"))
}

/// The lock lies beside the control socket: `/run` is memory, nothing touches the disk.
pub(super) fn lock_path(loaded: &Loaded) -> std::path::PathBuf {
    loaded
        .config
        .control_socket
        .parent()
        .unwrap_or(Path::new("/"))
        .join("lock")
}

/// Says what is wrong with a configuration that is usable all the same.
pub(super) fn warn_about(loaded: &Loaded) {
    for problem in &loaded.warnings {
        warn!("{problem}");
    }
}

/// Opens the journal, or goes on without a disk: watching matters more.
pub(super) fn open_channel(loaded: &Loaded) -> Result<(Channel, channel::Opened), CommandError> {
    let journal = loaded.config.journal.clone();
    let router = loaded.config.router.clone();
    let (channel, opened) = match Channel::open(journal.clone(), router.clone()) {
        Ok(opened) => opened,
        Err(locked @ OpenError::Locked { .. }) => {
            return Err(CommandError::Locked(locked.to_string()));
        }
        // It says so itself.
        Err(problem) => Channel::degraded(journal, router, &problem),
    };
    for words in &opened.report.words {
        warn!("{words}");
    }
    Ok((channel, opened))
}

/// Starts a sink's worker.
pub(super) fn start_sink(channel: &Channel, spec: &SinkSpec, sink: Box<dyn Sink>) {
    channel.start_sink(
        &spec.name,
        sink,
        SinkOptions {
            needs_disk: spec.needs_disk,
            flood: spec.filter().flood(),
        },
    );
}

async fn daemon(path: &Path, loaded: Loaded, mut signals: Signals) -> Result<Done, CommandError> {
    let (channel, opened) = open_channel(&loaded)?;
    for spec in &loaded.config.sinks {
        // One whose file is bad says so itself, and is tried again.
        start_sink(&channel, spec, spec.build()?);
    }
    let (mut engine, handle) = Engine::new(
        loaded.config.services.clone(),
        loaded.config.sweep_every,
        loaded.config.means,
        Arc::new(SystemClock),
        Recorder(channel.clone()),
        opened.notes,
        heartbeat(),
    )
    .map_err(|problem| failed("the kernel's means of watching cannot be had", &problem))?;
    if loaded.services_unknown {
        engine.expect_more();
    }
    let socket = loaded.config.control_socket.clone();
    let sweep_every = loaded.config.sweep_every;
    let listener = Listener::bind(&socket).map_err(|problem| {
        failed(
            &format!("{}: the control socket cannot be made", socket.display()),
            &problem,
        )
    })?;
    let means = engine.means();
    info!(
        router = loaded.config.router,
        services = loaded.config.services.len(),
        sinks = loaded.config.sinks.len(),
        watch = watch_name(means),
        "watching starts"
    );
    let live = Arc::new(Mutex::new(Live::new(
        &loaded.config,
        watch_name(means),
        doubts(&loaded),
    )));
    let mut control = Control::serve(
        listener,
        socket,
        Responder {
            monitor: handle.clone(),
            channel: channel.clone(),
            live: Arc::clone(&live),
            since: Timestamp::now(),
        },
    );
    let mut engine = tokio::spawn(engine.run());
    let mut reloader = Reloader::new(path, loaded, handle.clone(), channel.clone(), live);
    notify(&[NotifyState::Ready]);

    let mut sweep = tokio::time::interval(sweep_every);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = signals.terminate.recv() => break,
            _ = signals.interrupt.recv() => break,
            _ = signals.hang_up.recv() => {
                control.put_back();
                reloader.reload("SIGHUP").await;
            }
            _ = sweep.tick() => control.put_back(),
            () = reloader.changed() => reloader.reload("a file changed").await,
            ended = &mut engine => {
                let why = ended.err().map_or_else(String::new, |problem| problem.to_string());
                return Err(failed("the monitor ended by itself", &why));
            }
        }
    }

    info!("stops: gives restart commands and sinks a moment");
    notify(&[NotifyState::Stopping]);
    let begun = Instant::now();
    handle.stop().await;
    if let Err(problem) = engine.await {
        error!(%problem, "the monitor did not end as it should");
    }
    control.stop();
    let left = DRAIN_LIMIT.saturating_sub(begun.elapsed());
    if !channel.drain(left).await {
        warn!("not every sink has every alert yet; the rest is delivered at the next start");
    }
    close(channel).await;
    Ok(Done::Well)
}

/// Lets go of the journal; a disk that hangs is not waited for.
async fn close(channel: Channel) {
    let closing = tokio::task::spawn_blocking(move || channel.close());
    if tokio::time::timeout(CLOSE_LIMIT, closing).await.is_err() {
        warn!("the journal's disk does not answer; what it has not taken is lost");
    }
}

fn watch_name(means: Means) -> &'static str {
    match means {
        Means::Auto => "pidfd",
        Means::SweepOnly => "sweep",
    }
}

/// Feeds systemd's watchdog from the monitor's own loop, so that a loop that is stuck is caught.
fn heartbeat() -> Heartbeat {
    Heartbeat {
        every: sd_notify::watchdog_enabled().map(|limit| limit / 2),
        beat: Box::new(|summary: Summary| {
            let words = format!(
                "{} up, {} down, {} left alone",
                summary.up, summary.down, summary.left_alone
            );
            notify(&[NotifyState::Watchdog, NotifyState::Status(&words)]);
        }),
    }
}

/// Tells systemd; without systemd this does nothing.
fn notify(states: &[NotifyState<'_>]) {
    if let Err(problem) = sd_notify::notify(states) {
        tracing::debug!(%problem, "systemd cannot be told");
    }
}
