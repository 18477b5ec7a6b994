//! Where the inventory comes from: a file, or a live `CloudStack`. Both only read: what follows from
//! what was found is [`crate::plan::changes`], shown before it is made.

mod check;
pub mod cloudstack;
mod file;

pub use self::check::{Doubt, by_hand, problems};
pub use self::file::read_file;

use crate::plan::changes::{Scope, Settings};
use crate::plan::inventory::Inventory;

/// What an import found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The zones, offerings, networks and routers.
    pub inventory: Inventory,
    /// Which import it is: `file /srv/inventory.toml`, `CloudStack at https://…`.
    pub source: String,
    /// Which of the operator's settings it speaks of.
    pub settings: Settings,
    /// What is odd about it, in words. A router that it concerns gets no plan until it is put right.
    pub warnings: Vec<String>,
    /// What could not be used at all, in words. By a list with holes nothing is removed.
    pub left_out: Vec<String>,
}

impl Found {
    /// What this import may touch.
    #[must_use]
    pub fn scope(&self, prune: bool) -> Scope {
        Scope {
            source: self.source.clone(),
            prune: prune && self.left_out.is_empty(),
            settings: self.settings.clone(),
        }
    }
}
