//! Why a journal cannot be opened, in words that say what to do.

use std::io;
use std::path::PathBuf;

/// The journal cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process writes it.
    #[error(
        "the journal {} is in use by another process; stop that one first, or give this one its own `[journal] directory`",
        path.display()
    )]
    Locked {
        /// The journal's folder.
        path: PathBuf,
    },
    /// The folder or a file in it cannot be used.
    #[error("the journal cannot be opened: {}: {source}; {advice}", path.display())]
    Unusable {
        /// What was tried to be opened or made.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
        /// What to do about it.
        advice: &'static str,
    },
}

impl OpenError {
    pub(crate) fn unusable(path: PathBuf, source: io::Error) -> Self {
        use io::ErrorKind as Kind;
        let advice = match source.kind() {
            Kind::ReadOnlyFilesystem => "mount the file system writable",
            Kind::PermissionDenied => "let vrwatch own the folder, or run it as root",
            Kind::StorageFull | Kind::QuotaExceeded => "make room on the file system",
            Kind::NotADirectory | Kind::AlreadyExists => {
                "something else stands where a folder is needed: move it away"
            }
            _ => "check the folder and the disk below it",
        };
        Self::Unusable {
            path,
            source,
            advice,
        }
    }
}
