//! Requests that a router signs, as Standard Webhooks 1.0.0 has it: which key, which time, and
//! whether the signature holds. Routers that there are and routers that there are not are
//! answered alike, in words and in work.

mod headers;
mod keys;

use std::time::Duration;

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use ring::rand::SystemRandom;

pub use self::headers::{Signed, Unsigned};
pub use self::keys::{Keyring, Keys};
use super::refusal::Refusal;
use crate::store::StoreError;

/// How old keys may be that are used; how long a key that was retired by another process (a command
/// beside this one, another manager) is still good.
const KEPT: Duration = Duration::from_secs(2);
/// The same after a signature did not hold: the key may have been issued just now.
const KEPT_IN_DOUBT: Duration = Duration::from_secs(1);

/// Why a router is not believed.
#[derive(Debug, thiserror::Error)]
pub enum Disbelief {
    /// The router is not known, or the signature is not made with a key of it. No one is told
    /// which.
    #[error("this is not signed with a key of the router that it names")]
    NotProven,
    /// The keys could not be looked up.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The system gives none.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the system gives no random numbers")]
pub struct NoRandomNumbers;

/// That a router signed; what it is answered can be signed with the same key.
#[derive(Clone, Debug)]
pub struct Proof(hmac::Key);

impl Proof {
    /// The value of `webhook-signature` over `content`.
    #[must_use]
    pub fn sign(&self, content: &str) -> String {
        let tag = hmac::sign(&self.0, content.as_bytes());
        format!("v1,{}", STANDARD.encode(tag))
    }
}

/// Who checks signatures.
#[derive(Debug)]
pub struct Verifier {
    keys: Keyring,
    /// Stands in for the keys of routers that there are not.
    nobody: Keys,
    /// Made anew with each start; comparing by it takes the same time whatever is compared.
    blind: hmac::Key,
}

impl Verifier {
    /// Checks by these keys.
    ///
    /// # Errors
    /// [`NoRandomNumbers`].
    pub fn new(keys: Keyring) -> Result<Self, NoRandomNumbers> {
        let random = SystemRandom::new();
        let key = || hmac::Key::generate(hmac::HMAC_SHA256, &random).map_err(|_| NoRandomNumbers);
        Ok(Self {
            keys,
            nobody: Keys::from(vec![key()?]),
            blind: key()?,
        })
    }

    /// Whether `router` signed `content`, which begins with [`Signed::prefix`].
    ///
    /// # Errors
    /// [`Disbelief`] when it did not, or its keys cannot be looked up.
    pub async fn check(
        &self,
        router: &str,
        signed: &Signed<'_>,
        content: &[u8],
    ) -> Result<Proof, Disbelief> {
        for age in [KEPT, KEPT_IN_DOUBT] {
            let found = self.keys.of(router, age).await?;
            let keys = found.keys.as_ref().unwrap_or(&self.nobody);
            let key = self.key_of(keys, signed, content);
            if let (Some(key), true) = (key, found.keys.is_some()) {
                return Ok(Proof(key.clone()));
            }
            if found.fresh {
                break;
            }
        }
        Err(Disbelief::NotProven)
    }

    /// The key that one of the signatures is made with.
    fn key_of<'keys>(
        &self,
        keys: &'keys Keys,
        signed: &Signed<'_>,
        content: &[u8],
    ) -> Option<&'keys hmac::Key> {
        // The content is hashed once for each key, not for each signature.
        let mut right_key = None;
        for key in keys.iter() {
            let right = hmac::sign(key, content);
            let right = hmac::sign(&self.blind, right.as_ref());
            for given in signed.signatures() {
                if hmac::verify(&self.blind, given, right.as_ref()).is_ok() {
                    right_key = Some(key);
                }
            }
        }
        right_key
    }

    /// The keys of a router were changed here: the next look is at the store.
    pub fn forget(&self, router: &str) {
        self.keys.forget(router);
    }
}

impl From<Disbelief> for Refusal {
    fn from(disbelief: Disbelief) -> Self {
        match disbelief {
            Disbelief::NotProven => Self::new(StatusCode::UNAUTHORIZED, disbelief.to_string()),
            Disbelief::Store(error) => Self::from(&error),
        }
    }
}

impl From<&StoreError> for Refusal {
    /// What went wrong inside is for the log; the client learns whether to come again.
    fn from(error: &StoreError) -> Self {
        let log = || tracing::warn!(%error, "the store does not answer a request");
        match error {
            StoreError::Unavailable(_) => {
                log();
                Self::later("the database does not answer", Duration::from_secs(5))
            }
            StoreError::Refused(words) => Self::bad(words),
            StoreError::NoSuchRouter(_) => Self::new(StatusCode::NOT_FOUND, error.to_string()),
            StoreError::Outrun => Self::new(StatusCode::CONFLICT, error.to_string()),
            StoreError::Broken(_) => {
                log();
                Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "this could not be done; the log says why",
                )
            }
        }
    }
}

#[cfg(test)]
mod tests;
