//! TLS for every sink that speaks it: which authorities are trusted, who we are, and what a failed
//! handshake means for whoever has to repair it.

mod authorities;

use std::error::Error;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{AlertDescription, CertificateError, ClientConfig};

use self::authorities::Authorities;
use crate::BuildError;
use crate::file::{self, FileError};

/// The bundle that Debian's `ca-certificates` keeps.
const SYSTEM_AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";
/// The largest certificate or key file that is read. Debian's bundle has 220 kB.
const LARGEST_FILE: u64 = 4 * 1024 * 1024;

/// The keys of a section that say how to speak TLS. A sink's own `Written` has each of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Keys {
    /// `ca_file`: PEM with the authorities that may vouch for the receiver; absent: the system's.
    pub(crate) authorities: Option<PathBuf>,
    /// `certificate_file`: PEM with our certificate, where the receiver asks for one.
    pub(crate) certificate: Option<PathBuf>,
    /// `key_file`: PEM with its key, mode 0600.
    pub(crate) key: Option<PathBuf>,
}

impl Keys {
    fn named(&self) -> [(&'static str, Option<&PathBuf>); 3] {
        [
            ("ca_file", self.authorities.as_ref()),
            ("certificate_file", self.certificate.as_ref()),
            ("key_file", self.key.as_ref()),
        ]
    }

    /// The first key that was given: none may be where no TLS is spoken.
    pub(crate) fn first_given(&self) -> Option<&'static str> {
        self.named()
            .into_iter()
            .find_map(|(key, path)| path.map(|_| key))
    }
}

/// How TLS is spoken. Holds paths, never keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    authorities: Arc<Authorities>,
    identity: Option<Identity>,
}

/// A client certificate and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Identity {
    certificate: PathBuf,
    key: PathBuf,
}

/// Why [`Keys`] or the files that they name are of no use. Never holds a part of a key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error("`{key}` must be an absolute path, such as \"/etc/vrwatch/{key}.pem\"")]
    Relative { key: &'static str },
    #[error("`certificate_file` and `key_file` belong together: give both or none")]
    HalfIdentity,
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
    /// Checks the keys; the files are another matter.
    pub(crate) fn checked(keys: Keys) -> Result<Self, LoadError> {
        for (key, path) in keys.named() {
            if path.is_some_and(|path| !path.is_absolute()) {
                return Err(LoadError::Relative { key });
            }
        }
        let identity = match (keys.certificate, keys.key) {
            (Some(certificate), Some(key)) => Some(Identity { certificate, key }),
            (None, None) => None,
            _ => return Err(LoadError::HalfIdentity),
        };
        Ok(Self {
            authorities: Authorities::of(
                keys.authorities
                    .unwrap_or_else(|| SYSTEM_AUTHORITIES.into()),
            ),
            identity,
        })
    }

    /// Reads the files once, so that a wrong one is told with its place in the configuration.
    pub(crate) fn check_files(&self) -> Result<(), BuildError> {
        self.load().map(drop).map_err(BuildError::file)
    }

    /// Reads the files. Done for every connection, so that a renewed certificate is used at once.
    /// Blocks: on a runtime, call it from a thread of its own.
    pub(crate) fn load(&self) -> Result<ClientConfig, LoadError> {
        let roots = self.authorities.load()?;
        // Named here and not installed for the process: other parts may choose for themselves.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(LoadError::Setup)?
            .with_root_certificates(roots);
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => builder
                .with_client_auth_cert(
                    certificates("certificate_file", &identity.certificate)?,
                    private_key(&identity.key)?,
                )
                .map_err(|_| LoadError::Mismatch)?,
        };
        // It lasts for one connection; room for 256 sessions to come back to is 300 kB.
        config.resumption = Resumption::disabled();
        Ok(config)
    }
}

fn certificates(key: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, LoadError> {
    let mut found = Vec::new();
    let (reader, _) =
        file::reader(path, LARGEST_FILE).map_err(|source| LoadError::File { key, source })?;
    each_certificate(key, path, reader, |certificate| found.push(certificate))?;
    if found.is_empty() {
        return Err(LoadError::NoPem {
            key,
            path: path.into(),
            what: "certificate",
        });
    }
    Ok(found)
}

/// Reads a file of certificates; what is none is passed over.
fn each_certificate(
    key: &'static str,
    path: &Path,
    reader: impl Read,
    mut take: impl FnMut(CertificateDer<'static>),
) -> Result<(), LoadError> {
    for found in CertificateDer::pem_reader_iter(reader) {
        match found {
            Ok(certificate) => take(certificate),
            Err(pem::Error::Io(source)) => {
                let path = path.into();
                let source = FileError::Io { path, source };
                return Err(LoadError::File { key, source });
            }
            Err(_) => {}
        }
    }
    Ok(())
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

/// The TLS error somewhere in a chain of causes. An I/O error hides what it carries from
/// `source()`.
fn tls_error<'error>(error: &'error (dyn Error + 'static)) -> Option<&'error rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<rustls::Error>() {
            return Some(found);
        }
        next = match error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            Some(carried) => Some(carried),
            None => error.source(),
        };
    }
    None
}

/// What went wrong on a TLS connection to `name`, in words an operator can act on; `None` when
/// TLS has no part in it.
pub(crate) fn explain(
    error: &(dyn Error + 'static),
    settings: &Settings,
    name: &str,
) -> Option<String> {
    let tls = tls_error(error)?;
    let authorities = settings.authorities.path().display();
    Some(match tls {
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
                format!("the receiver's certificate is for another name than `{name}`")
            }
            // webpki's error, which rustls wraps without a variant of its own.
            CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
                "the receiver's certificate is that of an authority (basicConstraints CA:TRUE, as `openssl req -x509` \
                 makes it): it must have one that an authority signed"
                    .into()
            }
            other => format!("the receiver's certificate is not acceptable: {other}"),
        },
        rustls::Error::InvalidMessage(_) => {
            "the receiver does not speak TLS there: check the port".into()
        }
        rustls::Error::AlertReceived(alert) => refused(*alert, settings.identity.is_some()),
        rustls::Error::PeerIncompatible(_) => {
            format!("the receiver and we share no TLS version or cipher ({tls})")
        }
        other => format!("TLS failed: {other}"),
    })
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
