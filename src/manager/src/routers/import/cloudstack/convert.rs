//! Makes an inventory of CloudStack's answers. Pure. The same answers in another order make the same
//! inventory; what cannot be used is left out, and said.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use contract::clean;

use super::Lists;
use super::answers;
use crate::plan::inventory::{
    Hypervisor, Inventory, Network, NetworkKind, Nic, Offering, Router, Traffic, Zone, ZoneType,
};

/// The inventory, and what is odd about the answers.
pub(super) fn inventory(lists: Lists) -> (Inventory, Vec<String>) {
    let mut warnings = Vec::new();
    let zones = parts(lists.zones, |it| zone(it, &mut warnings));
    let offerings = parts(lists.offerings, |it| Some(offering(it)));
    let basic: BTreeSet<&str> = zones
        .values()
        .filter(|zone| zone.network_type == ZoneType::Basic)
        .map(|zone| zone.id.as_str())
        .collect();
    let networks = parts(lists.networks, |it| network(it, &basic));
    let hosts = lists
        .hosts
        .into_iter()
        .filter_map(|it| Some((it.id?, it.ipaddress?)));
    let around = Around {
        hosts: hosts.collect(),
        system: lists.system.into_iter().filter_map(|it| it.id).collect(),
        basic,
    };
    let routers = parts(lists.routers, |it| around.router(it, &mut warnings));
    let mut names = BTreeSet::new();
    let mut inventory = Inventory {
        offerings: offerings.into_values().collect(),
        networks: networks.into_values().collect(),
        routers: Vec::new(),
        zones: Vec::new(),
    };
    for router in routers.into_values() {
        if names.insert(router.name.clone()) {
            inventory.routers.push(router);
        } else {
            warnings.push(format!(
                "router {}: another has the same name; it is left out",
                router.name
            ));
        }
    }
    inventory.zones = zones.into_values().collect();
    inventory
        .routers
        .sort_by(|left, right| left.name.cmp(&right.name));
    (inventory, warnings)
}

/// A name for people, as far as there is room for it.
fn shown(name: Option<String>, id: &str) -> String {
    const LONGEST: usize = 255;
    let name = clean::line(&name.unwrap_or_else(|| id.to_owned()));
    let end = name.floor_char_boundary(LONGEST);
    name.get(..end).unwrap_or_default().to_owned()
}

/// By id, each once; an item without id is none.
fn parts<I: super::pages::Item, P>(
    items: Vec<I>,
    mut make: impl FnMut(I) -> Option<P>,
) -> BTreeMap<String, P> {
    let mut all = BTreeMap::new();
    for item in items {
        let id = item.id().to_owned();
        if !id.is_empty()
            && !all.contains_key(&id)
            && let Some(part) = make(item)
        {
            all.insert(id, part);
        }
    }
    all
}

fn zone(zone: answers::Zone, warnings: &mut Vec<String>) -> Option<Zone> {
    let id = zone.id?;
    let name = shown(zone.name, &id);
    let network_type = match zone.networktype.as_deref() {
        Some("Basic") => ZoneType::Basic,
        Some("Advanced") => ZoneType::Advanced,
        other => {
            let other = other.unwrap_or("not given");
            warnings.push(format!(
                "zone {name}: its network type is {other}; taken as Advanced"
            ));
            ZoneType::Advanced
        }
    };
    Some(Zone {
        id,
        name,
        network_type,
        monitoring: None,
        source: None,
    })
}

fn offering(offering: answers::Offering) -> Offering {
    let id = offering.id.unwrap_or_default();
    let mut services: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut redundant_router = false;
    for service in offering.service.unwrap_or_default() {
        redundant_router |= service.capability.unwrap_or_default().iter().any(|it| {
            let is = |text: &Option<String>, what: &str| {
                text.as_deref()
                    .is_some_and(|text| text.eq_ignore_ascii_case(what))
            };
            is(&it.name, "RedundantRouter") && is(&it.value, "true")
        });
        let providers = service
            .provider
            .unwrap_or_default()
            .into_iter()
            .filter_map(|it| it.name);
        if let Some(name) = service.name {
            services.entry(name).or_default().extend(providers);
        }
    }
    for providers in services.values_mut() {
        providers.sort();
        providers.dedup();
    }
    Offering {
        name: shown(offering.name, &id),
        id,
        redundant_router,
        services,
        source: None,
    }
}

