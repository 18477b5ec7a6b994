//! Why a journal cannot be opened, in words that say what to do.

use std::io;
use std::path::PathBuf;

/// The journal cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process writes it.
    #[error("the journal in {} is in use by another process", path.display())]
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
