//! Keeps the routers' keys sealed at rest: AES-256-GCM under a key that lives in a file of its own,
//! so that a copy of the database alone gives no key away.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};

use super::error::{Result, StoreError};
use crate::owner::create_private;

const KEY_BYTES: usize = 32;
/// More than any key file holds; the rest of a bigger one is not read.
const LONGEST_FILE: u64 = 256;

/// The key that seals.
pub(super) struct Sealing {
    key: LessSafeKey,
    random: SystemRandom,
}

impl fmt::Debug for Sealing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Sealing")
    }
}

impl Sealing {
    /// Reads the key from its file; makes the file when it is absent and `may_make`.
    pub(super) fn open(path: &Path, may_make: bool) -> Result<Self> {
        let wrong = |what: &dyn fmt::Display| {
            StoreError::Broken(format!("the sealing key file {}: {what}", path.display()))
        };
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && !may_make => {
                return Err(wrong(
                    &"is missing, and the routers' keys in the database are sealed with it; \
                      restore it from a backup",
                ));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make_file(path).map_err(|error| wrong(&error))?;
                File::open(path)
            }
            opened => opened,
        }
        .map_err(|error| wrong(&error))?;
        let metadata = file.metadata().map_err(|error| wrong(&error))?;
        if !metadata.is_file() {
            return Err(wrong(&"is no ordinary file"));
        }
        if metadata.permissions().mode() & 0o077 != 0 {
            return Err(wrong(&"others than its owner may read it; chmod 600 it"));
        }
        // Root may read it anyway: it is the command line beside a server that runs as its own user.
        let we = rustix::process::geteuid();
        if !we.is_root() && metadata.uid() != we.as_raw() && metadata.uid() != 0 {
            return Err(wrong(
                &"belongs to another user; run this as that user, or as root",
            ));
        }
        let mut text = String::new();
        file.take(LONGEST_FILE)
            .read_to_string(&mut text)
            .map_err(|error| wrong(&error))?;
        let unusable = || wrong(&"does not hold 32 bytes in Base64");
        let bytes = STANDARD.decode(text.trim()).map_err(|_| unusable())?;
        let key = UnboundKey::new(&AES_256_GCM, &bytes).map_err(|_| unusable())?;
        Ok(Self {
            key: LessSafeKey::new(key),
            random: SystemRandom::new(),
        })
    }

    /// Seals `secret` for `owner`: it opens for nobody else.
    pub(super) fn seal(&self, owner: &str, secret: &[u8]) -> Result<String> {
        let failed = |_| StoreError::Broken("a secret could not be sealed".into());
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).map_err(failed)?;
        let mut sealed = secret.to_vec();
        self.key
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(owner.as_bytes()),
                &mut sealed,
            )
            .map_err(failed)?;
        Ok(STANDARD.encode([&nonce[..], &sealed].concat()))
    }

    /// Opens what was sealed for `owner`.
    pub(super) fn open_seal(&self, owner: &str, sealed: &str) -> Result<Vec<u8>> {
        let failed = || {
            StoreError::Broken(
                "a sealed secret does not open: the sealing key file is not the one it was \
                 sealed with, or the database was tampered with"
                    .into(),
            )
        };
        let bytes = STANDARD.decode(sealed).map_err(|_| failed())?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_LEN>().ok_or_else(failed)?;
        let mut sealed = sealed.to_vec();
        let length = self
            .key
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(owner.as_bytes()),
                &mut sealed,
            )
            .map_err(|_| failed())?
            .len();
        sealed.truncate(length);
        Ok(sealed)
    }

    /// Fresh random bytes.
    pub(super) fn random<const N: usize>(&self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.random
            .fill(&mut bytes)
            .map_err(|_| StoreError::Broken("the system gives no random bytes".into()))?;
        Ok(bytes)
    }
}

/// Makes a key file that survives a power cut, or lets a faster maker win.
fn make_file(path: &Path) -> io::Result<()> {
    let mut bytes = [0; KEY_BYTES];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| io::Error::other("the system gives no random bytes"))?;
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{:016x}", fastrand::u64(..)));
    let beside = parent.join(name);
    let mut file = create_private(&beside)?;
    let written = file
        .write_all(format!("{}\n", STANDARD.encode(bytes)).as_bytes())
        .and_then(|()| file.sync_all())
        // A link, not a rename: it never replaces a key that is already in use.
        .and_then(|()| match std::fs::hard_link(&beside, path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        });
    std::fs::remove_file(&beside)?;
    written?;
    File::open(parent)?.sync_all()
}
