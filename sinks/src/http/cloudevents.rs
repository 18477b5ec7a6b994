//! `CloudEvents` 1.0 in a structured batch, signed as Standard Webhooks has it.
//!
//! The signature is over the JSON, whether or not that is compressed on its way: compression belongs
//! to the transport, and the libraries that check signatures take text.

use std::io::Write as _;
use std::path::PathBuf;

use async_trait::async_trait;
use contract::{Event, Timestamp};
use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::Serialize;

use super::Told;
use super::answer::{Answer, Refusal};
use super::line::Line;
use super::percent;
use super::signature::{self, Keys};

/// What is not worth compressing; bytes.
const SMALL: usize = 1024;
const HINT: &str =
    "does `secret_file` hold the key that it knows for this router, and are both clocks right?";

/// A receiver of batches of `CloudEvents`.
pub(super) struct CloudEvents {
    secrets: Vec<PathBuf>,
    gzip: Gzip,
}

/// Whether the receiver can read what is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gzip {
    Unproven,
    Proven,
    Never,
}

/// One event, as `CloudEvents` 1.0 §3 wraps it.
#[derive(Serialize)]
struct Wrapped<'event> {
    specversion: &'static str,
    id: &'event str,
    source: String,
    #[serde(rename = "type")]
    kind: String,
    time: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'event str>,
    datacontenttype: &'static str,
    data: &'event Event,
}

impl<'event> From<&'event Event> for Wrapped<'event> {
    fn from(event: &'event Event) -> Self {
        Self {
            specversion: "1.0",
            id: &event.id,
            // A URI reference: RFC 3986 §3.3 says what a part of a path may hold.
            source: format!("/vrwatch/{}", percent::encode(&event.router, b"-._~")),
            kind: format!("org.vrwatch.{}.v1", event.fact.kind()),
            time: event.time,
            // An empty subject is against the specification.
            subject: event
                .service
                .as_deref()
                .filter(|service| !service.is_empty()),
            datacontenttype: "application/json",
            data: event,
        }
    }
}

impl CloudEvents {
    pub(super) const fn new(secrets: Vec<PathBuf>, compress: bool) -> Self {
        Self {
            secrets,
            gzip: if compress {
                Gzip::Unproven
            } else {
                Gzip::Never
            },
        }
    }

    /// Posts the JSON, compressed or not, signed with the keys as they are now.
    async fn send(
        &self,
        line: &Line<'_>,
        id: &str,
        json: &[u8],
        compressed: bool,
    ) -> Result<Answer, Refusal> {
        let keys = Keys::read(&self.secrets).map_err(|error| Refusal::later(error.to_string()))?;
        let mut headers = headers(&keys, id, json)?;
        let body = if compressed {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            gzip(json).map_err(|error| Refusal::later(error.to_string()))?
        } else {
            json.to_vec()
        };
        line.post(headers, body).await
    }
}

fn headers(keys: &Keys, id: &str, json: &[u8]) -> Result<HeaderMap, Refusal> {
    let timestamp = Timestamp::now().unix_millis().div_euclid(1000);
    let mut headers = HeaderMap::new();
    let kind = HeaderValue::from_static("application/cloudevents-batch+json");
    headers.insert(CONTENT_TYPE, kind);
    signature::insert(&mut headers, keys, id, timestamp, json)?;
    Ok(headers)
}

fn gzip(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body)?;
    encoder.finish()
}

#[async_trait]
impl Told for CloudEvents {
    async fn deliver(&mut self, batch: &[Event], line: &Line<'_>) -> Result<(), Refusal> {
        let wrapped: Vec<Wrapped> = batch.iter().map(Wrapped::from).collect();
        let json = serde_json::to_vec(&wrapped).map_err(|error| Refusal::Never {
            cause: error.to_string(),
        })?;
        let id = signature::batch_id(batch);
        let compressed = self.gzip != Gzip::Never && json.len() > SMALL;
        let mut answer = self.send(line, &id, &json, compressed).await?;
        if compressed && answer.status().is_success() {
            self.gzip = Gzip::Proven;
        }
        if compressed && self.gzip == Gzip::Unproven && may_dislike_gzip(answer.status()) {
            // Not a retry: the same batch in the other of two forms that the receiver may choose from.
            answer = self.send(line, &id, &json, false).await?;
            if answer.status().is_success() {
                self.gzip = Gzip::Never;
            }
        }
        answer.taken(HINT).await
    }
}

/// 415 is the word for it (RFC 9110 §15.5.16); a receiver that knows nothing of compression takes
/// the body for broken JSON, or for a wrong signature's.
fn may_dislike_gzip(status: StatusCode) -> bool {
    matches!(status.as_u16(), 400 | 401 | 403 | 415 | 422)
}
