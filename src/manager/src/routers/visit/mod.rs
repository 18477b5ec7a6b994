//! Visits: what a router has to tell is fetched over a shell, alerts and usage in one visit, and
//! stored with the new cursor in one transaction. `document`, `legacy` and `netusage` read what
//! routers print, `judge` decides who is unreachable; all four are pure.

mod book;
pub mod config;
mod document;
mod ids;
mod judge;
mod legacy;
mod netusage;
mod own;
mod poller;
mod scripts;
mod stamp;
#[cfg(test)]
mod tests;
mod walk;

pub use self::book::Book;
pub use self::config::Poll;
pub use self::document::DocumentError;
pub(crate) use self::ids::id;
pub use self::poller::{PollError, Poller, Tally};
pub use self::walk::{Brought, VisitError};
