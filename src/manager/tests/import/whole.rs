//! What a cloud of every kind becomes.

use std::net::IpAddr;

use manager::plan::changes::{apply, changes};
use manager::plan::inventory::{
    Hypervisor, Inventory, MonitoringService, NetworkKind, Router, Traffic,
};
use manager::plan::{Plan, Policy};
use manager::routers::import::{Found, cloudstack};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::fake::CloudStack;

async fn found(cloud: &CloudStack) -> Found {
    cloudstack::read(&cloud.api("fine")).await.unwrap()
}

fn router<'a>(found: &'a Found, name: &str) -> &'a Router {
    found
        .inventory
        .routers
        .iter()
        .find(|it| it.name == name)
        .unwrap()
}

/// The default rows as far as the selection goes.
fn services() -> Vec<MonitoringService> {
    [
        ("ssh", true),
        ("dhcp", false),
        ("loadbalancing", false),
        ("webserver", true),
    ]
    .map(|(name, is_default)| MonitoringService {
        id: 0,
        uuid: String::new(),
        service: name.into(),
        process_name: name.into(),
        service_name: name.into(),
        service_path: String::new(),
        pidfile: format!("/run/{name}.pid"),
        is_default,
    })
    .into()
}

fn watched(found: &Found, router: &str) -> Vec<String> {
    let plan = Plan::of(&found.inventory, &services(), router, Policy::default()).unwrap();
    plan.rows
        .into_iter()
        .map(|row| row.service.service)
        .collect()
}

#[tokio::test]
async fn every_page_of_every_list_becomes_one_inventory() {
    let cloud = CloudStack::started();
    let found = found(&cloud).await;
    let Inventory {
        zones,
        offerings,
        networks,
        routers,
    } = &found.inventory;
    assert_eq!(
        (zones.len(), offerings.len(), networks.len(), routers.len()),
        (2, 6, 1106, 1107)
    );
    assert!(
        found.source.starts_with("CloudStack at http://localhost:"),
        "{}",
        found.source
    );
    assert!(!found.source.contains("client"), "{}", found.source);
    let pages = |command: &str| cloud.asked().iter().filter(|(it, _)| it == command).count();
    assert_eq!(
        (
            pages("listRouters"),
            pages("listNetworks"),
            pages("listZones")
        ),
        (6, 7, 1)
    );
    let kind = |id: &str| networks.iter().find(|it| it.id == id).unwrap().kind;
    assert_eq!(kind("n-basic"), NetworkKind::BasicShared);
    assert_eq!(kind("n-shared"), NetworkKind::AdvancedShared);
    assert_eq!(kind("n-web"), NetworkKind::VpcTier);
    assert_eq!(kind("n-project"), NetworkKind::AdvancedIsolated);
}

#[tokio::test]
async fn each_router_has_its_way_and_its_plan() {
    let cloud = CloudStack::started();
    let found = found(&cloud).await;
    let plain = router(&found, "r-7-VM");
    assert_eq!(plain.hypervisor, Hypervisor::Kvm);
    assert_eq!(plain.host.as_deref(), Some("192.0.2.1"));
    assert_eq!(plain.address, Some(IpAddr::from([169, 254, 0, 8])));
    assert_eq!(
        watched(&found, "r-7-VM"),
        ["dhcp", "loadbalancing", "ssh", "webserver"]
    );
    assert!(
        watched(&found, "r-2001-VM").is_empty(),
        "it is one of a redundant pair"
    );
    let stopped = router(&found, "r-2002-VM");
    assert!(!stopped.running && stopped.host.is_none());
    assert_eq!(watched(&found, "r-2002-VM"), ["dhcp", "ssh", "webserver"]);
    assert_eq!(watched(&found, "r-2003-VM"), ["dhcp", "ssh", "webserver"]);
    // The private gateway's network is no tier.
    let of_vpc = router(&found, "r-2004-VM");
    let guests = of_vpc
        .nics
        .iter()
        .filter(|nic| nic.traffic == Traffic::Guest)
        .count();
    assert_eq!(guests, 2);
    assert_eq!(
        watched(&found, "r-2004-VM"),
        ["ssh", "dhcp", "webserver", "loadbalancing"]
    );
    assert_eq!(
        watched(&found, "r-2007-VM"),
        ["dhcp", "loadbalancing", "ssh", "webserver"]
    );
}

