//! The seam behind which a way to a router lies: run a program there, or write a file. Tests of
//! what is above it need no network.

use std::time::Duration;

use crate::plan::inventory::Router;

/// Why a router could not be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReachError {
    /// No connection, or it was lost; may heal.
    #[error("{0}")]
    Away(String),
    /// It did not answer within the time.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// It answered more than is taken.
    #[error("it answered more than {0} bytes")]
    TooMuch(usize),
    /// Host key or log-in refused, or it cannot be asked as things are written; a person must look.
    #[error("{0}")]
    Refused(String),
}

/// What a program on the router did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its exit code; `None` when a signal ended it.
    pub exit: Option<i32>,
    /// What it printed, bounded.
    pub output: Vec<u8>,
    /// What it complained about, bounded.
    pub errors: Vec<u8>,
}

impl Answer {
    /// Whether it says that all went well.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.exit == Some(0)
    }
}

/// A session with one router.
#[async_trait::async_trait]
pub trait Shell: Send {
    /// Runs a program with arguments and input. Arguments reach the program as they are: what they
    /// hold is never taken for shell syntax.
    ///
    /// # Errors
    /// When the router cannot be asked; a program that fails is an [`Answer`].
    async fn run(
        &mut self,
        program: &str,
        arguments: &[&str],
        input: &[u8],
        limit: Duration,
    ) -> Result<Answer, ReachError>;

    /// Ends the session; the router keeps nothing of it. A session that is dropped instead ends
    /// too, only less politely.
    async fn close(self: Box<Self>);
}

/// A way to open sessions.
#[async_trait::async_trait]
pub trait Reach: Send + Sync {
    /// Opens a session with this router.
    ///
    /// # Errors
    /// When the router cannot be reached.
    async fn open(&self, router: &Router) -> Result<Box<dyn Shell>, ReachError>;
}
