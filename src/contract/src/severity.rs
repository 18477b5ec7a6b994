//! How bad an event is, in the terms of ITU-T X.733, which syslog, SNMP and Alertmanager all map to.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Perceived severity, X.733 §8.1.2.3. Ordered: `Critical` is the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// An alarm that ended.
    Cleared,
    /// The state is not known yet.
    Indeterminate,
    /// Something may go wrong.
    Warning,
    /// A fault that does not affect the service.
    Minor,
    /// The service is affected; it is being restored.
    Major,
    /// The service is affected and nobody restores it.
    Critical,
}

impl Severity {
    /// The lower-case name, as it stands in JSON, in config filters and in syslog fields.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cleared => "cleared",
            Self::Indeterminate => "indeterminate",
            Self::Warning => "warning",
            Self::Minor => "minor",
            Self::Major => "major",
            Self::Critical => "critical",
        }
    }

    /// The numerical syslog severity. Source: RFC 5674 §3, table 1.
    #[must_use]
    pub const fn syslog(self) -> u8 {
        match self {
            Self::Critical => 1,
            Self::Major => 2,
            Self::Minor => 3,
            Self::Warning => 4,
            Self::Indeterminate | Self::Cleared => 5,
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Severity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [
            Self::Cleared,
            Self::Indeterminate,
            Self::Warning,
            Self::Minor,
            Self::Major,
            Self::Critical,
        ]
        .into_iter()
        .find(|severity| severity.name() == text)
        .ok_or_else(|| {
            format!(
                "`{text}` is no severity; use critical, major, minor, warning, indeterminate or cleared"
            )
        })
    }
}
