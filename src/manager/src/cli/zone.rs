//! `vrwatch-manager zone …`, `network list` and `offering list`: what routers belong to. Zones may be
//! made by hand; networks and offerings come from an import.

use clap::{Subcommand, ValueEnum};

use super::office::{Desk, Office};
use super::table::{self, if_so, or_dash};
use super::{CommandError, Done};
use crate::plan::inventory::{Change, Inventory, Zone, ZoneType};
use crate::routers::import;

#[derive(Debug, Subcommand)]
pub(super) enum Commands {
    /// List the zones.
    List,
    /// Add a zone by hand.
    Add {
        /// Its id, by which routers name it.
        id: String,
        /// Its name for people; without it the id.
        #[arg(long)]
        name: Option<String>,
        /// How its networks are made.
        #[arg(long = "type", value_enum, default_value_t = Made::Advanced)]
        made: Made,
    },
    /// Say whether routers of a zone are watched: network.router.EnableServiceMonitoring.
    Monitoring {
        /// The zone's id.
        id: String,
        /// On, off, or as the configuration has it.
        #[arg(value_enum)]
        switch: Switch,
    },
    /// Remove a zone that nothing is in.
    Remove {
        /// Its id.
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Lists {
    /// List them.
    List,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Made {
    /// With VLANs.
    Advanced,
    /// Flat, with security groups.
    Basic,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Switch {
    /// They are.
    On,
    /// They are not.
    Off,
    /// As `[plan] monitoring` has it.
    Inherit,
}

/// A zone of which only the name is known.
pub(super) fn by_hand(id: &str) -> Zone {
    Zone {
        id: id.to_owned(),
        name: id.to_owned(),
        network_type: ZoneType::Advanced,
        monitoring: None,
        source: None,
    }
}

pub(super) fn run(office: &Office, command: Commands) -> Result<Done, CommandError> {
    office.work(async |desk| {
        let known = desk.store.inventory().await?;
        let find = |id: &str| {
            let found = known.zones.iter().find(|zone| zone.id == id);
            found.ok_or_else(|| CommandError::Usage(format!("there is no zone {id}")))
        };
        let change = match command {
            Commands::List => return list(&desk, &known),
            Commands::Add { id, name, made } => {
                if find(&id).is_ok() {
                    return Err(CommandError::Usage(format!("there is a zone {id} already")));
                }
                let zone = Zone {
                    name: name.unwrap_or_else(|| id.clone()),
                    network_type: match made {
                        Made::Advanced => ZoneType::Advanced,
                        Made::Basic => ZoneType::Basic,
                    },
                    ..by_hand(&id)
                };
                let new = Inventory {
                    zones: vec![zone.clone()],
                    ..Inventory::default()
                };
                import::by_hand(&new, &known).map_err(CommandError::Usage)?;
                Change::SetZone(zone)
            }
            Commands::Monitoring { id, switch } => Change::SetZone(Zone {
                monitoring: match switch {
                    Switch::On => Some(true),
                    Switch::Off => Some(false),
                    Switch::Inherit => None,
                },
                ..find(&id)?.clone()
            }),
            Commands::Remove { id } => {
                find(&id)?;
                if known.uses_zone(&id) {
                    return Err(CommandError::Usage(format!(
                        "routers or networks are in zone {id}"
                    )));
                }
                Change::RemoveZone(id)
            }
        };
        desk.store.apply(&desk.actor, &[change]).await?;
        Ok(Done::Well)
    })
}

fn list(desk: &Desk, known: &Inventory) -> Result<Done, CommandError> {
    let header = ["ZONE", "NAME", "TYPE", "MONITORING", "FROM"];
    table::show(desk.json, header, &known.zones, |zone| {
        [
            zone.id.clone(),
            zone.name.clone(),
            word(&zone.network_type),
            switch(zone.monitoring),
            or_dash(zone.source.as_deref()),
        ]
    })?;
    Ok(Done::Well)
}

pub(super) fn networks(office: &Office, _: Lists) -> Result<Done, CommandError> {
    office.work(async |desk| {
        let networks = desk.store.inventory().await?.networks;
        let header = [
            "NETWORK",
            "NAME",
            "ZONE",
            "OFFERING",
            "KIND",
            "VPC",
            "MONITORING",
            "EXCLUDED",
        ];
        table::show(desk.json, header, &networks, |network| {
            let excluded: Vec<_> = network.excluded.iter().map(String::as_str).collect();
            [
                network.id.clone(),
                network.name.clone(),
                network.zone.clone(),
                network.offering.clone(),
                word(&network.kind),
                or_dash(network.vpc.as_deref()),
                switch(network.monitoring),
                or_dash(
                    (!excluded.is_empty())
                        .then(|| excluded.join(","))
                        .as_deref(),
                ),
            ]
        })?;
        Ok(Done::Well)
    })
}

pub(super) fn offerings(office: &Office, _: Lists) -> Result<Done, CommandError> {
    office.work(async |desk| {
        let offerings = desk.store.inventory().await?.offerings;
        let header = ["OFFERING", "NAME", "REDUNDANT", "SERVICES"];
        table::show(desk.json, header, &offerings, |offering| {
            let services: Vec<_> = offering.services.keys().map(String::as_str).collect();
            [
                offering.id.clone(),
                offering.name.clone(),
                if_so(offering.redundant_router, "redundant"),
                services.join(","),
            ]
        })?;
        Ok(Done::Well)
    })
}

fn switch(monitoring: Option<bool>) -> String {
    match monitoring {
        Some(true) => "on",
        Some(false) => "off",
        None => "-",
    }
    .to_owned()
}

fn word(value: &impl serde::Serialize) -> String {
    let word = serde_json::to_value(value).unwrap_or_default();
    word.as_str().unwrap_or_default().to_owned()
}
