//! A small cloud for tests: the default rows, and one of each part of an inventory.

use std::collections::{BTreeMap, BTreeSet};

use super::inventory::{
    Hypervisor, Inventory, MonitoringService, Network, NetworkKind, Nic, Offering, Router, Traffic,
    Zone, ZoneType,
};

/// The default rows. Source: `cloudstack.md` section 2.
pub(crate) fn default_services() -> Vec<MonitoringService> {
    [
        ("ssh", "sshd", "ssh", "/var/run/sshd.pid", true),
        (
            "dhcp",
            "dnsmasq",
            "dnsmasq",
            "/var/run/dnsmasq/dnsmasq.pid",
            false,
        ),
        (
            "loadbalancing",
            "haproxy",
            "haproxy",
            "/var/run/haproxy.pid",
            false,
        ),
        (
            "webserver",
            "apache2",
            "apache2",
            "/var/run/apache2/apache2.pid",
            true,
        ),
    ]
    .into_iter()
    .zip(1..)
    .map(
        |((service, process, name, pidfile, is_default), id)| MonitoringService {
            id,
            uuid: format!("uuid-{id}"),
            service: service.into(),
            process_name: process.into(),
            service_name: name.into(),
            service_path: format!("/etc/init.d/{name}"),
            pidfile: pidfile.into(),
            is_default,
        },
    )
    .collect()
}

pub(crate) fn zone(id: &str) -> Zone {
    Zone {
        id: id.into(),
        name: format!("name-of-{id}"),
        network_type: ZoneType::Advanced,
        monitoring: None,
        source: None,
    }
}

/// An offering: `[("Dhcp", "VirtualRouter")]`.
pub(crate) fn offering(id: &str, services: &[(&str, &str)]) -> Offering {
    let mut map: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (service, provider) in services {
        map.entry((*service).into())
            .or_default()
            .push((*provider).into());
    }
    Offering {
        id: id.into(),
        name: id.into(),
        redundant_router: false,
        services: map,
        source: None,
    }
}

pub(crate) fn network(id: &str, kind: NetworkKind, offering: &str) -> Network {
    Network {
        id: id.into(),
        name: id.into(),
        zone: "z".into(),
        offering: offering.into(),
        kind,
        vpc: (kind == NetworkKind::VpcTier).then(|| "vpc".into()),
        monitoring: None,
        excluded: BTreeSet::new(),
        source: None,
    }
}

/// A router with an interface into each of these networks, and the usual others.
pub(crate) fn router(name: &str, networks: &[&str], vpc: Option<&str>) -> Router {
    let other = |traffic| Nic {
        traffic,
        network: None,
        address: None,
    };
    let guest = |network: &&str| Nic {
        network: Some((*network).into()),
        ..other(Traffic::Guest)
    };
    let mut nics = vec![other(Traffic::Control), other(Traffic::Public)];
    nics.extend(networks.iter().map(guest));
    Router {
        name: name.into(),
        id: None,
        zone: "z".into(),
        pod: None,
        hypervisor: Hypervisor::Kvm,
        host: None,
        address: None,
        vpc: vpc.map(Into::into),
        redundant: false,
        running: true,
        nics,
        excluded: BTreeSet::new(),
        source: None,
    }
}

/// One router `r` with one network `n` of this kind and offering.
pub(crate) fn cloud(kind: NetworkKind, offering: Offering) -> Inventory {
    let vpc = (kind == NetworkKind::VpcTier).then_some("vpc");
    Inventory {
        zones: vec![zone("z")],
        networks: vec![network("n", kind, &offering.id)],
        offerings: vec![offering],
        routers: vec![router("r", &["n"], vpc)],
    }
}
