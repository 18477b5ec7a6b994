//! Names for what has none of its own: lines of a log, and what the manager itself says. Made of
//! what is named, so that the same thing has the same name whichever manager says it, however often.

use std::fmt::Write as _;

use ring::digest;

use crate::acceptable::OWN_IDS;

/// The bytes of the digest that are shown; 128 bits.
const SHOWN: usize = 16;

/// The same for what the manager itself says: no router can have said it before.
pub(super) fn own_id(prefix: &str, parts: &[&str]) -> String {
    format!("{OWN_IDS}{}", id(prefix, parts))
}

/// `PREFIX-` and a digest of the parts.
pub(crate) fn id(prefix: &str, parts: &[&str]) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        // Length first, so that no two lists are one text.
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    let digest = context.finish();
    let mut id = format!("{prefix}-");
    for byte in digest.as_ref().iter().take(SHOWN) {
        let _ = write!(id, "{byte:02x}");
    }
    id
}
