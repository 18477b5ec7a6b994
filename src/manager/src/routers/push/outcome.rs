//! What came of sending, in words.

use std::fmt;

use super::daemon::Expected;
use crate::routers::shell::ReachError;

/// What came of sending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The router had it already; nothing was written.
    Unchanged,
    /// It has it now.
    Sent(Sent),
}

/// How it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The files that changed, by their path on the router.
    pub files: Vec<String>,
    /// Who checked them before they took the place of the old ones.
    pub checked: Checked,
    /// Whether they are in force.
    pub in_force: InForce,
}

/// Who checked the new files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checked {
    /// The router's own vrwatch.
    ByVrwatch {
        /// What it will watch.
        expected: Expected,
        /// What it found doubtful.
        warnings: Vec<String>,
    },
    /// Nobody: the router has no vrwatch.
    NoVrwatch,
    /// Nobody: the router's vrwatch has no configuration.
    NotConfigured,
}

/// Whether the new files are in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InForce {
    /// The daemon watches by them.
    Seen,
    /// No daemon runs; whatever reads them next goes by them.
    NobodyToAsk,
}

/// Why a router does not have the new files, or is not known to have them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// It cannot be reached, or was lost on the way.
    #[error(transparent)]
    Reach(#[from] ReachError),
    /// Its vrwatch would not watch by them; the old ones stay.
    #[error("the router's vrwatch refuses the new files, so the old ones stay: {0}")]
    Refused(String),
    /// A program on it failed.
    #[error("{step} failed on the router: {words}")]
    Failed {
        /// What was tried.
        step: String,
        /// What the program said.
        words: String,
    },
    /// Its daemon did not take them. Says why, and what became of the old ones.
    #[error("the router's daemon did not take the new files: {0}")]
    NotTaken(String),
    /// There is nothing on it that can check them, and `without_vrwatch` says to leave it then.
    #[error(
        "nothing on the router can check the new files, and push.without_vrwatch says `refuse`"
    )]
    Unchecked,
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Sent(sent) = self else {
            return formatter.write_str("unchanged");
        };
        write!(formatter, "sent {}", sent.files.join(", "))?;
        match &sent.checked {
            Checked::ByVrwatch { expected, warnings } => {
                write!(formatter, "; {expected}")?;
                if !warnings.is_empty() {
                    write!(formatter, "; warnings: {}", warnings.join("; "))?;
                }
            }
            Checked::NoVrwatch => formatter.write_str("; unchecked, the router has no vrwatch")?,
            Checked::NotConfigured => {
                formatter.write_str("; unchecked, the router's vrwatch has no configuration")?;
            }
        }
        match (&sent.checked, sent.in_force) {
            (_, InForce::Seen) => formatter.write_str("; in force"),
            (Checked::ByVrwatch { .. }, InForce::NobodyToAsk) => {
                formatter.write_str("; no daemon runs that would have it in force")
            }
            _ => Ok(()),
        }
    }
}

impl PushError {
    /// The same, and what was done about it.
    pub(super) fn and(mut self, done: Vec<String>) -> Self {
        if let Self::Failed { words, .. } | Self::NotTaken(words) = &mut self {
            for one in done {
                words.push_str("; ");
                words.push_str(&one);
            }
        }
        self
    }

    /// A program's complaint about a step.
    pub(super) fn failed(step: impl Into<String>, complaint: &[u8]) -> Self {
        Self::Failed {
            step: step.into(),
            words: words(complaint),
        }
    }
}

/// What a program said, in one line of bounded length.
pub(super) fn words(said: &[u8]) -> String {
    const LONGEST: usize = 1000;
    let text = contract::clean::line(String::from_utf8_lossy(said).trim());
    if text.is_empty() {
        return "it said nothing".to_owned();
    }
    text.chars().take(LONGEST).collect()
}
