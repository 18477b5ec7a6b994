//! Tells a receiver over HTTP: `CloudEvents`, Alertmanager or `CloudStack`. A format says what is
//! posted, `line` is the way there, `answer` says what came of it; this file joins them.

mod address;
mod alert;
mod alertmanager;
mod answer;
mod cloudevents;
mod cloudstack;
mod config;
mod line;
mod percent;
pub mod plan;
mod signature;

use std::time::Duration;

use async_trait::async_trait;
use contract::{DeliverError, Event, Sink, Timestamp, human};
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use self::answer::Refusal;
use self::config::{Config, Format};
use self::line::{Exchange, Line};
use crate::{BuildError, Kind, Section};

pub use self::cloudstack::api;

pub(crate) const KIND: Kind = Kind {
    name: "http",
    summary: "posts signed CloudEvents to a webhook, or tells Alertmanager or CloudStack's API",
    sample: include_str!("sample.toml"),
    needs_disk: true,
    for_people: false,
    build: |section, _| Ok(Box::new(Http::read(section)?)),
    #[cfg(test)]
    trial: &trial::TRIAL,
};

/// What a format does with events.
#[async_trait]
trait Told: Send {
    async fn deliver(&mut self, batch: &[Event], line: &Line<'_>) -> Result<(), Refusal>;

    /// See [`Sink::refreshes_every`].
    fn refreshes_every(&self) -> Option<Duration> {
        None
    }

    /// See [`Sink::refresh`].
    async fn refresh(&mut self, _line: &Line<'_>) -> Result<(), Refusal> {
        Ok(())
    }

    /// See [`Sink::recall`].
    fn recall(&mut self, _open: &[Event]) {}
}

/// An HTTP receiver.
struct Http {
    exchange: Exchange,
    told: Box<dyn Told>,
    /// Since when the receiver wants no calls any more.
    gone: Option<Timestamp>,
}

impl Http {
    fn read(section: Section<'_>) -> Result<Self, BuildError> {
        let config = Config::deserialize(section)?;
        config.check_files()?;
        let told: Box<dyn Told> = match config.format.clone() {
            Format::CloudEvents { secrets, compress } => {
                Box::new(cloudevents::CloudEvents::new(secrets, compress))
            }
            Format::Alertmanager => Box::new(alertmanager::Alertmanager::default()),
            Format::CloudStack(account) => Box::new(cloudstack::CloudStack::new(account)),
        };
        Ok(Self {
            exchange: Exchange::new(config.url, config.timeout, config.proxy, config.tls),
            told,
            gone: None,
        })
    }

    /// Delivers a batch, or refreshes where there is none, within the section's time.
    async fn tell(&mut self, batch: Option<&[Event]>) -> Result<(), DeliverError> {
        if let Some(since) = self.gone {
            return Err(Refusal::Never {
                cause: format!(
                    "it said `410 Gone` at {since} and is not called again by this vrwatch: \
                     correct `url`, or remove this sink"
                ),
            }
            .by(&self.exchange.name()));
        }
        let limit = self.exchange.timeout();
        let end = Instant::now() + limit;
        let (exchange, told) = (&self.exchange, &mut self.told);
        let telling = async move {
            let line = exchange.open(end).await?;
            match batch {
                Some(batch) => told.deliver(batch, &line).await,
                None => told.refresh(&line).await,
            }
        };
        let outcome = timeout_at(end, telling).await.unwrap_or_else(|_| {
            Err(Refusal::later(format!(
                "it did not answer within {}",
                human::Duration(limit)
            )))
        });
        outcome.map_err(|refusal| {
            if matches!(refusal, Refusal::Gone { .. }) {
                self.gone = Some(Timestamp::now());
            }
            refusal.by(&self.exchange.name())
        })
    }
}

#[async_trait]
impl Sink for Http {
    async fn deliver(&mut self, batch: &[Event]) -> Result<(), DeliverError> {
        if batch.is_empty() {
            return Ok(());
        }
        self.tell(Some(batch)).await
    }

    fn refreshes_every(&self) -> Option<Duration> {
        match self.gone {
            None => self.told.refreshes_every(),
            Some(_) => None,
        }
    }

    async fn refresh(&mut self) -> Result<(), DeliverError> {
        match self.told.refreshes_every() {
            Some(_) => self.tell(None).await,
            None => Ok(()),
        }
    }

    fn recall(&mut self, open: &[Event]) {
        self.told.recall(open);
    }
}

#[cfg(test)]
mod trial;
