//! Tells syslog: the local socket, or a receiver over UDP, TCP or TLS. The lines come from
//! `line`, the way out is `transport`; this file only joins them.

mod config;
mod fields;
mod line;
mod stream;
mod target;
mod transport;

use async_trait::async_trait;
use contract::{DeliverError, Event, Sink};
use serde::Deserialize;

use crate::clock::LocalTime;
use crate::{BuildError, Host, Kind, Section};

pub(crate) const KIND: Kind = Kind {
    name: "syslog",
    summary: "writes a line per event to the local syslog or to a receiver over UDP, TCP or TLS",
    sample: include_str!("sample.toml"),
    // The one sink that hears of an event at once, also when the disk is full.
    needs_disk: false,
    for_people: false,
    build: |section, host| Ok(Box::new(Syslog::read(section, host)?)),
    #[cfg(test)]
    trial: &trial::TRIAL,
};

/// A syslog receiver.
struct Syslog {
    layout: line::Layout,
    transport: transport::Transport,
}

impl Syslog {
    fn read(section: Section<'_>, host: &Host) -> Result<Self, BuildError> {
        let config = config::Config::deserialize(section)?;
        if let Some(tls) = &config.tls {
            tls.settings.check_files()?;
        }
        Ok(Self {
            layout: line::Layout::new(&config, &host.router),
            transport: transport::Transport::new(config),
        })
    }
}

#[async_trait]
impl Sink for Syslog {
    async fn deliver(&mut self, batch: &[Event]) -> Result<(), DeliverError> {
        let lines = self
            .layout
            .lines(batch, &LocalTime::system())
            .map_err(|error| DeliverError::Never {
                cause: error.to_string(),
            })?;
        // Whatever goes wrong on the way can heal: daemons return, certificates are renewed.
        self.transport
            .send(&lines)
            .await
            .map_err(|error| DeliverError::Later {
                cause: error.to_string(),
                wait: None,
            })
    }

    fn confirms(&self) -> bool {
        self.transport.confirms()
    }
}

#[cfg(test)]
mod trial;
