//! What is known of the cloud comes back as it was written.

use std::collections::{BTreeMap, BTreeSet};

use manager::plan::inventory::{
    Change, Inventory, MonitoringService, Network, NetworkKind, Nic, Offering, Router, Traffic,
    Zone, ZoneType,
};
use manager::store::{StoreError, Stored};

use crate::world::{World, on_both, router, test_event};

on_both!(
    cloudstacks_default_services_are_there,
    a_service_is_added_replaced_and_removed,
    an_inventory_comes_back_as_it_was_written,
    a_routers_own_part_of_the_inventory_is_what_its_plan_follows_from,
    a_router_that_comes_back_finds_its_alerts_and_no_keys,
    names_that_do_not_fit_are_refused_and_change_nothing,
);

async fn cloudstacks_default_services_are_there(world: World) {
    let rows: Vec<_> = world
        .store
        .services()
        .await
        .unwrap()
        .into_iter()
        .map(|row| {
            assert_eq!(row.uuid.len(), 36);
            (
                row.id,
                row.service,
                row.process_name,
                row.service_name,
                row.service_path,
                row.pidfile,
                row.is_default,
            )
        })
        .collect();
    let row = |id, service: &str, process: &str, name: &str, pidfile: &str, default| {
        let path = format!("/etc/init.d/{name}");
        (
            id,
            service.into(),
            process.into(),
            name.into(),
            path,
            pidfile.into(),
            default,
        )
    };
    assert_eq!(
        rows,
        [
            row(1, "ssh", "sshd", "ssh", "/var/run/sshd.pid", true),
            row(
                2,
                "dhcp",
                "dnsmasq",
                "dnsmasq",
                "/var/run/dnsmasq/dnsmasq.pid",
                false
            ),
            row(
                3,
                "loadbalancing",
                "haproxy",
                "haproxy",
                "/var/run/haproxy.pid",
                false
            ),
            row(
                4,
                "webserver",
                "apache2",
                "apache2",
                "/var/run/apache2/apache2.pid",
                true
            ),
        ]
    );
}

async fn a_service_is_added_replaced_and_removed(world: World) {
    let store = &world.store;
    let mut service = MonitoringService {
        id: 0,
        uuid: String::new(),
        service: "vpn".into(),
        process_name: "charon".into(),
        service_name: "strongswan".into(),
        service_path: "/etc/init.d/strongswan".into(),
        pidfile: "/var/run/charon.pid".into(),
        is_default: false,
    };
    store.set_service("anna", &service).await.unwrap();
    let added = store.services().await.unwrap().pop().unwrap();
    service.is_default = true;
    store.set_service("anna", &service).await.unwrap();
    let services = store.services().await.unwrap();
    assert_eq!(services.len(), 5);
    assert_eq!(
        services[4],
        MonitoringService {
            is_default: true,
            ..added
        }
    );
    assert!(store.remove_service("anna", "vpn").await.unwrap());
    assert!(!store.remove_service("anna", "vpn").await.unwrap());
    assert_eq!(store.services().await.unwrap().len(), 4);
    let trail = store
        .audit_trail(manager::store::Page::default())
        .await
        .unwrap();
    let actions: Vec<&str> = trail
        .rows
        .iter()
        .map(|entry| entry.action.as_str())
        .collect();
    assert_eq!(actions, ["remove_service", "set_service", "set_service"]);
}

fn inventory() -> Inventory {
    let zone = |id: &str, network_type| Zone {
        id: id.into(),
        name: "Zürich \u{1f642}".into(),
        network_type,
        monitoring: Some(false),
        source: Some("file inventory.toml".into()),
    };
    let offering = |id: &str| Offering {
        id: id.into(),
        name: "'; DROP TABLE routers; --".into(),
        redundant_router: id == "o2",
        services: BTreeMap::from([
            ("Dhcp".into(), vec!["VirtualRouter".into(), "Other".into()]),
            ("Lb".into(), vec![]),
        ]),
        source: None,
    };
    let network = |id: &str, zone: &str, offering: &str, vpc: Option<&str>| Network {
        id: id.into(),
        name: id.to_uppercase(),
        zone: zone.into(),
        offering: offering.into(),
        kind: if vpc.is_some() {
            NetworkKind::VpcTier
        } else {
            NetworkKind::AdvancedIsolated
        },
        vpc: vpc.map(Into::into),
        monitoring: vpc.map(|_| true),
        excluded: BTreeSet::from(["ssh".into()]),
        source: None,
    };
    let nic = |network: Option<&str>| Nic {
        traffic: if network.is_some() {
            Traffic::Guest
        } else {
            Traffic::Public
        },
        network: network.map(Into::into),
        address: Some("2001:db8::1".parse().unwrap()),
    };
    Inventory {
        zones: vec![zone("z1", ZoneType::Advanced), zone("z2", ZoneType::Basic)],
        offerings: vec![offering("o1"), offering("o2")],
        networks: vec![
            network("n1", "z1", "o1", None),
            network("n2", "z1", "o2", Some("v1")),
            network("n3", "z2", "o2", None),
        ],
        routers: vec![
            Router {
                zone: "z1".into(),
                nics: vec![nic(None), nic(Some("n1"))],
                excluded: BTreeSet::from(["webserver".into()]),
                ..router("r-1-VM")
            },
            Router {
                zone: "z1".into(),
                vpc: Some("v1".into()),
                ..router("r-2-VM")
            },
        ],
    }
}

