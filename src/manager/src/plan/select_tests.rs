//! The selection table, row by row, and what holds for any inventory.

use proptest::prelude::*;

use super::*;
use crate::plan::examples::{cloud, default_services, network, offering, router, zone};
use NetworkKind::{AdvancedIsolated, AdvancedShared, BasicShared, VpcTier};

const VR: &str = "VirtualRouter";
const VPC_VR: &str = "VpcVirtualRouter";

fn plan(inventory: &Inventory) -> Plan {
    Plan::of(inventory, &default_services(), "r", Policy::default()).unwrap()
}

fn watched(plan: &Plan) -> Vec<&str> {
    plan.rows
        .iter()
        .map(|row| row.service.service.as_str())
        .collect()
}

fn reason<'a>(plan: &'a Plan, service: &str) -> &'a str {
    let row = plan.rows.iter().find(|row| row.service.service == service);
    &row.unwrap_or_else(|| panic!("{service} is not watched: {plan:?}"))
        .reason
}

fn why_not<'a>(plan: &'a Plan, service: &str) -> &'a str {
    let found = plan.left_out.iter().find(|it| it.service == service);
    &found
        .unwrap_or_else(|| panic!("{service} is not left out: {plan:?}"))
        .reason
}

#[test]
fn every_row_of_the_selection_table_for_every_kind_of_network() {
    // What the offering has, and what follows beside the default rows.
    let table: [(&[&str], &[&str]); 8] = [
        (&[], &[]),
        (&["Dhcp"], &["dhcp"]),
        (&["Dns"], &["dhcp"]),
        (&["Dhcp", "Dns"], &["dhcp"]),
        (&["Lb"], &["loadbalancing"]),
        (&["Dhcp", "Lb"], &["dhcp", "loadbalancing"]),
        (&["Dns", "Lb"], &["dhcp", "loadbalancing"]),
        (&["SourceNat", "UserData", "Vpn"], &[]),
    ];
    for kind in [AdvancedIsolated, AdvancedShared, BasicShared, VpcTier] {
        for (services, expected) in table {
            for ours in [true, false] {
                let provider = match (ours, kind) {
                    (false, _) => "Netscaler",
                    (true, VpcTier) => VPC_VR,
                    (true, _) => VR,
                };
                let asked: Vec<_> = services.iter().map(|it| (*it, provider)).collect();
                let plan = plan(&cloud(kind, offering("o", &asked)));
                let mut all: Vec<&str> = if ours { expected.to_vec() } else { Vec::new() };
                if kind == VpcTier {
                    all.insert(0, "ssh");
                    all.push("webserver");
                } else {
                    all.extend(["ssh", "webserver"]);
                }
                assert_eq!(watched(&plan), all, "{kind:?} {asked:?}");
                assert_eq!(plan.left_out.len() + plan.rows.len(), 4, "{plan:?}");
                assert!(!plan.switched_off);
            }
        }
    }
}

#[test]
fn the_reasons_name_the_network_the_service_and_the_provider() {
    let services = [("Dhcp", VR), ("Dns", VR), ("Lb", "Netscaler")];
    let plan = plan(&cloud(AdvancedIsolated, offering("o", &services)));
    assert_eq!(
        reason(&plan, "dhcp"),
        "network n: Dhcp and Dns from VirtualRouter"
    );
    assert_eq!(reason(&plan, "ssh"), "every router has it");
    assert_eq!(
        why_not(&plan, "loadbalancing"),
        "network n: Lb from Netscaler, not from VirtualRouter"
    );
}

#[test]
fn only_the_provider_of_the_routers_own_kind_counts_and_case_does_not() {
    for (kind, provider, counts) in [
        (AdvancedIsolated, "virtualrouter", true),
        (AdvancedIsolated, VPC_VR, false),
        (AdvancedIsolated, "InternalLbVm", false),
        (VpcTier, "vpcVIRTUALrouter", true),
        (VpcTier, VR, false),
        (VpcTier, "InternalLbVm", false),
    ] {
        let plan = plan(&cloud(kind, offering("o", &[("Lb", provider)])));
        let has = watched(&plan).contains(&"loadbalancing");
        assert_eq!(has, counts, "{kind:?} {provider}");
    }
    // One of several providers is enough.
    let both = offering("o", &[("Dns", "Other"), ("Dns", VR)]);
    assert!(watched(&plan(&cloud(BasicShared, both))).contains(&"dhcp"));
}

