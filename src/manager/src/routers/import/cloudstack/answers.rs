//! What `CloudStack` answers, as far as it matters here. Every field may be missing: versions differ,
//! and who asks may not see all.
//!
//! Source: the `*Response` classes of `org.apache.cloudstack.api.response`, 4.3 to 4.22.

use serde::Deserialize;

use super::pages::Item;

macro_rules! items {
    ($($item:ty = $list:literal),*) => {
        $(impl Item for $item {
            const LIST: &'static str = $list;

            fn id(&self) -> &str {
                self.id.as_deref().unwrap_or_default()
            }
        })*
    };
}

items!(
    Zone = "zone",
    Offering = "networkoffering",
    Network = "network",
    Router = "router",
    Host = "host"
);

/// Of `listZones`.
#[derive(Debug, Deserialize)]
pub(super) struct Zone {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) networktype: Option<String>,
}

/// Of `listNetworkOfferings`.
#[derive(Debug, Deserialize)]
pub(super) struct Offering {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) service: Option<Vec<Service>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Service {
    pub(super) name: Option<String>,
    pub(super) provider: Option<Vec<Provider>>,
    pub(super) capability: Option<Vec<Capability>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Provider {
    pub(super) name: Option<String>,
}

/// `RedundantRouter` of `SourceNat`: the only place where an offering says so.
#[derive(Debug, Deserialize)]
pub(super) struct Capability {
    pub(super) name: Option<String>,
    pub(super) value: Option<String>,
}

/// Of `listNetworks`.
#[derive(Debug, Deserialize)]
pub(super) struct Network {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) zoneid: Option<String>,
    pub(super) networkofferingid: Option<String>,
    /// `Isolated`, `Shared`, `L2`.
    pub(super) r#type: Option<String>,
    pub(super) vpcid: Option<String>,
}

/// Of `listRouters`.
#[derive(Debug, Deserialize)]
pub(super) struct Router {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) zoneid: Option<String>,
    pub(super) podid: Option<String>,
    pub(super) hypervisor: Option<String>,
    pub(super) hostid: Option<String>,
    pub(super) linklocalip: Option<String>,
    pub(super) vpcid: Option<String>,
    pub(super) isredundantrouter: Option<bool>,
    pub(super) state: Option<String>,
    /// `VIRTUAL_ROUTER`, `INTERNAL_LB_VM`.
    pub(super) role: Option<String>,
    pub(super) nic: Option<Vec<Nic>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Nic {
    pub(super) networkid: Option<String>,
    pub(super) traffictype: Option<String>,
    pub(super) ipaddress: Option<String>,
    pub(super) ip6address: Option<String>,
}

/// Of `listHosts`.
#[derive(Debug, Deserialize)]
pub(super) struct Host {
    pub(super) id: Option<String>,
    pub(super) ipaddress: Option<String>,
}
