//! A router that only its hypervisor host reaches, as with KVM: the program sends to it and visits
//! it through the host, with a real sshd on each.

use std::fs;

use crate::harness::syslog::AUTHORITY;
use crate::harness::{Peer, Router, Syslog, Vrwatch, eventually};
use crate::network::{End, connect, let_in, manager, reporting};
use crate::ssh::Keys;

const NAME: &str = "r-9-VM";
/// The key that opens the router, on the host.
const ON_HOST: &str = "/etc/ssh/id_rsa.cloud";

const INVENTORY: &str = r#"
    [[zones]]
    id = "zone-1"
    name = "Frankfurt"
    network_type = "advanced"
    [[offerings]]
    id = "isolated"
    name = "isolated"
    services = { Dhcp = ["VirtualRouter"], Dns = ["VirtualRouter"] }
    [[networks]]
    id = "guest"
    name = "guest"
    zone = "zone-1"
    offering = "isolated"
    kind = "advanced_isolated"
    [[routers]]
    name = "r-9-VM"
    zone = "zone-1"
    hypervisor = "kvm"
    host = "10.99.9.2"
    address = "169.254.9.2"
    nics = [{ traffic = "guest", network = "guest" }]
"#;

#[test]
fn a_router_behind_its_host_is_sent_to_and_visited_through_it() {
    let office = Router::boot();
    office.open_in_its_network(|| story(&office));
}

/// Runs in the management host's network.
fn story(office: &Router) {
    let keys = Keys::new();
    Syslog::start(office);
    let [hypervisor, router] = [Router::boot(), Router::boot()];
    cable(
        office,
        "to-host",
        "10.99.9.1/24",
        &hypervisor,
        "eth0",
        "10.99.9.2/24",
    );
    cable(
        &hypervisor,
        "cloud0",
        "169.254.9.1/24",
        &router,
        "eth0",
        "169.254.9.2/24",
    );
    let_in(&hypervisor, &keys, "manager");
    let_in(&router, &keys, "on_host");
    let private = fs::read_to_string(keys.path("on_host")).unwrap();
    hypervisor.write_secret(ON_HOST, &private);
    router.start(Peer::Dnsmasq);
    router.start(Peer::Apache2);
    assert!(
        !office
            .run(["ip", "route", "get", "169.254.9.2"])
            .status
            .success()
    );

    let jump = format!("[ssh.jump]\nport = 3922\nhost_key_file = \"{ON_HOST}\"\n");
    let program = manager(office, &keys, None, &jump);
    let inventory = program.path("inventory.toml");
    fs::write(&inventory, INVENTORY).unwrap();
    program.says(&["import", inventory.to_str().unwrap(), "--yes"]);
    let key = program.says(&["router", "key", NAME]);
    let config = reporting(&router, NAME, &key, &office.read(AUTHORITY));
    let vrwatch = Vrwatch::start(&router, &[], &config);
    let pushed = program.says(&["push", NAME]);
    assert!(pushed.contains("in force"), "{pushed}");
    eventually(
        "dnsmasq is watched",
        || (vrwatch.state_of(Peer::Dnsmasq)? == "up").then_some(()),
        || vrwatch.failure(),
    );
    assert_eq!(
        program.says(&["push", NAME]).matches("unchanged").count(),
        1
    );

    router.kill9(Peer::Dnsmasq);
    let told = vrwatch.until_told(Peer::Dnsmasq, &["service_down", "restarted"]);
    program.says(&["poll", NAME]);
    let stored = program.says(&["--json", "alerts", "--service", "dhcp"]);
    for event in &told {
        assert_eq!(stored.matches(&event.id).count(), 1, "{stored}");
    }
    // Again: nothing new.
    program.says(&["poll", "--all"]);
    assert_eq!(
        program.says(&["--json", "alerts", "--service", "dhcp"]),
        stored
    );
}

fn cable(
    left: &Router,
    left_interface: &str,
    left_address: &str,
    right: &Router,
    right_interface: &str,
    right_address: &str,
) {
    let left = End {
        machine: left,
        interface: left_interface,
        address: left_address,
    };
    let right = End {
        machine: right,
        interface: right_interface,
        address: right_address,
    };
    connect(&left, &right);
}
