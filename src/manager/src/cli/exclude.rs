//! `vrwatch-manager exclude ROUTER|NETWORK SERVICE…`: services that are not watched there.

use super::office::Office;
use super::{CommandError, Done};
use crate::plan::inventory::Change;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A router's name, or a network's id or name.
    place: String,
    /// The services: dhcp.
    #[arg(required = true)]
    services: Vec<String>,
    /// Watch them again.
    #[arg(long)]
    undo: bool,
}

pub(super) fn run(office: &Office, arguments: &Arguments) -> Result<Done, CommandError> {
    office.work(async |desk| {
        let known = desk.store.services().await?;
        let strange = |name: &&String| !known.iter().any(|row| row.service == **name);
        if let Some(name) = arguments.services.iter().find(strange) {
            let names: Vec<_> = known.iter().map(|row| row.service.as_str()).collect();
            return Err(CommandError::Usage(format!(
                "there is no service {name}; there are {}",
                names.join(", ")
            )));
        }
        let inventory = desk.store.inventory().await?;
        let place = &arguments.place;
        let change = |excluded: &mut std::collections::BTreeSet<String>| {
            for service in &arguments.services {
                if arguments.undo {
                    excluded.remove(service);
                } else {
                    excluded.insert(service.clone());
                }
            }
        };
        let router = inventory.routers.into_iter().find(|it| it.name == *place);
        let changed = if let Some(mut router) = router {
            change(&mut router.excluded);
            Change::SetRouter(router)
        } else {
            let networks = inventory.networks.into_iter();
            let mut fit: Vec<_> = networks
                .filter(|it| it.id == *place || it.name == *place)
                .collect();
            let (Some(mut network), true) = (fit.pop(), fit.is_empty()) else {
                return Err(CommandError::Usage(format!(
                    "there is no router and not exactly one network {place}"
                )));
            };
            change(&mut network.excluded);
            Change::SetNetwork(network)
        };
        desk.store.apply(&desk.actor, &[changed]).await?;
        Ok(Done::Well)
    })
}
