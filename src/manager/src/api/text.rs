//! Names as they come in: in paths and in URIs, and what they may hold.

/// The longest name of a router, service or process; bytes.
const LONGEST_NAME: usize = 255;
/// The longest id of an event or outage; bytes.
const LONGEST_ID: usize = 128;

/// Decodes RFC 3986 §2.1; `None` for what is no encoding of UTF-8.
pub(super) fn percent_decoded(encoded: &str) -> Option<String> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut bytes = encoded.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(if byte == b'%' {
            let (high, low) = (digit(bytes.next()?)?, digit(bytes.next()?)?);
            u8::try_from(high * 16 + low).ok()?
        } else {
            byte
        });
    }
    String::from_utf8(decoded).ok()
}

/// Whether it can be an id: visible ASCII.
pub(super) fn is_id(text: &str) -> bool {
    (1..=LONGEST_ID).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Whether it can be a name: text of bounded length without control characters.
pub(super) fn is_name(text: &str) -> bool {
    text.len() <= LONGEST_NAME && !text.chars().any(char::is_control)
}
