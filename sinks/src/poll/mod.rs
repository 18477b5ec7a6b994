//! Writes the log that CloudStack's own script would write, in its format, for people and scripts
//! that read it. A line that is there already is never written again: what comes twice is there
//! once. `vrwatch legacy-alerts` and `vrwatch poll` answer from the journal, not from here.

mod config;
mod held;
mod line;
mod log;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use contract::{DeliverError, Event, Sink};
use serde::Deserialize;
use tokio::task::JoinHandle;

use self::config::Config;
use self::log::{Appended, Log, LogError};
use crate::clock::LocalTime;
use crate::{BuildError, Host, Kind, Section};

/// How long the disk may take for one batch.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) const KIND: Kind = Kind {
    name: "poll",
    summary: "writes CloudStack's log of the router's services, each event once",
    sample: include_str!("sample.toml"),
    needs_disk: true,
    for_people: false,
    build: |section, host| Ok(Box::new(Poll::read(section, host)?)),
    #[cfg(test)]
    trial: &trial::TRIAL,
};

/// CloudStack's log.
struct Poll {
    log: Arc<Log>,
    info: bool,
    /// A write that goes on although the delivery that began it was given up: disks can hang.
    writing: Option<JoinHandle<Result<Appended, LogError>>>,
    /// Whether all of the log is searched for what is to be written. So after a start and after
    /// every failure, until a batch comes of which nothing was there.
    search: bool,
    /// The last sequence number that was handed in: what is not above it is searched for, too.
    reached: u64,
}

impl Poll {
    fn read(section: Section<'_>, _: &Host) -> Result<Self, BuildError> {
        let config = Config::deserialize(section)?;
        Ok(Self {
            info: config.info,
            log: Arc::new(Log::new(config.log, config.max_size)),
            writing: None,
            search: true,
            reached: 0,
        })
    }

    /// Waits for the write that runs; may be dropped while it waits.
    async fn written(&mut self) -> Result<(), DeliverError> {
        let Some(writing) = &mut self.writing else {
            return Ok(());
        };
        let Ok(ended) = tokio::time::timeout(PATIENCE, writing).await else {
            return Err(later(format!(
                "{}: the disk does not answer within {} s",
                self.log.path().display(),
                PATIENCE.as_secs()
            )));
        };
        self.writing = None;
        match ended {
            Ok(Ok(appended)) => {
                self.search &= appended.found > 0;
                Ok(())
            }
            Ok(Err(error)) => Err(later(error.to_string())),
            Err(_) => Err(later(
                "the log's writer broke down (it panicked)".to_owned(),
            )),
        }
    }
}

/// Whatever is wrong with a log can be put right, and then it goes on.
const fn later(cause: String) -> DeliverError {
    DeliverError::Later { cause, wait: None }
}

#[async_trait]
impl Sink for Poll {
    async fn deliver(&mut self, batch: &[Event]) -> Result<(), DeliverError> {
        if self.writing.is_some() {
            // Its batch comes again, and what it wrote is found.
            let before = self.written().await;
            self.search = true;
            if self.writing.is_some() {
                return before;
            }
        }
        let lines = line::lines(batch, self.info, &LocalTime::system());
        if lines.is_empty() {
            return Ok(());
        }
        self.search |= batch.iter().any(|event| event.seq <= self.reached);
        self.reached = batch
            .iter()
            .map(|event| event.seq)
            .fold(self.reached, u64::max);
        let (log, search) = (
            Arc::clone(&self.log),
            std::mem::replace(&mut self.search, true),
        );
        self.writing = Some(tokio::task::spawn_blocking(move || {
            log.append(&lines, search)
        }));
        self.written().await?;
        Ok(())
    }
}

#[cfg(test)]
mod killed_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod trial;
