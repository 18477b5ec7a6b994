//! What an answer means: taken, not yet, never, or never again.
//!
//! Source: Standard Webhooks 1.0.0; RFC 9110 §15, and §10.2.3 for `Retry-After`.

use std::time::{Duration, SystemTime};

use contract::DeliverError;
use reqwest::header::{self, HeaderMap};
use reqwest::{Response, StatusCode};

use super::address::without_tokens;
use crate::clean;

/// The most of an answer's body that is read; bytes.
const MOST_READ: usize = 64 * 1024;
/// The most of it that is told; bytes.
const MOST_TOLD: usize = 200;
/// How long the words of a refusal are waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// The longest that a receiver can make us wait.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// Why the receiver did not take a batch.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Later {
        cause: String,
        wait: Option<Duration>,
    },
    Never {
        cause: String,
    },
    /// The receiver wants no call any more: `410 Gone`.
    Gone {
        cause: String,
    },
}

impl Refusal {
    pub(super) fn later(cause: impl Into<String>) -> Self {
        Self::Later {
            cause: cause.into(),
            wait: None,
        }
    }

    /// The same in words without something.
    pub(super) fn without(mut self, hide: impl FnOnce(&str) -> String) -> Self {
        let (Self::Later { cause, .. } | Self::Never { cause } | Self::Gone { cause }) = &mut self;
        *cause = hide(cause);
        self
    }

    /// The same with the receiver's name before it.
    pub(super) fn by(self, name: &str) -> DeliverError {
        match self {
            Self::Later { cause, wait } => DeliverError::Later {
                cause: format!("{name}: {cause}"),
                wait,
            },
            Self::Never { cause } | Self::Gone { cause } => DeliverError::Never {
                cause: format!("{name}: {cause}"),
            },
        }
    }
}

/// The head of an answer; its body is read only when somebody asks.
pub(super) struct Answer(Response);

impl Answer {
    pub(super) const fn new(response: Response) -> Self {
        Self(response)
    }

    pub(super) fn status(&self) -> StatusCode {
        self.0.status()
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        self.0.headers()
    }

    /// Taken, or why not. `hint` says what to do when we are not who we should be.
    pub(super) async fn taken(self, hint: &str) -> Result<(), Refusal> {
        if self.status().is_success() {
            Ok(())
        } else {
            Err(self.refusal(hint).await)
        }
    }

    /// What a status other than success means.
    pub(super) async fn refusal(self, hint: &str) -> Refusal {
        let (status, headers) = (self.status(), self.0.headers().clone());
        let words = self.words().await;
        refusal(status, &headers, &words, hint)
    }

    /// The body, cut at 64 KiB; what came of it when the line was cut.
    pub(super) async fn body(mut self) -> Vec<u8> {
        let mut body = Vec::new();
        while let Ok(Some(chunk)) = self.0.chunk().await {
            let room = MOST_READ - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() >= room {
                break;
            }
        }
        body
    }

    /// The whole body.
    pub(super) async fn whole(mut self, limit: usize) -> Result<Vec<u8>, NotWhole> {
        let mut body = Vec::new();
        while let Some(chunk) = self.0.chunk().await.map_err(|_| NotWhole::Cut)? {
            if body.len() + chunk.len() > limit {
                return Err(NotWhole::TooLarge(limit));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// The receiver's words, harmless and short; empty for a page.
    async fn words(self) -> String {
        let url = self.0.url().clone();
        let page = self
            .0
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
        if page {
            return String::new();
        }
        let body = tokio::time::timeout(PATIENCE, self.body())
            .await
            .unwrap_or_default();
        // Before they are cut: half a token would not be found.
        let words = without_tokens(&String::from_utf8_lossy(&body), &url);
        said(words.as_bytes())
    }
}

/// Why an answer could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotWhole {
    #[error("the answer was cut off")]
    Cut,
    #[error("the answer is larger than {} bytes", .0)]
    TooLarge(usize),
}

/// A receiver's words as they are told.
pub(super) fn said(body: &[u8]) -> String {
    let line = clean::line(&String::from_utf8_lossy(body));
    clean::cut(line.trim(), MOST_TOLD)
}

fn refusal(status: StatusCode, headers: &HeaderMap, words: &str, hint: &str) -> Refusal {
    let mut cause = format!("it answers {}", named(status));
    if !words.is_empty() {
        cause.push_str(": ");
        cause.push_str(words);
    }
    let wait = retry_after(headers);
    match status.as_u16() {
        300..=399 => {
            cause.push_str(&redirect(headers));
            Refusal::Later { cause, wait }
        }
        401 | 403 => Refusal::Later {
            cause: format!("{cause}; {hint}"),
            wait,
        },
        407 => Refusal::Later {
            cause: format!("{cause}; the proxy wants a password, which cannot be given"),
            wait,
        },
        410 => Refusal::Gone { cause },
        501 => Refusal::Never { cause },
        // 421: a gateway that does not know the host may come to know it.
        408 | 421 | 425 | 429 | 500.. => Refusal::Later { cause, wait },
        _ => Refusal::Never { cause },
    }
}

pub(super) fn named(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("{} {reason}", status.as_u16()),
        None => status.as_u16().to_string(),
    }
}

/// Where a redirect points, without its query, which may hold a token.
pub(super) fn redirect(headers: &HeaderMap) -> String {
    let to = headers
        .get(header::LOCATION)
        .map(|to| String::from_utf8_lossy(to.as_bytes()).into_owned())
        .unwrap_or_default();
    let to = to.split(['?', '#']).next().unwrap_or_default();
    if to.is_empty() {
        return "; redirects are not followed: set `url` to where the receiver is".into();
    }
    format!(
        " and points to {}; redirects are not followed: set `url` to where the receiver is",
        clean::cut(&clean::line(to), MOST_TOLD)
    )
}

/// How long the receiver asks us to wait: seconds, or a date, which is compared with the date of
/// the answer, for our own clock may be wrong.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if text.is_empty() {
        return None;
    }
    let wait = if text.bytes().all(|byte| byte.is_ascii_digit()) {
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        let until = httpdate::parse_http_date(text).ok()?;
        let now = headers
            .get(header::DATE)
            .and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok())
            .unwrap_or_else(SystemTime::now);
        until.duration_since(now).unwrap_or_default()
    };
    Some(wait.min(LONGEST_WAIT))
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
