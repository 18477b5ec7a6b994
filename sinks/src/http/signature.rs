//! Standard Webhooks: an id that is the same for the same batch, and a signature over id, time and
//! body for each secret, so that a key can be replaced without a gap.
//!
//! Source: the Standard Webhooks specification 1.0.0.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use contract::Event;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use ring::{digest, hmac};

use super::answer::Refusal;
use crate::file::{self, FileError};

/// The largest secret file that is read; bytes.
const LARGEST_FILE: u64 = 4096;
/// The most signatures of an answer that are looked at.
const MOST_SIGNATURES: usize = 8;

/// Why a secret is of no use. Never holds a part of it.
#[derive(Debug, thiserror::Error)]
pub(super) enum SecretError {
    #[error("`{key}`: {source}")]
    File {
        key: &'static str,
        source: FileError,
    },
    #[error(
        "`secret_file`: {} holds no Standard Webhooks secret: `whsec_` and the base64 of 24 to 64 bytes",
        .0.display()
    )]
    NoSecret(PathBuf),
    #[error("`{key}`: {} holds no key", path.display())]
    Empty { key: &'static str, path: PathBuf },
}

/// The keys that a batch is signed with. `hmac::Key` shows nothing of itself.
#[derive(Debug)]
pub(super) struct Keys(Vec<hmac::Key>);

impl Keys {
    /// Reads the secrets. Done for every batch, so that a replaced key is used at once.
    pub(super) fn read(paths: &[PathBuf]) -> Result<Self, SecretError> {
        paths
            .iter()
            .map(|path| read_secret(path))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The header `webhook-signature`; `None` without keys.
    pub(super) fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> Option<String> {
        let signed: Vec<_> = self
            .0
            .iter()
            .map(|key| {
                let mut context = hmac::Context::with_key(key);
                context.update(format!("{id}.{timestamp}.").as_bytes());
                context.update(body);
                format!("v1,{}", STANDARD.encode(context.sign()))
            })
            .collect();
        (!signed.is_empty()).then(|| signed.join(" "))
    }

    /// Whether one of the signatures in this header `webhook-signature` is made with one of the keys.
    pub(super) fn made(&self, header: &str, id: &str, timestamp: &str, body: &[u8]) -> bool {
        let content = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
        header
            .split(' ')
            .take(MOST_SIGNATURES)
            .filter_map(|given| STANDARD.decode(given.strip_prefix("v1,")?).ok())
            .any(|given| {
                let mut keys = self.0.iter();
                keys.any(|key| hmac::verify(key, &content, &given).is_ok())
            })
    }
}

/// Adds the headers of Standard Webhooks; without keys, all but the signature.
pub(super) fn insert(
    headers: &mut HeaderMap,
    keys: &Keys,
    id: &str,
    timestamp: i64,
    body: &[u8],
) -> Result<(), Refusal> {
    let own = [
        ("webhook-id", Some(id.to_owned())),
        ("webhook-timestamp", Some(timestamp.to_string())),
        ("webhook-signature", keys.sign(id, timestamp, body)),
    ];
    for (name, value) in own {
        if let Some(value) = value {
            let value =
                HeaderValue::try_from(value).map_err(|error| Refusal::later(error.to_string()))?;
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    Ok(())
}

fn read_secret(path: &Path) -> Result<hmac::Key, SecretError> {
    let content = read_text("secret_file", path)?;
    let no_secret = || SecretError::NoSecret(path.into());
    let encoded = content.strip_prefix("whsec_").ok_or_else(no_secret)?;
    let secret = STANDARD.decode(encoded).map_err(|_| no_secret())?;
    if !(24..=64).contains(&secret.len()) {
        return Err(no_secret());
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &secret))
}

/// The text of a secret file, without the line end that editors leave.
pub(super) fn read_text(key: &'static str, path: &Path) -> Result<String, SecretError> {
    let content = file::read_secret(path, LARGEST_FILE)
        .map_err(|source| SecretError::File { key, source })?;
    let text = String::from_utf8(content).unwrap_or_default();
    match text.trim() {
        "" => Err(SecretError::Empty {
            key,
            path: path.into(),
        }),
        text => Ok(text.to_owned()),
    }
}

/// The header `webhook-id`: made of the events' ids, so that the same batch has the same id however
/// often it is sent.
pub(super) fn batch_id(batch: &[Event]) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for event in batch {
        context.update(event.id.as_bytes());
        context.update(b"\n");
    }
    format!("batch_{}", URL_SAFE_NO_PAD.encode(context.finish()))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::examples;

    fn file(folder: &Path, name: &str, content: &str) -> PathBuf {
        let path = folder.join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// The example of the specification.
    #[test]
    fn the_signature_is_the_one_of_the_specification() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(
            folder.path(),
            "key",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n",
        );
        let keys = Keys::read(&[path]).unwrap();
        assert_eq!(
            keys.sign(
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                1_614_265_330,
                br#"{"test": 2432232314}"#
            )
            .unwrap(),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn every_secret_signs_and_none_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        let text = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let both = [
            file(folder.path(), "new", text),
            file(
                folder.path(),
                "old",
                "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            ),
        ];
        let keys = Keys::read(&both).unwrap();
        assert_eq!(keys.sign("a", 1, b"").unwrap().split(' ').count(), 2);
        assert!(Keys::read(&[]).unwrap().sign("a", 1, b"").is_none());
        assert!(!format!("{keys:?}").contains(&text[6..]));

        for wrong in ["hunter2", "whsec_", "whsec_hunter2", "whsec_aHVudGVyMg=="] {
            let error = Keys::read(&[file(folder.path(), "wrong", wrong)]).unwrap_err();
            let words = format!("{error} {error:?}");
            assert!(
                words.contains("holds no Standard Webhooks secret"),
                "{words}"
            );
            assert!(
                !words.contains("hunter2") && !words.contains("aHVu"),
                "{words}"
            );
        }
        let error = Keys::read(&[file(folder.path(), "empty", "\n")]).unwrap_err();
        assert!(error.to_string().ends_with("empty holds no key"), "{error}");
    }

    #[test]
    fn the_same_batch_has_the_same_id_and_another_batch_another() {
        let batch = examples::events();
        assert_eq!(batch_id(&batch), batch_id(&examples::events()));
        assert_ne!(batch_id(&batch), batch_id(&batch[1..]));
        assert!(
            batch_id(&batch)
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b'.')
        );
    }
}
