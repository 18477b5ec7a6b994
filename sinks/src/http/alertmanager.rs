//! Tells Alertmanager what fires and what ended. It keeps nothing on disk, so everything is told
//! again every minute: what fires until it ends, and what ended for five minutes.

use std::time::Duration;

use async_trait::async_trait;
use contract::{Event, Timestamp};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use tokio::time::Instant;

use super::Told;
use super::alert::{Alert, Board};
use super::answer::Refusal;
use super::line::Line;

/// How often everything is told again.
const AGAIN: Duration = Duration::from_mins(1);
const HINT: &str = "does something before Alertmanager want a certificate (`certificate_file`) or a password, which cannot be given?";

/// An Alertmanager.
#[derive(Default)]
pub(super) struct Alertmanager {
    board: Board,
}

#[async_trait]
impl Told for Alertmanager {
    async fn deliver(&mut self, batch: &[Event], line: &Line<'_>) -> Result<(), Refusal> {
        let (now, wall) = (Instant::now(), Timestamp::now());
        // Applied only when it was taken: a batch that comes again starts from the same board.
        let mut board = self.board.clone();
        board.forget(now);
        let changed = board.apply(batch, now, wall);
        let told = post(&changed, line).await;
        match &told {
            Ok(()) => self.board = board,
            // What ended must not be told as firing for ever.
            Err(Refusal::Never { .. }) if batch.len() == 1 && batch[0].fact.ends_outage() => {
                self.board = board;
            }
            Err(_) => {}
        }
        told
    }

    fn refreshes_every(&self) -> Option<Duration> {
        (!self.board.is_empty()).then_some(AGAIN)
    }

    async fn refresh(&mut self, line: &Line<'_>) -> Result<(), Refusal> {
        post(&self.board.current(Instant::now()), line).await
    }

    fn recall(&mut self, open: &[Event]) {
        self.board.apply(open, Instant::now(), Timestamp::now());
    }
}

async fn post(alerts: &[Alert], line: &Line<'_>) -> Result<(), Refusal> {
    if alerts.is_empty() {
        return Ok(());
    }
    let body = serde_json::to_vec(alerts).map_err(|error| Refusal::Never {
        cause: error.to_string(),
    })?;
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    line.post(headers, body).await?.taken(HINT).await
}
