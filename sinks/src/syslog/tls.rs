//! TLS for syslog (RFC 5425): which authorities are trusted, who we are, and what a failed
//! handshake means for whoever has to repair it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{AlertDescription, CertificateError, ClientConfig, RootCertStore};

use crate::file::{self, FileError};

/// The largest certificate or key file that is read. Debian's bundle has 220 kB.
const LARGEST_FILE: u64 = 4 * 1024 * 1024;

/// What the configuration says about TLS. Holds paths, never keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    /// PEM file with the authorities that may vouch for the receiver.
    pub(super) authorities: PathBuf,
    /// Whom the receiver's certificate must name.
    pub(super) server_name: ServerName<'static>,
    /// Who we are, where the receiver asks.
    pub(super) identity: Option<Identity>,
}

/// A client certificate and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// Why the files of [`Settings`] are of no use. Never holds a part of a key.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    #[error("`{key}`: {source}")]
    File {
        key: &'static str,
        source: FileError,
    },
    #[error("`{key}`: {} holds no {what} in PEM form", path.display())]
    NoPem {
        key: &'static str,
        path: PathBuf,
        what: &'static str,
    },
    #[error(
        "`key_file` does not belong to `certificate_file`, or is of a kind that is not supported"
    )]
    Mismatch,
    #[error("TLS cannot be set up: {0}")]
    Setup(rustls::Error),
}

impl Settings {
    /// Reads the files. Done for every connection, so that a renewed certificate is used at once
    /// and no memory is held between batches.
    pub(super) fn load(&self) -> Result<Arc<ClientConfig>, LoadError> {
        let mut roots = RootCertStore::empty();
        let (usable, _) =
            roots.add_parsable_certificates(certificates("ca_file", &self.authorities)?);
        if usable == 0 {
            return Err(LoadError::NoPem {
                key: "ca_file",
                path: self.authorities.clone(),
                what: "certificate",
            });
        }
        // Named here and not installed for the process: other parts may choose for themselves.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(LoadError::Setup)?
            .with_root_certificates(roots);
        let config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => builder
                .with_client_auth_cert(
                    certificates("certificate_file", &identity.certificate)?,
                    private_key(&identity.key)?,
                )
                .map_err(|_| LoadError::Mismatch)?,
        };
        Ok(Arc::new(config))
    }
}

fn certificates(key: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, LoadError> {
    let pem = file::read(path, LARGEST_FILE).map_err(|source| LoadError::File { key, source })?;
    let found: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .filter_map(Result::ok)
        .collect();
    if found.is_empty() {
        return Err(LoadError::NoPem {
            key,
            path: path.into(),
            what: "certificate",
        });
    }
    Ok(found)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, LoadError> {
    let key = "key_file";
    let pem =
        file::read_secret(path, LARGEST_FILE).map_err(|source| LoadError::File { key, source })?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|_| LoadError::NoPem {
        key,
        path: path.into(),
        what: "private key",
    })
}

/// What went wrong on a TLS connection, in words an operator can act on.
pub(super) fn explain(error: &io::Error, settings: &Settings) -> String {
    let name = settings.server_name.to_str();
    let authorities = settings.authorities.display();
    let Some(tls) = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
    else {
        return match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                "the receiver ended the TLS connection without a word".into()
            }
            _ => error.to_string(),
        };
    };
    match tls {
        rustls::Error::InvalidCertificate(wrong) => match wrong {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "the receiver's certificate has expired (or this machine's clock is wrong)".into()
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "the receiver's certificate is not valid yet (or this machine's clock is wrong)"
                    .into()
            }
            CertificateError::UnknownIssuer => {
                format!("the receiver's certificate is signed by nobody whom {authorities} names")
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                format!(
                    "the receiver's certificate is for another name than `{name}`: set `server_name`"
                )
            }
            other => format!("the receiver's certificate is not acceptable: {other}"),
        },
        rustls::Error::InvalidMessage(_) => {
            "the receiver does not speak TLS there: check the port, or use \"tcp:\"".into()
        }
        rustls::Error::AlertReceived(alert) => refused(*alert, settings.identity.is_some()),
        rustls::Error::PeerIncompatible(_) => {
            format!("the receiver and we share no TLS version or cipher ({tls})")
        }
        other => format!("TLS failed: {other}"),
    }
}

/// What the receiver's alert means for us.
fn refused(alert: AlertDescription, with_identity: bool) -> String {
    match alert {
        AlertDescription::CertificateRequired
        | AlertDescription::BadCertificate
        | AlertDescription::UnknownCA
        | AlertDescription::CertificateUnknown
        | AlertDescription::CertificateExpired
        | AlertDescription::AccessDenied
        | AlertDescription::HandshakeFailure
            if !with_identity =>
        {
            format!(
                "the receiver refused us ({alert:?}): it may want a client certificate, see `certificate_file`"
            )
        }
        _ => format!("the receiver refused us ({alert:?}): it may not trust `certificate_file`"),
    }
}
