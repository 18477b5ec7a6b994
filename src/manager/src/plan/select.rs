//! The selection, as `CloudStack` makes it: for each network of the router the dhcp row when Dhcp or
//! Dns comes from the router, the loadbalancing row when Lb does, and every default row; nothing for
//! a redundant offering. A VPC's router has ssh first, for itself.
//!
//! Source: `finalizeMonitorService` in `VirtualNetworkApplianceManagerImpl`, and what
//! `VpcVirtualNetworkApplianceManagerImpl` makes of it (4.14): the public network gives ssh alone. The
//! provider is the one of the router's own kind.

use std::collections::{BTreeMap, BTreeSet};

use super::inventory::{
    Inventory, MonitoringService, Network, NetworkKind, Offering, Router, Traffic, Zone,
};
use super::reasons::Reasons;
use super::{LeftOut, Plan, PlanError, Policy, Problem, Row};

/// The rows that `CloudStack` looks up by name.
const DHCP: &str = "dhcp";
const LOAD_BALANCING: &str = "loadbalancing";
const SSH: &str = "ssh";

/// CloudStack's setting.
const SWITCH: &str = "network.router.EnableServiceMonitoring";

impl Plan {
    /// What the router of this name watches, and why.
    ///
    /// # Errors
    /// When there is no such router, or the inventory lacks what the plan follows from.
    pub fn of(
        inventory: &Inventory,
        services: &[MonitoringService],
        router: &str,
        policy: Policy,
    ) -> Result<Self, PlanError> {
        let found = inventory.routers.iter().find(|it| it.name == router);
        let router = found.ok_or_else(|| PlanError::NoSuchRouter(router.into()))?;
        let served = Served::find(inventory, router).map_err(|problems| PlanError::Inventory {
            router: router.name.clone(),
            problems,
        })?;
        let mut selection = Selection::new(services, router);
        let mut on = 0;
        if router.vpc.is_some() {
            if served.zone.monitoring.unwrap_or(policy.monitoring) {
                on += 1;
                selection.itself();
            } else {
                selection.leave_all(&format!("{SWITCH} is off for zone {}", served.zone.name));
            }
        }
        for &(network, offering) in &served.networks {
            if let Some(reason) = redundancy(router, offering, policy) {
                selection.leave_all(&reason);
            } else if served.monitoring(network, policy) {
                on += 1;
                selection.network(network, offering);
            } else {
                let name = name(network);
                selection.leave_all(&format!("{SWITCH} is off for network {name}"));
            }
        }
        let off = |network: &Network| !served.monitoring(network, policy);
        let (rows, left_out) = selection.finished();
        Ok(Self {
            router: router.name.clone(),
            rows,
            left_out,
            switched_off: on == 0 && served.networks.iter().all(|(network, _)| off(network)),
        })
    }
}

/// Why a network's routers are left alone, when they are.
fn redundancy(router: &Router, offering: &Offering, policy: Policy) -> Option<String> {
    if policy.redundant {
        None
    } else if offering.redundant_router {
        Some(format!(
            "offering {} gives redundant routers",
            offering.name
        ))
    } else if router.redundant {
        // A VPC's own offering makes its routers redundant, not that of its tiers.
        Some("it is one of a redundant pair".into())
    } else {
        None
    }
}

/// What a router serves, all of it known.
struct Served<'a> {
    zone: &'a Zone,
    networks: Vec<(&'a Network, &'a Offering)>,
}

impl<'a> Served<'a> {
    fn find(inventory: &'a Inventory, router: &Router) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let zone = inventory.zones.iter().find(|zone| zone.id == router.zone);
        if zone.is_none() {
            problems.push(Problem::UnknownZone(router.zone.clone()));
        }
        let mut seen = BTreeSet::new();
        let mut networks = Vec::new();
        for nic in router
            .nics
            .iter()
            .filter(|nic| nic.traffic == Traffic::Guest)
        {
            let Some(id) = &nic.network else {
                problems.push(Problem::GuestWithoutNetwork);
                continue;
            };
            if !seen.insert(id) {
                continue;
            }
            let Some(network) = inventory.networks.iter().find(|it| it.id == *id) else {
                problems.push(Problem::UnknownNetwork(id.clone()));
                continue;
            };
            if network.kind == NetworkKind::VpcTier && network.vpc != router.vpc {
                problems.push(Problem::OtherVpc {
                    network: name(network).into(),
                    of: network.vpc.clone(),
                    is: router.vpc.clone(),
                });
            }
            match inventory
                .offerings
                .iter()
                .find(|it| it.id == network.offering)
            {
                Some(offering) => networks.push((network, offering)),
                None => problems.push(Problem::UnknownOffering {
                    network: name(network).into(),
                    offering: network.offering.clone(),
                }),
            }
        }
        if seen.is_empty() && router.vpc.is_none() && problems.is_empty() {
            problems.push(Problem::NoNetwork);
        }
        match zone {
            Some(zone) if problems.is_empty() => Ok(Self { zone, networks }),
            _ => Err(problems),
        }
    }

    /// `network.router.EnableServiceMonitoring`, as the nearest one has it.
    fn monitoring(&self, network: &Network, policy: Policy) -> bool {
        network
            .monitoring
            .or(self.zone.monitoring)
            .unwrap_or(policy.monitoring)
    }
}

/// What a person knows a network by.
fn name(network: &Network) -> &str {
    if network.name.is_empty() {
        &network.id
    } else {
        &network.name
    }
}

