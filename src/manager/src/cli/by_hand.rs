//! `vrwatch-manager router add` and `router set`: a router that no import brings, and what it needs to
//! have a plan, to be pushed to and to be polled.

use std::collections::BTreeSet;
use std::net::IpAddr;

use terminal::log;

use super::office::Desk;
use super::{CommandError, Done, router, zone};
use crate::plan::inventory::{
    Change, Hypervisor, Inventory, Network, NetworkKind, Nic, Offering, Router, Traffic, Zone,
    ZoneType,
};
use crate::routers::import::by_hand;
use crate::store::StoreError;

#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// The router's name: r-42-VM.
    name: String,
    /// Its zone's id; without it the only zone there is. When there is none, `default` is made.
    #[arg(long)]
    zone: Option<String>,
    /// What it runs on: kvm, xenserver, vmware, hyperv or other.
    #[arg(long, default_value = "other", value_parser = hypervisor)]
    hypervisor: Hypervisor,
    /// The address of its hypervisor host, through which it is reached.
    #[arg(long)]
    host: Option<String>,
    /// Its link-local or control address: without it it is neither pushed to nor polled.
    #[arg(long)]
    address: Option<IpAddr>,
    /// The id of a network that it serves; may be repeated.
    #[arg(long = "network", value_name = "ID", conflicts_with = "serves")]
    networks: Vec<String>,
    /// What it gives its guests, when no network of an inventory says it: dhcp, dns, lb, with commas
    /// between. Makes a network of the router's name.
    #[arg(long, value_name = "SERVICES", conflicts_with = "vpc", value_delimiter = ',', value_parser = offered)]
    serves: Vec<&'static str>,
    /// The VPC that it serves.
    #[arg(long)]
    vpc: Option<String>,
}

/// `none` takes a thing away.
#[derive(Debug, clap::Args)]
pub(super) struct Set {
    /// The router's name.
    name: String,
    /// Its zone's id.
    #[arg(long)]
    zone: Option<String>,
    /// What it runs on: kvm, xenserver, vmware, hyperv or other.
    #[arg(long, value_parser = hypervisor)]
    hypervisor: Option<Hypervisor>,
    /// The address of its hypervisor host, or none.
    #[arg(long, value_parser = or_none::<String>)]
    host: Option<OrNone<String>>,
    /// Its link-local or control address, or none.
    #[arg(long, value_parser = or_none::<IpAddr>)]
    address: Option<OrNone<IpAddr>>,
    /// The id of a network that it serves; may be repeated, and replaces those up to now.
    #[arg(long = "network", value_name = "ID")]
    networks: Vec<String>,
    /// The VPC that it serves, or none.
    #[arg(long, value_parser = or_none::<String>)]
    vpc: Option<OrNone<String>>,
    /// Whether it should be running: one that is stopped is neither visited nor missed.
    #[arg(long, value_name = "true|false")]
    running: Option<bool>,
}

/// A value, or the word `none`.
#[derive(Clone, Debug)]
enum OrNone<T> {
    Some(T),
    None,
}

impl<T> OrNone<T> {
    fn into_option(self) -> Option<T> {
        match self {
            Self::Some(value) => Some(value),
            Self::None => None,
        }
    }
}

fn or_none<T: std::str::FromStr>(text: &str) -> Result<OrNone<T>, T::Err> {
    match text {
        "none" => Ok(OrNone::None),
        text => text.parse().map(OrNone::Some),
    }
}

/// CloudStack's name of a service that the plan looks at.
fn offered(text: &str) -> Result<&'static str, String> {
    match text {
        "dhcp" => Ok("Dhcp"),
        "dns" => Ok("Dns"),
        "lb" => Ok("Lb"),
        _ => Err("use dhcp, dns and lb".to_owned()),
    }
}

fn hypervisor(text: &str) -> Result<Hypervisor, String> {
    serde_json::from_value(text.into())
        .map_err(|_| "use kvm, xenserver, vmware, hyperv or other".to_owned())
}

pub(super) async fn add(desk: Desk, arguments: Add) -> Result<Done, CommandError> {
    let name = arguments.name;
    match desk.store.inventory_of(&name).await {
        Err(StoreError::NoSuchRouter(_)) => {}
        Err(error) => return Err(error.into()),
        Ok(_) => {
            return Err(CommandError::Usage(format!(
                "there is a router {name} already; `router key {name}` gives it another key"
            )));
        }
    }
    let known = desk.store.inventory().await?;
    let mut new = Inventory::default();
    let zone = match (arguments.zone, known.zones.as_slice()) {
        (Some(zone), _) => zone,
        (None, [only]) => only.id.clone(),
        (None, []) => {
            new.zones.push(zone::by_hand("default"));
            "default".to_owned()
        }
        (None, several) => {
            let ids: Vec<_> = several.iter().map(|zone| zone.id.as_str()).collect();
            return Err(CommandError::Usage(format!(
                "say --zone, one of {}",
                ids.join(", ")
            )));
        }
    };
    let mut networks = arguments.networks;
    if !arguments.serves.is_empty() {
        let zones = known.zones.iter().chain(&new.zones);
        let kind = zones.clone().find(|it| it.id == zone);
        let (offering, network) = served(&name, &zone, kind, &arguments.serves);
        networks.push(network.id.clone());
        new.offerings.push(offering);
        new.networks.push(network);
    }
    let router = Router {
        name: name.clone(),
        id: None,
        zone,
        pod: None,
        hypervisor: arguments.hypervisor,
        host: arguments.host,
        address: arguments.address,
        vpc: arguments.vpc,
        redundant: false,
        running: true,
        nics: guests(networks),
        excluded: BTreeSet::new(),
        source: None,
    };
    for missing in missing(&router) {
        log::say(&format!("{name}: {missing}"));
    }
    new.routers.push(router);
    put(&desk, new, &known).await?;
    router::key(desk, name, false).await
}