async fn fill(world: &World) {
    let inventory = inventory();
    let changes: Vec<Change> = (inventory.zones.into_iter().map(Change::SetZone))
        .chain(inventory.offerings.into_iter().map(Change::SetOffering))
        .chain(inventory.networks.into_iter().map(Change::SetNetwork))
        .chain(inventory.routers.into_iter().map(Change::SetRouter))
        .collect();
    // Twice: a repeated import changes nothing.
    world.store.apply("anna", &changes).await.unwrap();
    world.store.apply("anna", &changes).await.unwrap();
}

async fn an_inventory_comes_back_as_it_was_written(world: World) {
    fill(&world).await;
    assert_eq!(world.store.inventory().await.unwrap(), inventory());
    let changes = [
        Change::RemoveZone("z2".into()),
        Change::RemoveOffering("o2".into()),
        Change::RemoveNetwork("n3".into()),
        Change::RemoveRouter("r-2-VM".into()),
        Change::RemoveRouter("never there".into()),
    ];
    world.store.apply("anna", &changes).await.unwrap();
    let mut expected = inventory();
    expected.zones.pop();
    expected.offerings.pop();
    expected.networks.pop();
    expected.routers.pop();
    assert_eq!(world.store.inventory().await.unwrap(), expected);
}

async fn a_routers_own_part_of_the_inventory_is_what_its_plan_follows_from(world: World) {
    fill(&world).await;
    let ids = |inventory: &Inventory| -> Vec<String> {
        let zones = inventory.zones.iter().map(|zone| zone.id.clone());
        let offerings = inventory
            .offerings
            .iter()
            .map(|offering| offering.id.clone());
        let networks = inventory.networks.iter().map(|network| network.id.clone());
        let routers = inventory.routers.iter().map(|router| router.name.clone());
        zones
            .chain(offerings)
            .chain(networks)
            .chain(routers)
            .collect()
    };
    let first = world.store.inventory_of("r-1-VM").await.unwrap();
    assert_eq!(ids(&first), ["z1", "o1", "n1", "r-1-VM"]);
    assert_eq!(first.routers[0], inventory().routers[0]);
    let second = world.store.inventory_of("r-2-VM").await.unwrap();
    assert_eq!(ids(&second), ["z1", "o2", "n2", "r-2-VM"]);
    assert!(matches!(
        world.store.inventory_of("r-2-VM ").await,
        Err(StoreError::NoSuchRouter(_))
    ));
}

async fn a_router_that_comes_back_finds_its_alerts_and_no_keys(world: World) {
    world.add_routers(&["r-1-VM"]).await;
    let store = &world.store;
    store.issue_key("anna", "r-1-VM").await.unwrap();
    world
        .deliver("r-1-VM", vec![test_event("r-1-VM", "a")])
        .await;
    let remove = [Change::RemoveRouter("r-1-VM".into())];
    store.apply("anna", &remove).await.unwrap();
    assert!(store.keys("r-1-VM").await.unwrap().is_none());
    world.add_routers(&["r-1-VM"]).await;
    assert_eq!(store.keys("r-1-VM").await.unwrap(), Some(vec![]));
    let again = world
        .deliver("r-1-VM", vec![test_event("r-1-VM", "a")])
        .await;
    assert_eq!(again, Stored { new: 0, known: 1 });
}

async fn names_that_do_not_fit_are_refused_and_change_nothing(world: World) {
    let long = "x".repeat(256);
    for name in ["", " ", "r-1-VM ", "r-1\n-VM", "r-1\u{202e}-VM", &long] {
        let changes = [
            Change::SetRouter(router("r-0-VM")),
            Change::SetRouter(router(name)),
        ];
        let refused = world.store.apply("anna", &changes).await;
        assert!(
            matches!(refused, Err(StoreError::Refused(_))),
            "{refused:?}"
        );
    }
    assert_eq!(world.store.inventory().await.unwrap(), Inventory::default());
    let mut service = world.store.services().await.unwrap().remove(0);
    service.process_name = "sshd\nx".into();
    let refused = world.store.set_service("anna", &service).await;
    assert!(matches!(refused, Err(StoreError::Refused(_))));
}
