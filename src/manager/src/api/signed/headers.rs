//! The three headers of Standard Webhooks, read strictly.

use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contract::Timestamp;

use crate::api::refusal::Refusal;

/// How far the time of a request may be from ours, before and after.
pub(super) const WINDOW: Duration = Duration::from_mins(5);
/// The longest `webhook-id`; bytes.
const LONGEST_ID: usize = 256;
/// The most signatures that are looked at: two while a key is replaced, and as many again.
const MOST_SIGNATURES: usize = 4;

/// What a signed request says of itself. Nothing of it is proven yet.
#[derive(Debug)]
pub struct Signed<'headers> {
    id: &'headers str,
    timestamp: &'headers str,
    signatures: Vec<[u8; 32]>,
}

/// Why a request cannot have been signed just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsigned {
    /// A header is missing, given twice, or holds what it must not.
    #[error("the header `{0}` is missing or is not as Standard Webhooks has it")]
    Header(&'static str),
    /// The time is too far from ours.
    #[error("`webhook-timestamp` is more than five minutes from this clock: are both right?")]
    Time,
}

impl<'headers> Signed<'headers> {
    /// Reads the headers.
    ///
    /// # Errors
    /// [`Unsigned`] when one is missing or wrong, or the time is not within five minutes of `now`.
    pub fn read(headers: &'headers HeaderMap, now: Timestamp) -> Result<Self, Unsigned> {
        let id = header(headers, "webhook-id")?;
        if id.len() > LONGEST_ID || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Unsigned::Header("webhook-id"));
        }
        let timestamp = header(headers, "webhook-timestamp")?;
        let wrong = Unsigned::Header("webhook-timestamp");
        // Digits alone: `parse` takes a sign too.
        if timestamp.len() > 15 || !timestamp.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong);
        }
        let seconds: i64 = timestamp.parse().map_err(|_| wrong)?;
        let time = Timestamp::from_unix_millis(seconds * 1000).ok_or(Unsigned::Time)?;
        if time.saturating_since(now).max(now.saturating_since(time)) > WINDOW {
            return Err(Unsigned::Time);
        }
        let name = "webhook-signature";
        let signatures = header(headers, name)?
            .split(' ')
            .filter_map(|signature| decoded(signature.strip_prefix("v1,")?))
            .take(MOST_SIGNATURES)
            .collect::<Vec<_>>();
        if signatures.is_empty() {
            return Err(Unsigned::Header(name));
        }
        Ok(Self {
            id,
            timestamp,
            signatures,
        })
    }

    /// What is signed before the content: the id, a dot, the time, a dot.
    #[must_use]
    pub fn prefix(&self) -> Vec<u8> {
        let mut prefix = Vec::with_capacity(self.id.len() + self.timestamp.len() + 2);
        for part in [self.id, self.timestamp] {
            prefix.extend_from_slice(part.as_bytes());
            prefix.push(b'.');
        }
        prefix
    }

    /// The id.
    #[must_use]
    pub const fn id(&self) -> &str {
        self.id
    }

    pub(super) fn signatures(&self) -> &[[u8; 32]] {
        &self.signatures
    }
}

impl From<Unsigned> for Refusal {
    fn from(unsigned: Unsigned) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, unsigned.to_string())
    }
}

fn header<'headers>(
    headers: &'headers HeaderMap,
    name: &'static str,
) -> Result<&'headers str, Unsigned> {
    let mut all = headers.get_all(name).iter();
    match (all.next().and_then(|value| value.to_str().ok()), all.next()) {
        (Some(value), None) if !value.is_empty() => Ok(value),
        _ => Err(Unsigned::Header(name)),
    }
}

fn decoded(signature: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 33];
    let length = STANDARD.decode_slice(signature, &mut bytes).ok()?;
    bytes[..length].try_into().ok()
}
