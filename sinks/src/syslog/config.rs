//! The section `[sink.NAME.syslog]`.

use async_trait::async_trait;
use contract::{DeliverError, Event, Sink};
use serde::Deserialize;

use crate::{Host, Section, SectionError};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the transports come next")]
pub(super) struct Syslog {
    #[serde(default)]
    target: String,
    #[serde(default)]
    format: String,
    #[serde(default)]
    facility: String,
    #[serde(default)]
    tag: String,
    #[serde(default)]
    timeout: String,
}

impl Syslog {
    pub(super) fn read(section: Section<'_>, _host: &Host) -> Result<Self, SectionError> {
        Self::deserialize(section)
    }
}

#[async_trait]
impl Sink for Syslog {
    async fn deliver(&mut self, _batch: &[Event]) -> Result<(), DeliverError> {
        Err(DeliverError::Later {
            cause: "no transport yet".into(),
            wait: None,
        })
    }
}
