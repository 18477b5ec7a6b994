//! The table `[metrics]`: who besides this machine may read `/metrics`.

use std::path::PathBuf;

use ring::digest;
use serde::Deserialize;
use sinks::file;

/// The longest token file, in bytes; the shortest token, in characters.
const LONGEST: u64 = 4096;
const SHORTEST: usize = 20;

/// Who may read `/metrics` from elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "the table [metrics]")]
pub struct Metrics {
    /// A file (0600) with a token that lets in to `/metrics`, and to nothing else.
    pub token_file: Option<PathBuf>,
}

impl Metrics {
    /// The hash of the token, by which it is compared.
    ///
    /// # Errors
    /// What is wrong with the file, in words.
    pub fn token(&self) -> Result<Option<digest::Digest>, String> {
        let Some(path) = &self.token_file else {
            return Ok(None);
        };
        let bytes = file::read_secret(path, LONGEST)
            .map_err(|error| format!("`[metrics]` `token_file`: {error}"))?;
        let token = bytes.trim_ascii();
        if token.len() < SHORTEST {
            return Err(format!(
                "`[metrics]` `token_file`: a token has at least {SHORTEST} characters"
            ));
        }
        Ok(Some(digest::digest(&digest::SHA256, token)))
    }
}
