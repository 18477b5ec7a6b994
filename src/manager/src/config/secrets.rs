//! The table `[secrets]`: the key under which the routers' keys lie in the database.

use std::path::PathBuf;

use serde::Deserialize;

/// Where the manager's own secrets are.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "the table [secrets]")]
pub struct Secrets {
    /// The sealing key (0600); made at the first start. Several managers share one.
    pub key_file: PathBuf,
}

impl Default for Secrets {
    fn default() -> Self {
        Self {
            key_file: PathBuf::from("/var/lib/vrwatch-manager/sealing.key"),
        }
    }
}
