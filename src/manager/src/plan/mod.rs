//! What a router watches, and why: pure functions of the inventory. No I/O.
//!
//! [`Plan::of`] selects; [`forms`] writes a plan down as CloudStack does;
//! [`changes`] says what an import would change.

pub mod changes;
#[cfg(test)]
pub(crate) mod examples;
pub mod forms;
pub mod inventory;
mod reasons;
mod select;
mod words;

use serde::Serialize;
use utoipa::ToSchema;

use self::inventory::MonitoringService;

/// What one router watches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Plan {
    /// The router's name.
    pub router: String,
    /// What it watches, in CloudStack's order; no service twice.
    pub rows: Vec<Row>,
    /// What it does not watch, in the order of `monitoring_services`.
    pub left_out: Vec<LeftOut>,
    /// Whether `network.router.EnableServiceMonitoring` is off for all that it serves.
    pub switched_off: bool,
}

/// A service that is watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Row {
    /// The row of `monitoring_services`.
    pub service: MonitoringService,
    /// Why: `network guest-7: Dhcp from VirtualRouter`.
    pub reason: String,
}

/// A service that is not watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct LeftOut {
    /// Its name: `dhcp`.
    pub service: String,
    /// Why not: `excluded for this router`.
    pub reason: String,
}

/// What the operator decides for all routers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Whether routers of redundant offerings are watched too. `CloudStack` does not: the backup of a
    /// pair has dnsmasq stopped on purpose.
    pub redundant: bool,
    /// `network.router.EnableServiceMonitoring`, where neither the network nor its zone says otherwise.
    pub monitoring: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            redundant: false,
            monitoring: true,
        }
    }
}

/// Why there is no plan. A plan is never made of half an inventory.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// No router has this name.
    #[error("there is no router {0}")]
    NoSuchRouter(String),
    /// The inventory does not say what the plan follows from.
    #[error("what {router} watches cannot be said: {}", list(.problems))]
    Inventory {
        /// The router's name.
        router: String,
        /// All that is wrong with it.
        problems: Vec<Problem>,
    },
}

/// What the inventory lacks for a router's plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A router's zone.
    #[error("its zone {0} is not in the inventory")]
    UnknownZone(String),
    /// A network of one of its interfaces.
    #[error("network {0} of one of its interfaces is not in the inventory")]
    UnknownNetwork(String),
    /// A network's offering.
    #[error("offering {offering} of network {network} is not in the inventory")]
    UnknownOffering {
        /// The network's name.
        network: String,
        /// The offering's id.
        offering: String,
    },
    /// An interface for guests that belongs to no network.
    #[error("one of its interfaces is for guests, but names no network")]
    GuestWithoutNetwork,
    /// A router without guests.
    #[error("it serves no network and no VPC: import its interfaces")]
    NoNetwork,
    /// A network and its router are of different VPCs.
    #[error("network {network} is a tier of {of}, but the router serves {is}", of = vpc(.of.as_deref()), is = vpc(.is.as_deref()))]
    OtherVpc {
        /// The network's name.
        network: String,
        /// The network's VPC.
        of: Option<String>,
        /// The router's VPC.
        is: Option<String>,
    },
}

fn vpc(id: Option<&str>) -> String {
    id.map_or_else(|| "no VPC".into(), |id| format!("VPC {id}"))
}

fn list(problems: &[Problem]) -> String {
    let words: Vec<_> = problems.iter().map(ToString::to_string).collect();
    words.join("; ")
}
