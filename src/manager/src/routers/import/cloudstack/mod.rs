//! The inventory from a live `CloudStack`, through its API. Only lists are asked for, each to its end:
//! an inventory that is not whole is none, for pruning by it would remove what is still there.

mod answers;
mod convert;
mod pages;
mod usable;

use sinks::cloudstack::{Api, ApiError};

use self::answers::{Host, Network, Offering, Router, Zone};
use super::{Found, problems};
use crate::plan::changes::Settings;
use crate::plan::inventory::Inventory;

/// Why `CloudStack` gave no inventory.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// A command brought no answer.
    #[error("{command}, page {page}: {source}")]
    Call {
        /// The command.
        command: &'static str,
        /// The page, from 1.
        page: usize,
        /// Why.
        source: ApiError,
    },
    /// An answer is not what the command answers.
    #[error("{command}, page {page}: the answer is not understood: {words}")]
    Answer {
        /// The command.
        command: &'static str,
        /// The page, from 1.
        page: usize,
        /// What is odd.
        words: String,
    },
    /// The list ended early, several times.
    #[error(
        "{command}: there are {count}, but only {got} were listed; nothing is changed by half a list, try again"
    )]
    NotWhole {
        /// The command.
        command: &'static str,
        /// How many there are.
        count: usize,
        /// How many came.
        got: usize,
    },
    /// Things came or went while it was read, several times: some may have been passed over.
    #[error(
        "{command}: the list changes while it is read; nothing is changed by half a list, try again"
    )]
    Unsettled {
        /// The command.
        command: &'static str,
    },
    /// More than is taken.
    #[error("{command}: more than {most} are listed, which is more than is taken")]
    TooMany {
        /// The command.
        command: &'static str,
        /// How many are taken.
        most: usize,
    },
}

/// All lists, as they came.
#[derive(Default)]
struct Lists {
    zones: Vec<Zone>,
    offerings: Vec<Offering>,
    networks: Vec<Network>,
    /// The networks of CloudStack's own, such as those of private gateways.
    system: Vec<Network>,
    routers: Vec<Router>,
    hosts: Vec<Host>,
}

/// Asks for everything.
///
/// # Errors
/// [`ImportError`]; then nothing was found.
pub async fn read(api: &Api) -> Result<Found, ImportError> {
    // Without a project's id its routers are left out, with -1 old versions list nothing else.
    let everywhere: [&[(&str, &str)]; 2] = [
        &[("listall", "true")],
        &[("listall", "true"), ("projectid", "-1")],
    ];
    // What refers to others first: what is made meanwhile is then not half there.
    let mut lists = Lists::default();
    for whose in everywhere {
        lists
            .routers
            .extend(pages::all(api, "listRouters", whose).await?);
    }
    let own = [("listall", "true"), ("issystem", "true")];
    lists.system = pages::all(api, "listNetworks", &own).await?;
    for whose in everywhere {
        lists
            .networks
            .extend(pages::all(api, "listNetworks", whose).await?);
    }
    lists.offerings = pages::all(api, "listNetworkOfferings", &[]).await?;
    let routing = [("type", "Routing"), ("details", "min")];
    lists.hosts = pages::all(api, "listHosts", &routing).await?;
    lists.zones = pages::all(api, "listZones", &[]).await?;
    let (inventory, mut warnings) = convert::inventory(lists);
    let (inventory, left_out) = usable::usable(inventory);
    warnings.extend(
        problems(&inventory, &Inventory::default())
            .into_iter()
            .map(|it| it.words),
    );
    Ok(Found {
        inventory,
        source: format!("CloudStack at {}", api.origin()),
        settings: Settings::Kept,
        warnings,
        left_out,
    })
}