/// `None` for a network that no router serves.
fn network(network: answers::Network, basic: &BTreeSet<&str>) -> Option<Network> {
    let id = network.id?;
    let zone = network.zoneid.unwrap_or_default();
    let kind = match network.r#type.as_deref() {
        Some("L2") => return None,
        _ if network.vpcid.is_some() => NetworkKind::VpcTier,
        _ if basic.contains(zone.as_str()) => NetworkKind::BasicShared,
        Some("Shared") => NetworkKind::AdvancedShared,
        // What else there is has the same selection.
        _ => NetworkKind::AdvancedIsolated,
    };
    Some(Network {
        name: shown(network.name, &id),
        id,
        zone,
        offering: network.networkofferingid.unwrap_or_default(),
        kind,
        vpc: network.vpcid,
        monitoring: None,
        excluded: BTreeSet::new(),
        source: None,
    })
}

/// What a router is seen together with.
struct Around<'a> {
    /// Hosts' addresses by id.
    hosts: BTreeMap<String, String>,
    system: BTreeSet<String>,
    basic: BTreeSet<&'a str>,
}

impl Around<'_> {
    fn router(&self, router: answers::Router, warnings: &mut Vec<String>) -> Option<Router> {
        let Some(name) = router.name else {
            let id = router.id.unwrap_or_default();
            warnings.push(format!("router {id}: it has no name; it is left out"));
            return None;
        };
        if router
            .role
            .as_deref()
            .is_some_and(|role| role != "VIRTUAL_ROUTER")
        {
            return None;
        }
        let zone = router.zoneid.unwrap_or_default();
        let hypervisor = hypervisor(router.hypervisor.as_deref());
        let mut nics: Vec<_> = router
            .nic
            .into_iter()
            .flatten()
            .filter_map(|it| self.nic(it))
            .collect();
        nics.sort_by(|left, right| order(left).cmp(&order(right)));
        nics.dedup();
        let of = |traffic| {
            nics.iter()
                .find(|nic| nic.traffic == traffic)
                .and_then(|nic| nic.address)
        };
        let direct = matches!(hypervisor, Hypervisor::Vmware | Hypervisor::Hyperv);
        let address = router
            .linklocalip
            .and_then(|text| text.parse::<IpAddr>().ok())
            .or_else(|| of(Traffic::Control))
            // A Basic zone on VMware has no control network: the guests' is used.
            .or_else(|| {
                of(Traffic::Guest).filter(|_| direct && self.basic.contains(zone.as_str()))
            });
        let jump = matches!(hypervisor, Hypervisor::Kvm | Hypervisor::Xenserver);
        let host = router
            .hostid
            .filter(|_| jump)
            .and_then(|id| self.hosts.get(&id).cloned());
        Some(Router {
            name,
            id: router.id,
            zone,
            pod: router.podid,
            hypervisor,
            host,
            address,
            vpc: router.vpcid,
            redundant: router.isredundantrouter.unwrap_or_default(),
            running: runs(router.state.as_deref()),
            nics,
            excluded: BTreeSet::new(),
            source: None,
        })
    }

    fn nic(&self, nic: answers::Nic) -> Option<Nic> {
        let traffic = match nic.traffictype.as_deref() {
            Some("Guest") => Traffic::Guest,
            Some("Public") => Traffic::Public,
            Some("Control" | "Management") => Traffic::Control,
            _ => return None,
        };
        let guest = traffic == Traffic::Guest;
        // A VPC's private gateway: traffic of guests by name, but no guests.
        if guest
            && nic
                .networkid
                .as_ref()
                .is_some_and(|id| self.system.contains(id))
        {
            return None;
        }
        let mut address = [nic.ipaddress, nic.ip6address].into_iter().flatten();
        Some(Nic {
            traffic,
            network: nic.networkid.filter(|_| guest),
            address: address.find_map(|text| text.parse().ok()),
        })
    }
}

/// So that the order in which CloudStack lists them changes nothing.
fn order(nic: &Nic) -> (u8, Option<&str>, Option<IpAddr>) {
    let traffic = match nic.traffic {
        Traffic::Control => 0,
        Traffic::Public => 1,
        Traffic::Guest => 2,
    };
    (traffic, nic.network.as_deref(), nic.address)
}

fn hypervisor(name: Option<&str>) -> Hypervisor {
    match name.map(str::to_ascii_lowercase).as_deref() {
        Some("kvm" | "lxc") => Hypervisor::Kvm,
        Some("xenserver" | "xcp-ng" | "xcp") => Hypervisor::Xenserver,
        Some("vmware") => Hypervisor::Vmware,
        Some("hyperv" | "hyper-v") => Hypervisor::Hyperv,
        _ => Hypervisor::Other,
    }
}

/// Whether it should be running. A state that is not known is no reason to look away.
fn runs(state: Option<&str>) -> bool {
    !matches!(
        state,
        Some(
            "Stopped"
                | "Stopping"
                | "Shutdown"
                | "Shutdowned"
                | "Destroyed"
                | "Expunging"
                | "Error"
        )
    )
}

#[cfg(test)]
#[path = "convert_tests.rs"]
mod tests;
