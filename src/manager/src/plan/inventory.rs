//! What is known of the cloud: zones, network offerings, networks and routers, in CloudStack's
//! words. The same types are read from an inventory file, made from CloudStack's API, and stored.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Everything that a plan follows from, but the monitoring services themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Inventory {
    /// Zones.
    pub zones: Vec<Zone>,
    /// Network offerings.
    pub offerings: Vec<Offering>,
    /// Networks.
    pub networks: Vec<Network>,
    /// Virtual routers.
    pub routers: Vec<Router>,
}

impl Inventory {
    /// Whether a router or a network is in this zone.
    #[must_use]
    pub fn uses_zone(&self, id: &str) -> bool {
        self.routers.iter().any(|it| it.zone == id) || self.networks.iter().any(|it| it.zone == id)
    }
}

/// A row of `monitoring_services`. Source: `cloudstack.md` section 2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MonitoringService {
    /// CloudStack's numeric id; zero for a row that is not stored yet.
    #[serde(default)]
    pub id: i64,
    /// CloudStack's UUID.
    pub uuid: String,
    /// `dhcp`: the section's name.
    pub service: String,
    /// `dnsmasq`: the process's name.
    pub process_name: String,
    /// `dnsmasq`: the name that the service manager knows.
    pub service_name: String,
    /// `/etc/init.d/dnsmasq`.
    pub service_path: String,
    /// `/var/run/dnsmasq/dnsmasq.pid`.
    pub pidfile: String,
    /// Whether every router has it.
    pub is_default: bool,
}

/// A zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Zone {
    /// CloudStack's UUID, or any name of one's own.
    pub id: String,
    /// For people.
    pub name: String,
    /// Basic or Advanced.
    pub network_type: ZoneType,
    /// CloudStack's `network.router.EnableServiceMonitoring`; absent: as the policy has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monitoring: Option<bool>,
    /// Which import it came from (`file /srv/inventory.toml`, `CloudStack at https://…`); absent: entered by
    /// hand. Only the same import removes it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// How a zone's networks are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ZoneType {
    /// Flat, with security groups.
    Basic,
    /// With VLANs.
    Advanced,
}

/// A network offering.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Offering {
    /// CloudStack's UUID, or any name of one's own.
    pub id: String,
    /// For people.
    pub name: String,
    /// Whether it gives redundant routers.
    #[serde(default)]
    pub redundant_router: bool,
    /// The providers of each service: `Dhcp` → `VirtualRouter`.
    pub services: BTreeMap<String, Vec<String>>,
    /// Which import it came from (`file /srv/inventory.toml`, `CloudStack at https://…`); absent: entered by
    /// hand. Only the same import removes it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// A network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// CloudStack's UUID, or any name of one's own.
    pub id: String,
    /// For people.
    pub name: String,
    /// Its zone's id.
    pub zone: String,
    /// Its offering's id.
    pub offering: String,
    /// What sort of network it is.
    pub kind: NetworkKind,
    /// The VPC it is a tier of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpc: Option<String>,
    /// CloudStack's `network.router.EnableServiceMonitoring`; absent: as its zone has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monitoring: Option<bool>,
    /// Services (by `service`) that no router watches for this network.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub excluded: BTreeSet<String>,
    /// Which import it came from (`file /srv/inventory.toml`, `CloudStack at https://…`); absent: entered by
    /// hand. Only the same import removes it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// The sorts of networks that a virtual router serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NetworkKind {
    /// An account's own network in an Advanced zone.
    AdvancedIsolated,
    /// A shared network in an Advanced zone.
    AdvancedShared,
    /// The shared network of a Basic zone.
    BasicShared,
    /// A tier of a VPC.
    VpcTier,
}

/// A virtual router.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Router {
    /// The instance name, `r-42-VM`: unique.
    pub name: String,
    /// CloudStack's UUID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its zone's id.
    pub zone: String,
    /// Its pod's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<String>,
    /// What it runs on.
    pub hypervisor: Hypervisor,
    /// The address of the hypervisor host, for the jump.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Its link-local or control address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub address: Option<IpAddr>,
    /// The VPC it serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpc: Option<String>,
    /// Whether it is one of a redundant pair.
    #[serde(default)]
    pub redundant: bool,
    /// Whether it should be running at all; stopped routers are neither visited nor missed.
    #[serde(default = "yes")]
    pub running: bool,
    /// Its interfaces.
    #[serde(default)]
    pub nics: Vec<Nic>,
    /// Services (by `service`) that this router does not watch.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub excluded: BTreeSet<String>,
    /// Which import it came from (`file /srv/inventory.toml`, `CloudStack at https://…`); absent: entered by
    /// hand. Only the same import removes it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// An interface of a router.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Nic {
    /// What it is for.
    pub traffic: Traffic,
    /// The network's id, for guest traffic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// Its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub address: Option<IpAddr>,
}

/// What an interface is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Traffic {
    /// The tenants' machines.
    Guest,
    /// The outside.
    Public,
    /// The management server.
    Control,
}

/// What a router runs on; decides how it is reached. Source: `cloudstack.md` section 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Hypervisor {
    /// Through the host.
    Kvm,
    /// Through the host.
    Xenserver,
    /// Directly.
    Vmware,
    /// Directly.
    Hyperv,
    /// Directly: anything else.
    Other,
}

const fn yes() -> bool {
    true
}

/// One difference between what is stored and what an import found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Adds it, or replaces the one of the same id.
    SetZone(Zone),
    /// Adds it, or replaces the one of the same id.
    SetOffering(Offering),
    /// Adds it, or replaces the one of the same id.
    SetNetwork(Network),
    /// Adds it, or replaces the one of the same name. Keys, alerts and cursors stay.
    SetRouter(Router),
    /// By id.
    RemoveZone(String),
    /// By id.
    RemoveOffering(String),
    /// By id.
    RemoveNetwork(String),
    /// By name. Its keys end; its alerts stay until retention takes them.
    RemoveRouter(String),
}
