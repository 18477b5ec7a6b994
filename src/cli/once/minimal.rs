//! `vrwatch once --minimal`: what CloudStack 4.3 had. Syslog is told, and nothing is on disk but the
//! hold-off file in the original's format.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use channel::Channel;
use contract::Timestamp;
use document::Problem;
use monitor::{Clock, Engine, Heartbeat, Phase, State, SystemClock};
use tracing::warn;

use super::Arguments;
use crate::cli::recorder::Recorder;
use crate::cli::run::{start_sink, warn_about};
use crate::cli::{CommandError, Done, block_on};
use crate::config::{self, HoldOffs};
use crate::lock::Lock;

pub(super) fn run(arguments: &Arguments) -> Result<Done, CommandError> {
    let loaded = config::minimal(&arguments.services, &arguments.syslog)?;
    warn_about(&loaded);
    let _lock = Lock::take(&arguments.lock)?;
    let blind = loaded.services_unknown || !arguments.services.exists();
    if blind && loaded.config.services.is_empty() {
        // The hold-offs stay as they are: the list may come back.
        return Err(CommandError::Failed(format!(
            "{}: without this list nothing is watched",
            arguments.services.display()
        )));
    }
    let clock = Arc::new(SystemClock);
    let now = clock.now();
    let (hold_offs, lost) = read_hold_offs(&arguments.state, seconds(now.wall));
    block_on(async {
        let channel = Channel::in_memory(loaded.config.router.clone());
        for spec in &loaded.config.sinks {
            start_sink(&channel, spec, spec.build()?);
        }
        let (mut engine, _handle) = Engine::new(
            loaded.config.services.clone(),
            loaded.config.sweep_every,
            loaded.config.means,
            clock.clone(),
            Recorder(channel.clone()),
            std::collections::BTreeMap::new(),
            Heartbeat::none(),
        )
        .map_err(|problem| {
            CommandError::Failed(format!(
                "the kernel's means of watching cannot be had: {problem}"
            ))
        })?;
        for service in &loaded.config.services {
            if let Some(&began) = hold_offs.0.get(&service.name) {
                let passed = Duration::from_secs(seconds(now.wall).saturating_sub(began));
                let left = service.policy.hold_off.saturating_sub(passed);
                engine.set_state(
                    &service.name,
                    State::held_off(&service.name, now.monotonic.saturating_add(left)),
                );
            }
        }
        let (all_up, states) = engine.run_once().await;
        let now = clock.now();
        let mut hold_offs = HoldOffs::default();
        for (service, state) in &states {
            if let Phase::HeldOff { until, .. } = state.phase() {
                let left = until.saturating_sub(now.monotonic);
                let passed = service.policy.hold_off.saturating_sub(left);
                let began = seconds(now.wall).saturating_sub(passed.as_secs());
                hold_offs.0.insert(service.name.clone(), began);
            }
        }
        let noted = match &lost {
            Some(_) => Ok(()),
            None => hold_offs.write(&arguments.state),
        };
        let told = super::deliver(&channel).await;
        noted.map_err(|problem| {
            CommandError::Failed(format!(
                "{}: the hold-offs cannot be written down: {problem}",
                arguments.state.display()
            ))
        })?;
        Ok(if all_up && told && lost.is_none() {
            Done::Well
        } else {
            Done::Badly
        })
    })
}

/// The hold-offs that were noted. A file that cannot be used must not keep anything from being
/// watched: then there are none, and why.
fn read_hold_offs(path: &Path, now: u64) -> (HoldOffs, Option<Problem>) {
    match HoldOffs::read(path, now) {
        Ok((hold_offs, warning)) => {
            if let Some(warning) = warning {
                warn!("{warning}");
            }
            (hold_offs, None)
        }
        Err(problem) => {
            warn!("{problem}; it is left alone, and no hold-off is known");
            (HoldOffs::default(), Some(problem))
        }
    }
}

/// Whole seconds since the Unix epoch, which is what the file holds.
fn seconds(time: Timestamp) -> u64 {
    u64::try_from(time.unix_millis() / 1000).unwrap_or(0)
}