pub(super) async fn set(desk: Desk, arguments: Set) -> Result<Done, CommandError> {
    let known = desk.store.inventory().await?;
    let router = known.routers.iter().find(|it| it.name == arguments.name);
    let mut router = router
        .ok_or_else(|| StoreError::NoSuchRouter(arguments.name.clone()))?
        .clone();
    if let Some(zone) = arguments.zone {
        router.zone = zone;
    }
    if let Some(hypervisor) = arguments.hypervisor {
        router.hypervisor = hypervisor;
    }
    if let Some(host) = arguments.host {
        router.host = host.into_option();
    }
    if let Some(address) = arguments.address {
        router.address = address.into_option();
    }
    if let Some(vpc) = arguments.vpc {
        router.vpc = vpc.into_option();
    }
    if let Some(running) = arguments.running {
        router.running = running;
    }
    if !arguments.networks.is_empty() {
        router.nics.retain(|nic| nic.traffic != Traffic::Guest);
        router.nics.extend(guests(arguments.networks));
    }
    let new = Inventory {
        routers: vec![router],
        ..Inventory::default()
    };
    put(&desk, new, &known).await?;
    Ok(Done::Well)
}

/// What will not work as it is, and how to make it work.
fn missing(router: &Router) -> Vec<String> {
    let mut missing = Vec::new();
    if router.nics.is_empty() && router.vpc.is_none() {
        missing.push(
            "it serves nothing yet, so there is no plan: say --network or --vpc (also with `router set`), or \
             --serves, or import an inventory"
                .to_owned(),
        );
    }
    if router.address.is_none() {
        missing.push(format!(
            "without an address it is neither pushed to nor polled: `router set {} --address …`",
            router.name
        ));
    }
    if router.host.is_none() && matches!(router.hypervisor, Hypervisor::Kvm | Hypervisor::Xenserver)
    {
        missing.push(format!(
            "without a host it is reached straight, and not through its hypervisor: `router set {} --host …`",
            router.name
        ));
    }
    missing
}

fn guests(networks: Vec<String>) -> Vec<Nic> {
    let nic = |network| Nic {
        traffic: Traffic::Guest,
        network: Some(network),
        address: None,
    };
    networks.into_iter().map(nic).collect()
}

/// A network that is the router's own, and what it offers.
fn served(
    router: &str,
    zone: &str,
    known: Option<&Zone>,
    services: &[&str],
) -> (Offering, Network) {
    let services: BTreeSet<&str> = services.iter().copied().collect();
    let id = services.iter().fold("by-hand".to_owned(), |id, service| {
        format!("{id}-{}", service.to_lowercase())
    });
    let given = services
        .into_iter()
        .map(|service| (service.to_owned(), vec!["VirtualRouter".to_owned()]));
    let offering = Offering {
        id: id.clone(),
        name: id.clone(),
        redundant_router: false,
        services: given.collect(),
        source: None,
    };
    let network = Network {
        id: router.to_owned(),
        name: router.to_owned(),
        zone: zone.to_owned(),
        offering: id,
        kind: match known.map(|zone| zone.network_type) {
            Some(ZoneType::Basic) => NetworkKind::BasicShared,
            _ => NetworkKind::AdvancedIsolated,
        },
        vpc: None,
        monitoring: None,
        excluded: BTreeSet::new(),
        source: None,
    };
    (offering, network)
}

/// Stores what fits, all of it or nothing.
async fn put(desk: &Desk, new: Inventory, known: &Inventory) -> Result<(), CommandError> {
    by_hand(&new, known).map_err(|words| {
        CommandError::Usage(format!(
            "{words}; `zone add` makes a zone, `import` brings networks"
        ))
    })?;
    let zones = new.zones.into_iter().map(Change::SetZone);
    let offerings = new.offerings.into_iter().map(Change::SetOffering);
    let networks = new.networks.into_iter().map(Change::SetNetwork);
    let routers = new.routers.into_iter().map(Change::SetRouter);
    let changes: Vec<_> = zones
        .chain(offerings)
        .chain(networks)
        .chain(routers)
        .collect();
    Ok(desk.store.apply(&desk.actor, &changes).await?)
}
