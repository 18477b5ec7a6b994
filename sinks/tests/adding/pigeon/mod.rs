//! Ties notes to a pigeon: a line for each event, to a loft that answers `taken`.

use std::net::SocketAddr;

use async_trait::async_trait;
use contract::{DeliverError, Event, Sink, human};
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{Kind, clean};

/// The most of an answer that is read; bytes.
const MOST_READ: u64 = 64;

pub(crate) const KIND: Kind = Kind {
    name: "pigeon",
    summary: "ties a note to a pigeon",
    sample: include_str!("sample.toml"),
    needs_disk: true,
    for_people: true,
    build: |section, _| Ok(Box::new(Pigeon(Config::deserialize(section)?))),
    #[cfg(test)]
    trial: &trial::TRIAL,
};

#[derive(Debug, Deserialize)]
#[serde(try_from = "Written")]
struct Config {
    loft: SocketAddr,
    timeout: human::Duration,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    loft: SocketAddr,
    timeout: human::Duration,
}

impl TryFrom<Written> for Config {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        if written.timeout.0 > std::time::Duration::from_secs(50) {
            return Err("`timeout` must be 50s at most");
        }
        Ok(Self {
            loft: written.loft,
            timeout: written.timeout,
        })
    }
}

struct Pigeon(Config);

impl Pigeon {
    async fn fly(&self, batch: &[Event]) -> Result<(), String> {
        let failed = |error: std::io::Error| format!("the pigeon got lost: {error}");
        let mut stream = TcpStream::connect(self.0.loft).await.map_err(failed)?;
        for event in batch {
            let mut note = serde_json::to_string(event).map_err(|error| error.to_string())?;
            // So that the test can see the kit notice a pigeon that is no good.
            if std::env::var_os("PIGEON_FORGETS").is_some() {
                note = note.replace(&event.id, "?");
            }
            note.push('\n');
            stream.write_all(note.as_bytes()).await.map_err(failed)?;
        }
        stream.shutdown().await.map_err(failed)?;
        let mut answer = String::new();
        let mut answers = stream.take(MOST_READ);
        answers.read_to_string(&mut answer).await.map_err(failed)?;
        match answer.trim() {
            "taken" => Ok(()),
            other => Err(format!("the loft says `{}`", clean::line(other))),
        }
    }
}

#[async_trait]
impl Sink for Pigeon {
    async fn deliver(&mut self, batch: &[Event]) -> Result<(), DeliverError> {
        let limit = self.0.timeout;
        let cause = match tokio::time::timeout(limit.0, self.fly(batch)).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(cause)) => cause,
            Err(_) => format!("the pigeon did not come back within {limit}"),
        };
        Err(DeliverError::Later { cause, wait: None })
    }
}

#[cfg(test)]
mod trial;