/// The selection as it grows, by the services' places in `monitoring_services`.
struct Selection<'a> {
    services: &'a [MonitoringService],
    router: &'a Router,
    chosen: Vec<(usize, Reasons)>,
    left: BTreeMap<usize, Reasons>,
    /// Looked up by name, but not there.
    absent: BTreeMap<&'static str, Reasons>,
}

impl<'a> Selection<'a> {
    const fn new(services: &'a [MonitoringService], router: &'a Router) -> Self {
        Self {
            services,
            router,
            chosen: Vec::new(),
            left: BTreeMap::new(),
            absent: BTreeMap::new(),
        }
    }

    /// What a VPC's router has for itself.
    fn itself(&mut self) {
        self.choose_named(SSH, None, "the router of a VPC has it for itself".into());
    }

    /// What a network asks for.
    fn network(&mut self, network: &Network, offering: &Offering) {
        let provider = match self.router.vpc {
            Some(_) => "VpcVirtualRouter",
            None => "VirtualRouter",
        };
        for (service, of) in [(DHCP, &["Dhcp", "Dns"][..]), (LOAD_BALANCING, &["Lb"][..])] {
            match asked(offering, of, provider) {
                Ok(words) => {
                    let reason = format!("network {}: {words}", name(network));
                    self.choose_named(service, Some(network), reason);
                }
                Err(words) => {
                    if let Some(place) = self.place(service) {
                        self.leave(place, &format!("network {}: {words}", name(network)));
                    }
                }
            }
        }
        for (place, service) in self.services.iter().enumerate() {
            if service.is_default {
                self.choose(place, Some(network), "every router has it".into());
            }
        }
    }

    fn place(&self, service: &str) -> Option<usize> {
        let is = |it: &MonitoringService| it.service.eq_ignore_ascii_case(service);
        self.services.iter().position(is)
    }

    fn choose_named(&mut self, service: &'static str, of: Option<&Network>, reason: String) {
        match self.place(service) {
            Some(place) => self.choose(place, of, reason),
            None => self
                .absent
                .entry(service)
                .or_default()
                .add(format!("{reason}, but monitoring_services has no such row")),
        }
    }

    fn choose(&mut self, place: usize, of: Option<&Network>, reason: String) {
        let service = self.services[place].service.as_str();
        if names(&self.router.excluded, service) {
            self.leave(place, "excluded for this router");
            return;
        }
        if let Some(network) = of.filter(|network| names(&network.excluded, service)) {
            self.leave(place, &format!("excluded for network {}", name(network)));
            return;
        }
        // Two rows of one name would be one section of a file twice: the first is taken.
        let same = |it: &(usize, Reasons)| self.services[it.0].service == service;
        match self.chosen.iter().position(same) {
            Some(known) if self.chosen[known].0 == place => self.chosen[known].1.add(reason),
            Some(_) => self.leave(place, "another row has this name"),
            None => {
                let mut reasons = Reasons::default();
                reasons.add(reason);
                self.chosen.push((place, reasons));
            }
        }
    }

    fn leave(&mut self, place: usize, reason: &str) {
        self.left.entry(place).or_default().add(reason.into());
    }

    fn leave_all(&mut self, reason: &str) {
        for place in 0..self.services.len() {
            self.leave(place, reason);
        }
    }

    fn finished(mut self) -> (Vec<Row>, Vec<LeftOut>) {
        let mut left_out = Vec::new();
        for (place, service) in self.services.iter().enumerate() {
            if self.chosen.iter().any(|(chosen, _)| *chosen == place) {
                continue;
            }
            let reason = match self.left.remove(&place) {
                Some(reasons) => reasons.words(),
                None if service.is_default => "it serves no network yet".into(),
                None => "no network asks for it".into(),
            };
            left_out.push(LeftOut {
                service: service.service.clone(),
                reason,
            });
        }
        left_out.extend(self.absent.into_iter().map(|(service, reasons)| LeftOut {
            service: service.into(),
            reason: reasons.words(),
        }));
        let row = |(place, reasons): (usize, Reasons)| Row {
            service: self.services[place].clone(),
            reason: reasons.words(),
        };
        (self.chosen.into_iter().map(row).collect(), left_out)
    }
}

fn names(excluded: &BTreeSet<String>, service: &str) -> bool {
    excluded.iter().any(|it| it.eq_ignore_ascii_case(service))
}

/// Which of the offering's services come from this provider, in words; or why none does.
fn asked(offering: &Offering, services: &[&str], provider: &str) -> Result<String, String> {
    let mut ours = Vec::new();
    let mut others = Vec::new();
    for (service, providers) in &offering.services {
        if !services.iter().any(|it| it.eq_ignore_ascii_case(service)) {
            continue;
        }
        if providers.iter().any(|it| it.eq_ignore_ascii_case(provider)) {
            ours.push(service.as_str());
        } else if !providers.is_empty() {
            others.push(format!("{service} from {}", providers.join(", ")));
        }
    }
    if !ours.is_empty() {
        Ok(format!("{} from {provider}", ours.join(" and ")))
    } else if others.is_empty() {
        Err(format!("no {}", services.join(" and no ")))
    } else {
        Err(format!("{}, not from {provider}", others.join("; ")))
    }
}

#[cfg(test)]
#[path = "select_tests.rs"]
mod tests;