#[tokio::test]
async fn what_is_missing_is_said_and_gives_no_wrong_plan() {
    let cloud = CloudStack::started();
    let found = found(&cloud).await;
    assert_eq!(
        found.warnings,
        ["router r-2006-VM: there is no network n-lost"]
    );
    for (router, expected) in [
        ("r-2005-VM", "it serves no network and no VPC"),
        (
            "r-2006-VM",
            "network n-lost of one of its interfaces is not in the inventory",
        ),
    ] {
        let plan = Plan::of(&found.inventory, &services(), router, Policy::default());
        let words = plan.unwrap_err().to_string();
        assert!(words.contains(expected), "{words}");
    }
}

#[tokio::test]
async fn importing_again_changes_nothing_and_keeps_what_the_operator_set() {
    let cloud = CloudStack::started();
    let first = found(&cloud).await;
    let mut stored = Inventory::default();
    let all = changes(&stored, &first.inventory, &first.scope(true));
    apply(&mut stored, all.iter().map(|it| &it.change));
    let name = "r-7-VM";
    let kept = stored
        .routers
        .iter_mut()
        .find(|it| it.name == name)
        .unwrap();
    kept.excluded.insert("webserver".into());
    let again = found(&cloud).await;
    assert!(changes(&stored, &again.inventory, &again.scope(true)).is_empty());
    let moved = stored
        .routers
        .iter_mut()
        .find(|it| it.name == name)
        .unwrap();
    moved.address = Some(IpAddr::from([169, 254, 9, 9]));
    let told = changes(&stored, &again.inventory, &again.scope(true));
    assert_eq!(told.len(), 1);
    assert_eq!(
        told[0].to_string(),
        "router r-7-VM: address 169.254.9.9 → 169.254.0.8"
    );
}

#[tokio::test]
async fn a_private_authority_vouches_when_it_is_named_and_only_then() {
    let mut parameters = CertificateParams::new(Vec::<String>::new()).unwrap();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &authority).unwrap();
    let cloud = CloudStack::with_certificate(&leaf.pem(), &key.serialize_pem());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, authority.pem()).unwrap();
    let mut written = cloud.written("fine", "hunter2");
    let words = cloudstack::read(&written.clone().try_into().unwrap())
        .await
        .unwrap_err()
        .to_string();
    assert!(words.contains("signed by nobody whom"), "{words}");
    written.ca_file = Some(file);
    let found = cloudstack::read(&written.try_into().unwrap())
        .await
        .unwrap();
    assert!(found.source.starts_with("CloudStack at https://localhost:"));
}

#[tokio::test]
async fn a_certificate_of_an_authority_itself_is_refused_in_words() {
    let mut parameters = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let itself = parameters.self_signed(&key).unwrap();
    let cloud = CloudStack::with_certificate(&itself.pem(), &key.serialize_pem());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, itself.pem()).unwrap();
    let mut written = cloud.written("fine", "hunter2");
    written.ca_file = Some(file);
    let answer = cloudstack::read(&written.try_into().unwrap()).await;
    let words = answer.unwrap_err().to_string();
    assert!(words.contains("is that of an authority"), "{words}");
}

#[tokio::test]
async fn odd_rows_are_left_out_by_name_and_nothing_is_pruned_by_what_is_left() {
    let cloud = CloudStack::started();
    let whole = found(&cloud).await;
    assert!(whole.left_out.is_empty() && whole.scope(true).prune);
    let odd = cloudstack::read(&cloud.api("holes")).await.unwrap();
    assert_eq!(odd.inventory.routers, whole.inventory.routers);
    assert_eq!(odd.inventory.networks, whole.inventory.networks);
    let long = odd.inventory.offerings.iter().find(|it| it.id == "long");
    assert_eq!(long.unwrap().name, "x".repeat(255));
    let [network, router] = &odd.left_out[..] else {
        panic!("{:?}", odd.left_out);
    };
    assert!(
        network.starts_with("network net-odd is left out: a network's zone"),
        "{network}"
    );
    let begin = "router -oProxyCommand=touch /tmp/x is left out: a router's name is made of";
    assert!(router.starts_with(begin), "{router}");
    assert!(!odd.scope(true).prune);
}
