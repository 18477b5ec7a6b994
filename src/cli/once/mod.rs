//! `vrwatch once`: one look at every service with re-checks, restarts and delivery, then the end.
//! For cron, every three minutes; what is known is kept in the journal between two runs.

mod minimal;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use channel::Channel;
use monitor::{Engine, Heartbeat, SystemClock};
use tracing::warn;

use super::recorder::Recorder;
use super::run::{lock_path, open_channel, start_sink, warn_about};
use super::{CommandError, Done, block_on};
use crate::config;
use crate::lock::Lock;

/// How long the sinks may take after the services are settled; cron comes again in three minutes.
const DELIVERY_LIMIT: Duration = Duration::from_secs(10);

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Syslog only, nothing on disk but the hold-off file: for 4.3 systems.
    #[arg(long)]
    minimal: bool,
    /// CloudStack's list of services.
    #[arg(
        long,
        value_name = "FILE",
        requires = "minimal",
        default_value = "/etc/monitor.conf"
    )]
    services: PathBuf,
    /// The hold-off file, in the original's format.
    #[arg(
        long,
        value_name = "FILE",
        requires = "minimal",
        default_value = "/etc/unmonit_psList.txt"
    )]
    state: PathBuf,
    /// Where syslog is: unix:PATH, udp:HOST:PORT, tcp:HOST:PORT or tls:HOST:PORT.
    #[arg(
        long,
        value_name = "TARGET",
        requires = "minimal",
        default_value = "unix:/dev/log"
    )]
    syslog: String,
    /// The lock file, shared with the daemon.
    #[arg(
        long,
        value_name = "FILE",
        requires = "minimal",
        default_value = "/run/vrwatch/lock"
    )]
    lock: PathBuf,
}

pub(super) fn run(path: &Path, arguments: &Arguments) -> Result<Done, CommandError> {
    if arguments.minimal {
        return minimal::run(arguments);
    }
    let loaded = config::load(path)?;
    warn_about(&loaded);
    for trouble in loaded.config.troubles() {
        warn!("a sink takes nothing: {trouble}");
    }
    let _lock = Lock::take(&lock_path(&loaded))?;
    monitor::raise_file_limit();
    block_on(async {
        let (channel, opened) = open_channel(&loaded)?;
        for spec in &loaded.config.sinks {
            start_sink(&channel, spec, spec.build()?);
        }
        let (mut engine, _handle) = Engine::new(
            loaded.config.services.clone(),
            loaded.config.sweep_every,
            loaded.config.means,
            Arc::new(SystemClock),
            Recorder(channel.clone()),
            opened.notes,
            Heartbeat::none(),
        )
        .map_err(|problem| {
            CommandError::Failed(format!(
                "the kernel's means of watching cannot be had: {problem}"
            ))
        })?;
        if loaded.services_unknown {
            engine.expect_more();
        }
        let (all_up, _) = engine.run_once().await;
        let told = deliver(&channel).await;
        channel.close();
        Ok(if all_up && told {
            Done::Well
        } else {
            Done::Badly
        })
    })
}

/// Waits for the sinks. False when something is to be told and no sink took any of it.
async fn deliver(channel: &Channel) -> bool {
    if channel.drain(DELIVERY_LIMIT).await {
        return true;
    }
    let sinks = channel.status().sinks;
    for sink in sinks.iter().filter(|sink| sink.pending > 0) {
        warn!(
            sink = sink.name,
            pending = sink.pending,
            last_error = sink.last_error,
            "a sink has not taken every alert yet; the next run goes on"
        );
    }
    sinks.iter().any(|sink| sink.pending == 0)
}
