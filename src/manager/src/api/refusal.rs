//! A request that is not fulfilled, and why, as clients are told: a status and `{"error": "…"}`.
//! What went wrong inside goes to the log, never into an answer.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use contract::clean;
use serde::Serialize;

/// The most characters of a refusal's words.
const MOST_SAID: usize = 250;

/// Why a request is not fulfilled, in words for whoever sent it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{words}")]
pub struct Refusal {
    status: StatusCode,
    words: String,
    again_in: Option<Duration>,
}

#[derive(Serialize)]
struct Said<'words> {
    error: &'words str,
}

impl Refusal {
    /// A refusal of this status. What the words quote is made harmless, and they are cut.
    pub fn new(status: StatusCode, words: impl AsRef<str>) -> Self {
        let words = clean::line(words.as_ref());
        Self {
            status,
            words: words.chars().take(MOST_SAID).collect(),
            again_in: None,
        }
    }

    /// 400: the request is not as it must be.
    pub fn bad(words: impl AsRef<str>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, words)
    }

    /// 503 with `Retry-After`: it may be sent again then.
    pub fn later(words: impl AsRef<str>, again_in: Duration) -> Self {
        Self {
            again_in: Some(again_in),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, words)
        }
    }

    /// 429 with `Retry-After`: it was tried too often.
    pub fn too_often(words: impl AsRef<str>, again_in: Duration) -> Self {
        Self {
            again_in: Some(again_in),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, words)
        }
    }

    /// The status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let said = Json(Said { error: &self.words });
        let mut response = (self.status, said).into_response();
        if let Some(wait) = self.again_in {
            let seconds = HeaderValue::from(wait.as_secs().max(1));
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}
