//! What commands print on stdout. A reader that goes away (`| head`) has what it wanted; any other
//! trouble, such as a full disk, is told. Nothing that is printed can steer a terminal.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use contract::clean;
use serde::Serialize;

/// Why nothing is printed.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The value has no form in JSON.
    #[error("this makes no JSON: {0}")]
    NoJson(#[from] serde_json::Error),
    /// A full disk, say.
    #[error("standard output cannot be written: {0}")]
    Unwritten(#[source] io::Error),
}

/// Whether anybody still reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// As far as is known.
    Stays,
    /// Nothing more needs to be printed.
    Left,
}

/// Prints text as it is to be read by people, without what is hostile in it.
///
/// # Errors
/// When stdout cannot be written, unless its reader has gone.
pub fn print(text: &str) -> Result<Audience, OutputError> {
    raw(clean::text(text).as_bytes())
}

/// Prints a value as one line of JSON. Characters that a terminal would obey are escaped, which
/// changes nothing for a reader of JSON.
///
/// # Errors
/// As [`print`].
pub fn print_json(value: &impl Serialize) -> Result<Audience, OutputError> {
    let json = serde_json::to_string(value)?;
    raw(escaped(&json).as_bytes())
}

/// Prints what vrwatch itself has made for other programs.
///
/// # Errors
/// As [`print`].
pub fn raw(bytes: &[u8]) -> Result<Audience, OutputError> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(Audience::Stays),
        Err(problem) if problem.kind() == io::ErrorKind::BrokenPipe => Ok(Audience::Left),
        Err(problem) => Err(OutputError::Unwritten(problem)),
    }
}

/// One line; hidden characters stand in strings only, where JSON lets any be written as `\uXXXX`.
fn escaped(json: &str) -> String {
    let mut plain = String::with_capacity(json.len() + 1);
    for character in json.chars() {
        if clean::is_hidden(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(plain, "\\u{unit:04x}");
            }
        } else {
            plain.push(character);
        }
    }
    plain.push('\n');
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_says_the_same_without_a_character_that_a_terminal_obeys() {
        let hostile = "a\u{1b}[31m\u{9b}\u{202e}\u{e0041}\u{7f}\n\"é";
        let line = escaped(&serde_json::to_string(hostile).unwrap());
        assert!(
            line.trim_end().chars().all(|c| !clean::is_hidden(c)),
            "{line:?}"
        );
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), hostile);
    }
}
