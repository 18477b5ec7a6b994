//! The authorities that a file names, kept in memory once however many sinks name that file, and
//! read again when it has changed. The system's bundle holds some 140 of them: parsed for every
//! connection, it costs time, and memory that the allocator keeps for each thread that did it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rustls::RootCertStore;

use super::{LoadError, each_certificate};
use crate::file::{self, Version};

const KEY: &str = "ca_file";

/// Those that some sink uses.
static SHARED: Mutex<Vec<Weak<Authorities>>> = Mutex::new(Vec::new());

/// The authorities of one file.
pub(crate) struct Authorities {
    path: PathBuf,
    kept: Mutex<Option<(Version, Arc<RootCertStore>)>>,
}

impl Authorities {
    /// Those of this file; shared with whoever names the same.
    pub(super) fn of(path: PathBuf) -> Arc<Self> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.retain(|known| known.strong_count() > 0);
        if let Some(known) = shared
            .iter()
            .filter_map(Weak::upgrade)
            .find(|known| known.path == path)
        {
            return known;
        }
        let new = Arc::new(Self {
            path,
            kept: Mutex::default(),
        });
        shared.push(Arc::downgrade(&new));
        new
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// As the file names them now. Blocks.
    pub(super) fn load(&self) -> Result<Arc<RootCertStore>, LoadError> {
        let failed = |source| LoadError::File { key: KEY, source };
        let (reader, version) = file::reader(&self.path, super::LARGEST_FILE).map_err(failed)?;
        // Not held while reading: a disk that hangs is to hold up nobody else.
        let kept = self
            .kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some((of, roots)) = kept
            && of == version
        {
            return Ok(roots);
        }
        let mut roots = RootCertStore::empty();
        // One at a time: of each no more is kept than its name and key. What is no authority is
        // passed over.
        each_certificate(KEY, &self.path, reader, |certificate| {
            let _ = roots.add(certificate);
        })?;
        if roots.is_empty() {
            return Err(LoadError::NoPem {
                key: KEY,
                path: self.path.clone(),
                what: "certificate",
            });
        }
        roots.roots.shrink_to_fit();
        let roots = Arc::new(roots);
        let new = Some((version, Arc::clone(&roots)));
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(roots)
    }
}

/// The same file is the same authorities.
impl PartialEq for Authorities {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

impl Eq for Authorities {}

/// The path alone: 140 certificates are no help.
impl fmt::Debug for Authorities {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Authorities")
            .field(&self.path)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn authority(name: &str) -> String {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
        parameters
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        parameters.self_signed(&key).unwrap().pem()
    }

    #[test]
    fn a_file_that_several_sinks_name_is_read_once_and_again_when_it_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("authorities.pem");
        fs::write(&path, authority("one")).unwrap();
        let first = Authorities::of(path.clone());
        let second = Authorities::of(path.clone());
        let before = first.load().unwrap();
        assert!(Arc::ptr_eq(&before, &second.load().unwrap()));
        assert_eq!(before.len(), 1);

        fs::write(&path, authority("one") + &authority("two")).unwrap();
        assert_eq!(second.load().unwrap().len(), 2);

        let beside = folder.path().join("renewed.pem");
        fs::write(&beside, authority("three")).unwrap();
        fs::rename(&beside, &path).unwrap();
        assert_eq!(first.load().unwrap().len(), 1);

        fs::remove_file(&path).unwrap();
        assert!(first.load().is_err(), "what is gone vouches for nobody");
    }

    #[test]
    fn what_no_sink_uses_any_more_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("authorities.pem");
        fs::write(&path, authority("one")).unwrap();
        let roots = Arc::downgrade(&Authorities::of(path).load().unwrap());
        assert!(roots.upgrade().is_none());
    }
}
