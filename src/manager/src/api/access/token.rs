//! The token of a session: random, opaque, kept by its hash alone.

use std::fmt;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest;
use ring::rand::{SecureRandom, SystemRandom};

const BYTES: usize = 32;
/// The length of the text of so many bytes.
const LENGTH: usize = 43;

/// A session's token; shows nothing of itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A new one; `None` when the system has no random numbers.
    #[must_use]
    pub fn random() -> Option<Self> {
        let mut bytes = [0; BYTES];
        SystemRandom::new().fill(&mut bytes).ok()?;
        Some(Self(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// What a client presents; `None` when it can be no token.
    #[must_use]
    pub fn presented(text: &str) -> Option<Self> {
        let fits = text.len() == LENGTH
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        fits.then(|| Self(text.to_owned()))
    }

    /// What is handed to the client, once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is kept. The token is random, so that a plain hash of it cannot be reversed.
    #[must_use]
    pub fn hash(&self) -> String {
        let mut text = String::with_capacity(64);
        for byte in digest::digest(&digest::SHA256, self.0.as_bytes()).as_ref() {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_taken_back_and_everything_else_is_not() {
        let token = Token::random().unwrap();
        assert_eq!(Token::presented(token.reveal()), Some(token.clone()));
        assert_ne!(Token::random(), Some(token.clone()));
        assert_eq!(token.hash().len(), 64);
        assert!(!format!("{token:?}").contains(token.reveal()));
        for other in ["", "x", &"x".repeat(44), &"'".repeat(43), &"ä".repeat(43)] {
            assert_eq!(Token::presented(other), None, "{other:?}");
        }
    }
}
