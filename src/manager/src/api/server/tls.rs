//! The server's side of TLS: certificate and key from files, read again when they change, so that
//! a renewed certificate is used without a restart.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sinks::file::{self, FileError};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use super::config;

/// The largest certificate or key file; bytes.
const LARGEST_FILE: u64 = 1024 * 1024;
/// How often is looked whether the files have changed.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Why TLS cannot be spoken. Never holds a part of a key.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or a key could be read by others.
    #[error("`[http.tls]` `{key}`: {source}")]
    File {
        /// The key in the configuration.
        key: &'static str,
        /// What is wrong with the file.
        source: FileError,
    },
    /// A file holds something else.
    #[error("`[http.tls]` `{key}`: {} holds no {what} in PEM form", path.display())]
    NoPem {
        /// The key in the configuration.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
    },
    /// The key is another certificate's.
    #[error("`[http.tls]` `key_file` does not belong to `certificate_file`: {0}")]
    Mismatch(rustls::Error),
    /// The library refuses.
    #[error("TLS cannot be set up: {0}")]
    Setup(rustls::Error),
}

/// The certificate that is shown to clients.
pub(super) struct Tls {
    files: config::Tls,
    loaded: Mutex<Loaded>,
}

struct Loaded {
    acceptor: TlsAcceptor,
    changed: [Option<SystemTime>; 2],
    looked: Instant,
}

impl Tls {
    pub(super) fn load(files: config::Tls) -> Result<Self, TlsError> {
        let changed = changed(&files);
        let loaded = Loaded {
            acceptor: load(&files)?,
            changed,
            looked: Instant::now(),
        };
        Ok(Self {
            files,
            loaded: Mutex::new(loaded),
        })
    }

    /// With the certificate as it is now; with the old one while the new one is of no use.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if loaded.looked.elapsed() >= LOOK_EVERY {
            loaded.looked = Instant::now();
            let now = changed(&self.files);
            if now != loaded.changed {
                loaded.changed = now;
                match load(&self.files) {
                    Ok(acceptor) => {
                        loaded.acceptor = acceptor;
                        tracing::info!("the new certificate is in use");
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the new certificate is of no use; the old one stays");
                    }
                }
            }
        }
        loaded.acceptor.clone()
    }
}

/// Whether certificate and key can be used as they are.
///
/// # Errors
/// [`TlsError`] says what is wrong with them.
pub fn check(files: config::Tls) -> Result<(), TlsError> {
    Tls::load(files).map(drop)
}

fn changed(files: &config::Tls) -> [Option<SystemTime>; 2] {
    [&files.certificate_file, &files.key_file]
        .map(|path| fs::metadata(path).and_then(|data| data.modified()).ok())
}

fn load(files: &config::Tls) -> Result<TlsAcceptor, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Setup)?
        .with_no_client_auth()
        .with_single_cert(
            certificates(&files.certificate_file)?,
            private_key(&files.key_file)?,
        )
        .map_err(TlsError::Mismatch)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let key = "certificate_file";
    let pem = file::read(path, LARGEST_FILE).map_err(|source| TlsError::File { key, source })?;
    let found: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .filter_map(Result::ok)
        .collect();
    if found.is_empty() {
        return Err(TlsError::NoPem {
            key,
            path: path.into(),
            what: "certificate",
        });
    }
    Ok(found)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let key = "key_file";
    let pem =
        file::read_secret(path, LARGEST_FILE).map_err(|source| TlsError::File { key, source })?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|_| TlsError::NoPem {
        key,
        path: path.into(),
        what: "private key",
    })
}
