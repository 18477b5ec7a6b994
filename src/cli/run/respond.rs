//! What the daemon answers on its control socket.

use std::sync::{Arc, Mutex, PoisonError};

use channel::Channel;
use contract::Timestamp;
use monitor::Handle;

use crate::config::Config;
use crate::control::{self, Journal, Reply, Request, Respond, Sink, Status};

/// The longest reason for a hold that is kept, in characters.
const LONGEST_REASON: usize = 200;

/// What a reload changes.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) router: String,
    pub(super) watch: &'static str,
    pub(super) config_error: Option<String>,
    /// The kind of each sink by its name.
    pub(super) sink_kinds: Vec<(String, String)>,
    /// How fetching what is watched goes.
    pub(super) manager: Option<control::Manager>,
}

impl Live {
    pub(super) fn new(config: &Config, watch: &'static str, config_error: Option<String>) -> Self {
        Self {
            router: config.router.clone(),
            watch,
            config_error,
            sink_kinds: sink_kinds(config),
            manager: None,
        }
    }
}

pub(super) fn sink_kinds(config: &Config) -> Vec<(String, String)> {
    config
        .sinks
        .iter()
        .map(|sink| (sink.name.clone(), sink.kind.to_string()))
        .collect()
}

/// Answers from the running parts.
pub(super) struct Responder {
    pub(super) monitor: Handle,
    pub(super) channel: Channel,
    pub(super) live: Arc<Mutex<Live>>,
    pub(super) since: Timestamp,
}

impl Respond for Responder {
    async fn respond(&self, request: Request) -> Reply {
        match request {
            Request::Status {} => match self.monitor.status().await {
                Ok(services) => Reply::Status(Box::new(self.status(services))),
                Err(problem) => Reply::Refused(problem.to_string()),
            },
            Request::Hold {
                service,
                for_ms,
                reason,
            } => {
                let duration = match control::hold_time(for_ms) {
                    Ok(duration) => duration,
                    Err(words) => return Reply::Refused(words),
                };
                let reason: String = contract::clean::line(&reason)
                    .trim()
                    .chars()
                    .take(LONGEST_REASON)
                    .collect();
                match self.monitor.hold(service.clone(), duration, reason).await {
                    Ok(()) => Reply::Done(match duration {
                        Some(duration) => format!(
                            "{service} is left alone for {}",
                            contract::human::Duration(duration)
                        ),
                        None => format!("{service} is left alone until released"),
                    }),
                    Err(problem) => Reply::Refused(problem.to_string()),
                }
            }
            Request::Release { service } => match self.monitor.release(service.clone()).await {
                Ok(()) => Reply::Done(format!("{service} is watched")),
                Err(problem) => Reply::Refused(problem.to_string()),
            },
        }
    }
}

impl Responder {
    fn status(&self, services: Vec<monitor::ServiceStatus>) -> Status {
        let channel = self.channel.status();
        // A poisoned lock still holds the truth: it is only ever replaced whole.
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        Status {
            router: live.router.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            since: self.since,
            watch: live.watch.to_owned(),
            config_error: live.config_error.clone(),
            services: services.into_iter().map(Into::into).collect(),
            sinks: channel
                .sinks
                .into_iter()
                .map(|sink| Sink {
                    kind: live
                        .sink_kinds
                        .iter()
                        .find(|(name, _)| *name == sink.name)
                        .map_or_else(String::new, |(_, kind)| kind.clone()),
                    name: sink.name,
                    pending: sink.pending,
                    delivered: sink.delivered,
                    dropped: sink.dropped,
                    summed_up: sink.summed_up,
                    failing_since: sink.failing_since,
                    last_error: sink.last_error,
                    over_since: sink.over_since,
                })
                .collect(),
            journal: Journal {
                last_seq: channel.journal.last_seq,
                bytes: channel.journal.bytes,
                on_disk: channel.journal.on_disk,
                waiting: channel.journal.waiting_in_memory,
                error: channel.journal.error,
            },
            manager: live.manager.clone(),
        }
    }
}
