//! Answers as `CloudStack` gives them, and what becomes of them.

use serde_json::json;

use super::*;

fn lists(router: &serde_json::Value) -> Lists {
    let of = |value: serde_json::Value| value;
    Lists {
        zones: serde_json::from_value(of(json!([
            {"id": "z", "name": "zone", "networktype": "Advanced"},
            {"id": "b", "name": "basic", "networktype": "Basic"},
        ])))
        .unwrap(),
        hosts: serde_json::from_value(json!([{"id": "h", "ipaddress": "192.0.2.11"}])).unwrap(),
        system: serde_json::from_value(json!([{"id": "gateway"}])).unwrap(),
        routers: vec![serde_json::from_value(router.clone()).unwrap()],
        ..Lists::default()
    }
}

fn made(router: &serde_json::Value) -> Router {
    let (inventory, warnings) = inventory(lists(router));
    assert!(warnings.is_empty(), "{warnings:?}");
    inventory.routers.into_iter().next().unwrap()
}

#[test]
fn a_router_has_what_cloudstack_says_of_it() {
    let router = made(&json!({
        "id": "uuid", "name": "r-4-VM", "zoneid": "z", "podid": "p", "hypervisor": "KVM", "hostid": "h",
        "linklocalip": "169.254.1.9", "vpcid": "v", "isredundantrouter": true, "state": "Running",
        "role": "VIRTUAL_ROUTER", "version": "4.19.0",
        "nic": [
            {"networkid": "n2", "traffictype": "Guest", "ipaddress": "10.1.2.1"},
            {"networkid": "gateway", "traffictype": "Guest", "ipaddress": "10.9.9.1"},
            {"networkid": "n1", "traffictype": "Guest", "ip6address": "2001:db8::1"},
            {"networkid": "pub", "traffictype": "Public", "ipaddress": "198.51.100.4"},
            {"networkid": "ctl", "traffictype": "Control", "ipaddress": "169.254.1.9"},
            {"networkid": "sto", "traffictype": "Storage"},
        ],
    }));
    assert_eq!(router.host.as_deref(), Some("192.0.2.11"));
    assert_eq!(router.address, Some("169.254.1.9".parse().unwrap()));
    assert!(router.redundant && router.running);
    let networks: Vec<_> = router.nics.iter().map(|it| it.network.as_deref()).collect();
    assert_eq!(networks, [None, None, Some("n1"), Some("n2")]);
    assert_eq!(router.nics[2].address, Some("2001:db8::1".parse().unwrap()));
}

#[test]
fn what_is_missing_is_not_guessed() {
    let router = made(&json!({"id": "uuid", "name": "r"}));
    assert_eq!(router.hypervisor, Hypervisor::Other);
    assert_eq!(
        (router.host, router.address, router.vpc),
        (None, None, None)
    );
    assert!(router.running && !router.redundant && router.nics.is_empty());
    for state in [
        "Stopped",
        "Stopping",
        "Destroyed",
        "Expunging",
        "Error",
        "Shutdown",
    ] {
        assert!(
            !made(&json!({"id": "u", "name": "r", "state": state})).running,
            "{state}"
        );
    }
    for state in ["Running", "Starting", "Migrating", "Unknown"] {
        assert!(
            made(&json!({"id": "u", "name": "r", "state": state})).running,
            "{state}"
        );
    }
}

#[test]
fn a_router_is_reached_as_its_hypervisor_has_it() {
    let guest = json!([{"networkid": "n", "traffictype": "Guest", "ipaddress": "10.0.0.7"}]);
    let one = |hypervisor: &str, zone: &str| {
        made(&json!({
            "id": "u", "name": "r", "hypervisor": hypervisor, "hostid": "h", "zoneid": zone, "nic": guest
        }))
    };
    for (name, zone, hypervisor, host, address) in [
        ("XenServer", "z", Hypervisor::Xenserver, true, false),
        ("XCP-ng", "z", Hypervisor::Xenserver, true, false),
        ("LXC", "z", Hypervisor::Kvm, true, false),
        ("VMware", "z", Hypervisor::Vmware, false, false),
        ("VMware", "b", Hypervisor::Vmware, false, true),
        ("KVM", "b", Hypervisor::Kvm, true, false),
        ("Hyperv", "z", Hypervisor::Hyperv, false, false),
        ("Simulator", "z", Hypervisor::Other, false, false),
    ] {
        let router = one(name, zone);
        assert_eq!(router.hypervisor, hypervisor, "{name}");
        assert_eq!(
            (router.host.is_some(), router.address.is_some()),
            (host, address),
            "{name} {zone}"
        );
    }
}

#[test]
fn networks_and_offerings_are_what_they_are() {
    let mut all = lists(&json!({"id": "u", "name": "r", "role": "INTERNAL_LB_VM"}));
    all.networks = serde_json::from_value(json!([
        {"id": "1", "name": "a", "zoneid": "z", "networkofferingid": "o", "type": "Isolated"},
        {"id": "2", "zoneid": "z", "networkofferingid": "o", "type": "Shared"},
        {"id": "3", "zoneid": "b", "networkofferingid": "o", "type": "Shared"},
        {"id": "4", "zoneid": "z", "networkofferingid": "o", "type": "Isolated", "vpcid": "v"},
        {"id": "5", "zoneid": "z", "networkofferingid": "o", "type": "L2"},
        {"id": "1", "name": "twice"},
        {"name": "no id"},
    ]))
    .unwrap();
    all.offerings = serde_json::from_value(json!([
        {"id": "o", "name": "offering", "service": [
            {"name": "Dhcp", "provider": [{"name": "VirtualRouter"}, {"name": "Other"}, {}]},
            {"name": "SourceNat", "provider": [{"name": "VirtualRouter"}],
             "capability": [{"name": "RedundantRouter", "value": "true"}, {"name": "x"}]},
        ]},
        {"id": "p", "service": [{"name": "SourceNat", "capability": [{"name": "RedundantRouter", "value": "false"}]}]},
        {"id": "q"},
    ]))
    .unwrap();
    let (made, warnings) = inventory(all);
    assert!(warnings.is_empty() && made.routers.is_empty());
    let kinds: Vec<_> = made
        .networks
        .iter()
        .map(|it| (it.name.as_str(), it.kind))
        .collect();
    assert_eq!(
        kinds,
        [
            ("a", NetworkKind::AdvancedIsolated),
            ("2", NetworkKind::AdvancedShared),
            ("3", NetworkKind::BasicShared),
            ("4", NetworkKind::VpcTier),
        ]
    );
    let redundant: Vec<_> = made
        .offerings
        .iter()
        .map(|it| it.redundant_router)
        .collect();
    assert_eq!(redundant, [true, false, false]);
    assert_eq!(
        made.offerings[0].services["Dhcp"],
        ["Other", "VirtualRouter"]
    );
}

#[test]
fn what_cannot_be_used_is_said() {
    let mut all = lists(&json!({"id": "u1", "name": "r"}));
    for more in [json!({"id": "u2", "name": "r"}), json!({"id": "u3"})] {
        all.routers.push(serde_json::from_value(more).unwrap());
    }
    all.zones
        .push(serde_json::from_value(json!({"id": "x"})).unwrap());
    let (made, warnings) = inventory(all);
    assert_eq!((made.routers.len(), made.zones.len()), (1, 3));
    assert_eq!(
        warnings,
        [
            "zone x: its network type is not given; taken as Advanced",
            "router u3: it has no name; it is left out",
            "router r: another has the same name; it is left out",
        ]
    );
}
