//! Which texts fit the columns. `SQLite` takes any length, `MySQL` refuses what is too long (and
//! with it the whole transaction), and compares keys without their trailing spaces: so what is no
//! fit key in both is refused before it gets near either.

use super::error::{Result, StoreError};

/// The most characters of a key or a short text: `VARCHAR(255)`.
pub(super) const LONGEST: usize = 255;

/// A key: some text without control characters, not ending in white space.
pub(super) fn check(what: &str, key: &str) -> Result<()> {
    if key.is_empty() || key.trim() != key || key.chars().any(char::is_control) {
        return Err(StoreError::Refused(format!(
            "{what} must not be empty, hold control characters, or begin or end with white space"
        )));
    }
    check_text(what, key)
}

/// A text that no key is made of.
pub(super) fn check_text(what: &str, text: &str) -> Result<()> {
    check_short(what, text, LONGEST)
}

/// At most `longest` characters.
pub(super) fn check_short(what: &str, text: &str, longest: usize) -> Result<()> {
    // Bytes are at least as many as characters, and quicker to count.
    if text.len() > longest && text.chars().count() > longest {
        return Err(StoreError::Refused(format!(
            "{what} has more than {longest} characters"
        )));
    }
    Ok(())
}
