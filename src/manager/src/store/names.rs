//! Which texts fit the columns. `SQLite` takes any length, `MySQL` refuses what is too long (and
//! with it the whole transaction); and a key that looks like another one misleads whoever reads it:
//! so what is no fit key is refused before it gets near either.

use contract::clean;

use super::error::{Result, StoreError};

/// The most characters of a key or a short text: `VARCHAR(255)`.
pub(super) const LONGEST: usize = 255;

/// A key: some text of characters that show, that neither begins nor ends with white space.
pub(super) fn check(what: &str, key: &str) -> Result<()> {
    if key.is_empty() || key.trim() != key {
        return Err(StoreError::Refused(format!(
            "{what} must not be empty, or begin or end with white space"
        )));
    }
    check_line(what, key)
}

/// A user's name: it stands in the audit trail, where `first start` and `command line, uid 0` are
/// none; and no two look alike.
pub(super) fn check_person(name: &str) -> Result<()> {
    let plain = |it: char| it.is_ascii_alphanumeric() || "-_.@+".contains(it);
    if name.starts_with(|it: char| it.is_ascii_alphanumeric()) && name.chars().all(plain) {
        return check_text("a user's name", name);
    }
    Err(StoreError::Refused(
        "a user's name begins with an ASCII letter or a digit, and goes on with them, `-`, `_`, `.`, `@` and `+`"
            .into(),
    ))
}

/// A text of one line, without characters that do not show; it may be empty.
pub(super) fn check_line(what: &str, text: &str) -> Result<()> {
    if text.chars().any(clean::is_hidden) {
        return Err(StoreError::Refused(format!(
            "{what} must not hold control characters, or others that do not show"
        )));
    }
    check_text(what, text)
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