#[test]
fn a_vpc_has_ssh_for_its_router_and_the_selection_once_a_tier_without_repeats() {
    let mut inventory = cloud(VpcTier, offering("web", &[("Lb", VPC_VR), ("Dns", VPC_VR)]));
    inventory
        .offerings
        .push(offering("db", &[("Dhcp", VPC_VR)]));
    inventory.networks.push(network("tier-2", VpcTier, "db"));
    inventory.routers = vec![router("r", &["n", "tier-2"], Some("vpc"))];
    let made = plan(&inventory);
    assert_eq!(
        watched(&made),
        ["ssh", "dhcp", "loadbalancing", "webserver"]
    );
    assert_eq!(
        reason(&made, "dhcp"),
        "network n: Dns from VpcVirtualRouter; network tier-2: Dhcp from VpcVirtualRouter"
    );
    assert_eq!(
        reason(&made, "ssh"),
        "the router of a VPC has it for itself; every router has it"
    );
    inventory.routers = vec![router("r", &[], Some("vpc"))];
    let made = plan(&inventory);
    assert_eq!(watched(&made), ["ssh"]);
    assert_eq!(why_not(&made, "webserver"), "it serves no network yet");
}

#[test]
fn a_redundant_offering_gives_nothing_unless_switched_on() {
    let on = Policy {
        redundant: true,
        ..Policy::default()
    };
    for kind in [AdvancedIsolated, AdvancedShared, BasicShared] {
        for pair in [true, false] {
            let mut inventory = cloud(kind, offering("o", &[("Dhcp", VR)]));
            inventory.routers[0].redundant = pair;
            inventory.offerings[0].redundant_router = !pair;
            let made = plan(&inventory);
            assert!(made.rows.is_empty() && !made.switched_off, "{made:?}");
            let expected = if pair {
                "it is one of a redundant pair"
            } else {
                "offering o gives redundant routers"
            };
            assert_eq!(why_not(&made, "ssh"), expected);
            let made = Plan::of(&inventory, &default_services(), "r", on).unwrap();
            assert_eq!(watched(&made), ["dhcp", "ssh", "webserver"]);
        }
    }
    // As CloudStack has it: the public network's offering, which asks for ssh, is never redundant.
    let mut inventory = cloud(VpcTier, offering("o", &[("Dhcp", VPC_VR)]));
    inventory.routers[0].redundant = true;
    assert_eq!(watched(&plan(&inventory)), ["ssh"]);
}

#[test]
fn monitoring_is_switched_by_the_network_or_its_zone_or_the_policy() {
    let off = Policy {
        monitoring: false,
        ..Policy::default()
    };
    for (network, zone, policy, expected) in [
        (None, None, Policy::default(), true),
        (None, None, off, false),
        (None, Some(true), off, true),
        (None, Some(false), Policy::default(), false),
        (Some(true), Some(false), off, true),
        (Some(false), Some(true), Policy::default(), false),
    ] {
        let mut inventory = cloud(AdvancedIsolated, offering("o", &[("Dhcp", VR)]));
        inventory.networks[0].monitoring = network;
        inventory.zones[0].monitoring = zone;
        let made = Plan::of(&inventory, &default_services(), "r", policy).unwrap();
        assert_eq!(
            !made.rows.is_empty(),
            expected,
            "{network:?} {zone:?} {policy:?}"
        );
        assert_eq!(made.switched_off, !expected);
        if !expected {
            let words = "network.router.EnableServiceMonitoring is off for network n";
            assert_eq!(why_not(&made, "dhcp"), words);
        }
    }
    let inventory = cloud(VpcTier, offering("o", &[]));
    let made = Plan::of(&inventory, &default_services(), "r", off).unwrap();
    assert!(made.rows.is_empty() && made.switched_off);
}

#[test]
fn what_is_excluded_is_not_watched_and_says_by_whom() {
    let mut inventory = cloud(AdvancedShared, offering("a", &[("Dhcp", VR), ("Lb", VR)]));
    inventory.networks.push(network("m", AdvancedShared, "a"));
    inventory.routers = vec![router("r", &["n", "m"], None)];
    inventory.networks[0].excluded.insert("dhcp".into());
    inventory.routers[0].excluded.insert("SSH".into());
    let made = plan(&inventory);
    assert_eq!(watched(&made), ["loadbalancing", "webserver", "dhcp"]);
    assert_eq!(reason(&made, "dhcp"), "network m: Dhcp from VirtualRouter");
    assert_eq!(why_not(&made, "ssh"), "excluded for this router");
    inventory.networks[1].excluded.insert("dhcp".into());
    let made = plan(&inventory);
    assert_eq!(
        why_not(&made, "dhcp"),
        "excluded for network n; excluded for network m"
    );
}

#[test]
fn a_row_of_ones_own_is_watched_when_it_is_a_default_and_missing_rows_are_told() {
    let inventory = cloud(AdvancedIsolated, offering("o", &[("Dhcp", VR)]));
    let mut services = default_services();
    services.retain(|row| row.service != "dhcp");
    let own = |name: &str, is_default| MonitoringService {
        service: name.into(),
        is_default,
        ..services[0].clone()
    };
    let (ntp, nope) = (own("ntp", true), own("never", false));
    services.extend([ntp, nope]);
    let made = Plan::of(&inventory, &services, "r", Policy::default()).unwrap();
    assert_eq!(watched(&made), ["ssh", "webserver", "ntp"]);
    assert_eq!(why_not(&made, "never"), "no network asks for it");
    assert_eq!(
        why_not(&made, "dhcp"),
        "network n: Dhcp from VirtualRouter, but monitoring_services has no such row"
    );
}

