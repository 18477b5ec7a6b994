//! Certificates for the peers: an authority, and leaves that are good, expired or of other names.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};

/// An authority.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate, in a file.
    pub(crate) file: PathBuf,
}

/// A certificate and its key, in files.
pub(crate) struct Leaf {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Authority {
    pub(crate) fn new(folder: &Path, name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let file = folder.join(format!("{name}.pem"));
        fs::write(&file, certificate.pem()).unwrap();
        Self {
            issuer: Issuer::new(params, key),
            file,
        }
    }

    /// A leaf for `subject`, a host name or an address, until the given year.
    pub(crate) fn leaf(&self, folder: &Path, subject: &str, until: i32) -> Leaf {
        let mut params = CertificateParams::new([subject.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, subject);
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let leaf = Leaf {
            certificate: folder.join(format!("{subject}-{until}.pem")),
            key: folder.join(format!("{subject}-{until}.key")),
        };
        fs::write(&leaf.certificate, certificate.pem()).unwrap();
        fs::write(&leaf.key, key.serialize_pem()).unwrap();
        fs::set_permissions(&leaf.key, Permissions::from_mode(0o600)).unwrap();
        leaf
    }
}
