//! CloudStack's request signature, version 3: HMAC-SHA1 over the sorted parameters.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contract::Timestamp;
use ring::hmac;

use crate::http::percent;

/// How long a request may be on its way; CloudStack allows 15 minutes.
const VALID: Duration = Duration::from_mins(10);

/// The parameters, with those of the signature, as a form.
pub(super) fn signed(
    parameters: &BTreeMap<&'static str, &str>,
    now: Timestamp,
    key: &hmac::Key,
) -> String {
    let expires = expires(now);
    let mut all = parameters.clone();
    all.insert("signatureversion", "3");
    all.insert("expires", &expires);
    let form = all
        .iter()
        .map(|(name, value)| format!("{name}={}", encoded(value)))
        .collect::<Vec<_>>()
        .join("&");
    let tag = hmac::sign(key, form.to_ascii_lowercase().as_bytes());
    format!("{form}&signature={}", encoded(&STANDARD.encode(tag)))
}

/// `2026-01-01T12:00:00+0000`.
fn expires(now: Timestamp) -> String {
    let text = now.saturating_add(VALID).to_string();
    let seconds = text.split('.').next().unwrap_or(&text);
    format!("{seconds}+0000")
}

/// As Java's `URLEncoder` does it, but a blank as `%20`: CloudStack decodes the form and encodes it
/// again to check the signature.
fn encoded(value: &str) -> String {
    percent::encode(value, b".-*_")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expected signature was computed with Python's `hmac` and `urllib`.
    #[test]
    fn the_signature_is_over_the_sorted_lower_cased_parameters() {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"hunter2");
        let parameters = BTreeMap::from([
            ("command", "generateAlert"),
            ("description", "Ä b*~+%&=[x]"),
            ("apikey", "KEY"),
        ]);
        let now = "2026-01-01T11:50:00.5Z".parse().unwrap();
        assert_eq!(
            signed(&parameters, now, &key),
            "apikey=KEY&command=generateAlert&description=%C3%84%20b*%7E%2B%25%26%3D%5Bx%5D\
             &expires=2026-01-01T12%3A00%3A00%2B0000&signatureversion=3&signature=sl6KUrj8BU0eBVFTFYo6R%2FD5f%2BQ%3D"
        );
    }
}