#[test]
fn half_an_inventory_gives_no_plan_but_says_all_that_is_missing() {
    let whole = cloud(AdvancedIsolated, offering("o", &[("Dhcp", VR)]));
    let told = |inventory: &Inventory, router: &str| {
        Plan::of(inventory, &default_services(), router, Policy::default())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(told(&whole, "nobody"), "there is no router nobody");
    let mut inventory = whole.clone();
    inventory.zones.clear();
    inventory.offerings.clear();
    inventory.routers[0]
        .nics
        .extend(router("x", &["gone"], None).nics);
    assert_eq!(
        told(&inventory, "r"),
        "what r watches cannot be said: its zone z is not in the inventory; offering o of network n is not in \
         the inventory; network gone of one of its interfaces is not in the inventory"
    );
    let mut inventory = whole.clone();
    inventory.routers[0].nics[2].network = None;
    assert!(told(&inventory, "r").contains("is for guests, but names no network"));
    inventory.routers[0].nics.clear();
    assert!(told(&inventory, "r").contains("it serves no network and no VPC"));
    let mut inventory = cloud(VpcTier, offering("o", &[]));
    inventory.routers[0].vpc = Some("other".into());
    assert!(told(&inventory, "r").ends_with("a tier of VPC vpc, but the router serves VPC other"));
}

fn any_inventory() -> impl Strategy<Value = (Inventory, Policy)> {
    let service = prop::sample::select(vec!["Dhcp", "Dns", "Lb", "Vpn"]);
    let provider = prop::sample::select(vec![VR, VPC_VR, "Netscaler"]);
    let asked = prop::collection::vec((service, provider), 0..6);
    let excluded = || {
        let name = prop::sample::select(vec!["ssh", "dhcp", "loadbalancing", "webserver", "x"]);
        prop::collection::btree_set(name.prop_map(String::from), 0..3)
    };
    let one = (asked, any::<bool>(), any::<Option<bool>>(), excluded());
    let all = (
        prop::collection::vec(one, 1..5),
        any::<bool>(),
        any::<bool>(),
        excluded(),
        (any::<bool>(), any::<bool>()),
    );
    all.prop_map(|(parts, tier, pair, excluded, (redundant, monitoring))| {
        let kind = if tier { VpcTier } else { AdvancedShared };
        let mut inventory = Inventory {
            zones: vec![zone("z")],
            ..Inventory::default()
        };
        let ids: Vec<_> = (0..parts.len())
            .map(|number| format!("n{number}"))
            .collect();
        for (id, (asked, redundant, monitoring, excluded)) in ids.iter().zip(parts) {
            let mut offering = offering(id, &asked);
            offering.redundant_router = redundant;
            inventory.offerings.push(offering);
            let mut network = network(id, kind, id);
            network.monitoring = monitoring;
            network.excluded = excluded;
            inventory.networks.push(network);
        }
        let ids: Vec<_> = ids.iter().map(String::as_str).collect();
        let mut router = router("r", &ids, tier.then_some("vpc"));
        router.redundant = pair;
        router.excluded = excluded;
        inventory.routers.push(router);
        (
            inventory,
            Policy {
                redundant,
                monitoring,
            },
        )
    })
}

proptest! {
    #[test]
    fn each_service_is_watched_once_or_left_out_with_a_reason((inventory, policy) in any_inventory()) {
        let services = default_services();
        let made = Plan::of(&inventory, &services, "r", policy).unwrap();
        let router = &inventory.routers[0];
        for row in &made.rows {
            let name = &row.service.service;
            prop_assert!(!router.excluded.contains(name));
            prop_assert!(!row.reason.is_empty());
            // Somebody who does not exclude it asks for it.
            prop_assert!(
                (name == "ssh" && router.vpc.is_some())
                    || inventory.networks.iter().any(|it| !it.excluded.contains(name))
            );
        }
        for service in &services {
            let rows = made.rows.iter().filter(|row| row.service == *service).count();
            let left = made.left_out.iter().filter(|it| it.service == service.service).count();
            prop_assert_eq!(rows + left, 1, "{} in {:?}", service.service, made);
        }
        prop_assert!(made.left_out.iter().all(|it| !it.reason.is_empty()));
        prop_assert_eq!(&made, &Plan::of(&inventory, &services, "r", policy).unwrap());
    }

    #[test]
    fn the_order_hangs_on_the_interfaces_and_not_on_the_inventorys_order(
        (inventory, policy) in any_inventory()
    ) {
        let mut turned = inventory.clone();
        turned.networks.reverse();
        turned.offerings.reverse();
        let services = default_services();
        prop_assert_eq!(
            Plan::of(&inventory, &services, "r", policy).unwrap(),
            Plan::of(&turned, &services, "r", policy).unwrap()
        );
    }
}
