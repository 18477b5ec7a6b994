//! Percent encoding, RFC 3986 §2.1. What stays as it is differs from use to use.

use std::fmt::Write as _;

/// `text` with every byte encoded but ASCII letters, digits and those in `plain`.
pub(super) fn encode(text: &str, plain: &[u8]) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || plain.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
