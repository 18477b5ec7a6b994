//! Commands that need no server.

use std::fs;

use serde_json::Value;

use super::program::{Database, Program};

on_both!(
    a_router_is_added_with_a_key_that_is_shown_once,
    the_host_key_of_a_router_that_was_made_anew_is_forgotten_and_no_other,
    an_import_is_shown_before_it_is_made_and_then_planned_for,
    services_users_and_silences_are_kept_by_hand,
    a_router_that_is_away_makes_push_and_poll_end_with_1,
);

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

pub(crate) const INVENTORY: &str = r#"
[[zones]]
id = "z1"
name = "Zurich"
network_type = "advanced"

[[offerings]]
id = "o1"
name = "isolated"
services = { Dhcp = ["VirtualRouter"], Lb = ["VirtualRouter"] }

[[networks]]
id = "n1"
name = "guests"
zone = "z1"
offering = "o1"
kind = "advanced_isolated"

[[routers]]
name = "r-1-VM"
zone = "z1"
hypervisor = "kvm"
nics = [{ traffic = "guest", network = "n1" }]
"#;

fn a_router_is_added_with_a_key_that_is_shown_once(database: Database) {
    let program = Program::on(database, "");
    let key = program.says(&["router", "add", "r-7-VM", "--address", "192.0.2.7"]);
    assert!(key.starts_with("whsec_") && key.len() == 51, "{key}");
    let said = program.fails(2, &["router", "add", "r-7-VM"]);
    assert!(said.contains("there is a router r-7-VM already"), "{said}");
    let list = program.says(&["router", "list"]);
    assert!(
        list.contains("r-7-VM") && list.contains("192.0.2.7"),
        "{list}"
    );
    assert!(!list.contains("whsec_"));
    let other = program.says(&["router", "key", "r-7-VM", "--retire-old"]);
    assert_ne!(other, key);
    program.says(&["router", "remove", "r-7-VM"]);
    let said = program.fails(2, &["router", "remove", "r-7-VM"]);
    assert!(said.contains("there is no router r-7-VM"), "{said}");
}

fn the_host_key_of_a_router_that_was_made_anew_is_forgotten_and_no_other(database: Database) {
    let program = Program::on(database, "[ssh]\nknown_hosts = \"PLACE/known_hosts\"\n");
    let forget = ["router", "forget-host-key", "r-1-VM"];
    let said = program.fails(2, &forget);
    assert!(said.contains("no host key of r-1-VM is known in"), "{said}");
    let file = program.path("known_hosts");
    let other = "r-10-VM ssh-ed25519 AAAAC3Nz\n";
    fs::write(&file, format!("r-1-VM ssh-ed25519 AAAAC3Nz\n{other}")).unwrap();
    assert_eq!(program.says(&forget), "");
    assert_eq!(fs::read_to_string(&file).unwrap(), other);
    program.fails(2, &forget);
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    program.fails(1, &forget);
}

fn an_import_is_shown_before_it_is_made_and_then_planned_for(database: Database) {
    let program = Program::on(database, "");
    let file = program.path("inventory.toml");
    fs::write(&file, INVENTORY).unwrap();
    let file = file.to_str().unwrap();
    let said = program.says(&["import", file]);
    assert!(
        said.contains("4 changes to make; nothing is changed yet"),
        "{said}"
    );
    program.fails(2, &["plan", "r-1-VM"]);
    let said = program.says(&["import", file, "--yes"]);
    assert!(said.contains("4 changes made"), "{said}");
    assert_eq!(
        program.says(&["import", file, "--yes"]),
        "nothing to change\n"
    );
    let plan = program.says(&["plan", "r-1-VM"]);
    assert!(
        plan.contains("network guests: Dhcp from VirtualRouter"),
        "{plan}"
    );
    program.says(&["exclude", "r-1-VM", "webserver"]);
    program.says(&["exclude", "guests", "loadbalancing"]);
    let conf = program.says(&["plan", "r-1-VM", "--form", "monitor.conf"]);
    assert_eq!(
        conf,
        "#Monitor services config\n[dhcp]\nprocessname=dnsmasq\nservicename=dnsmasq\n\
         pidfile=/var/run/dnsmasq/dnsmasq.pid\n[ssh]\nprocessname=sshd\nservicename=ssh\n\
         pidfile=/var/run/sshd.pid\n"
    );
    let wire = program.says(&["plan", "r-1-VM", "--form", "wire"]);
    assert!(wire.starts_with("[dhcp]:processname=dnsmasq:"), "{wire}");
    let json = program.says(&["plan", "r-1-VM", "--form", "json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["config"], wire.trim_end());
    let plan = lines(&program.says(&["plan", "r-1-VM", "--json"]));
    assert_eq!(
        plan[0]["left_out"][0]["reason"],
        "excluded for network guests"
    );
    let said = program.fails(2, &["exclude", "r-1-VM", "dhpc"]);
    assert!(
        said.contains("there is no service dhpc; there are ssh, dhcp,"),
        "{said}"
    );
}

fn services_users_and_silences_are_kept_by_hand(database: Database) {
    let program = Program::on(database, "");
    let pidfile = ["--pidfile", "/run/charon.pid"];
    program.says(
        &[
            &["service", "add", "vpn", "--process", "charon"][..],
            &pidfile,
        ]
        .concat(),
    );
    let list = lines(&program.says(&["service", "list", "--json"]));
    assert_eq!(list.len(), 5);
    assert_eq!(list[4]["service_path"], "/etc/init.d/charon");
    program.says(&["service", "remove", "vpn"]);
    program.fails(2, &["service", "remove", "vpn"]);

    let password = program.says(&["user", "add", "ada"]);
    assert_eq!(password.trim().len(), 23, "{password}");
    let arguments = ["user", "add", "bob", "--role", "reader", "--password-stdin"];
    let said = program.says_to("correct horse battery\n", &arguments);
    assert_eq!(said, "");
    let list = lines(&program.says(&["user", "list", "--json"]));
    assert_eq!(list[0]["must_change"], true);
    assert_eq!(
        (&list[1]["role"], &list[1]["must_change"]),
        (&"reader".into(), &false.into())
    );
    let said = program.fails(2, &["user", "remove", "ada"]);
    assert!(said.contains("the last admin"), "{said}");
    program.says(&["user", "add", "eve"]);
    program.says(&["user", "remove", "ada"]);
    program.fails(2, &["user", "password", "ada", "--one-time"]);

    let arguments = [
        "silence", "add", "--router", "r-1-VM", "--for", "2h", "--reason", "disks",
    ];
    let id = program.says(&arguments);
    assert!(program.says(&["silence", "list"]).contains("disks"));
    program.says(&["silence", "remove", id.trim()]);
    program.fails(2, &["silence", "remove", id.trim()]);
    assert_eq!(program.says(&["silence", "list", "--json"]), "");
    let all = lines(&program.says(&["silence", "list", "--all", "--json"]));
    assert_eq!(
        (&all[0]["reason"], &all[0]["withheld"]),
        (&"disks".into(), &0.into())
    );
    assert_eq!(program.says(&["alerts", "--json"]), "");
    assert_eq!(program.says(&["outages", "--json", "--open"]), "");
}

fn a_router_that_is_away_makes_push_and_poll_end_with_1(database: Database) {
    // Nothing listens there.
    let program = Program::on(
        database,
        "[ssh]\nport = 1\nconnect_timeout = \"1s\"\n[push]\nlimit = \"5s\"\n",
    );
    let file = program.path("inventory.json");
    let text = r#"{"zones":[{"id":"z1","name":"Z","network_type":"advanced"}],
        "offerings":[{"id":"o1","name":"o","services":{"Dhcp":["VirtualRouter"]}}],
        "networks":[{"id":"n1","name":"n","zone":"z1","offering":"o1","kind":"advanced_isolated"}],
        "routers":[{"name":"r-1-VM","zone":"z1","hypervisor":"other","address":"127.0.0.1",
            "nics":[{"traffic":"guest","network":"n1"}]}]}"#;
    fs::write(&file, text).unwrap();
    program.says(&["import", file.to_str().unwrap(), "--yes"]);
    let output = program.run(&["push", "--all", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let came = lines(std::str::from_utf8(&output.stdout).unwrap());
    assert_eq!(
        (&came[0]["router"], &came[0]["state"]),
        (&"r-1-VM".into(), &"failed".into())
    );
    let output = program.run(&["poll", "r-1-VM", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let came = lines(std::str::from_utf8(&output.stdout).unwrap());
    assert_eq!(came[0]["done"], false);
    program.fails(2, &["poll", "r-2-VM"]);
    program.fails(2, &["push", "r-2-VM"]);
    program.fails(2, &["push"]);
}

#[test]
fn mistakes_of_usage_and_configuration_end_with_2() {
    let program = Program::with("[database2]\n");
    let said = program.fails(2, &["check-config"]);
    assert!(
        said.contains("manager.toml:9: database2: there is no such table"),
        "{said}"
    );
    assert!(said.contains("did you mean `database`?"), "{said}");
    program.fails(2, &["router", "list"]);
    program.fails(2, &["no-such-command"]);
    let program = Program::with("");
    let said = program.says(&["check-config"]);
    assert!(
        said.contains("listens on 127.0.0.1:0 (plain HTTP)"),
        "{said}"
    );
}

#[test]
fn the_manual_and_the_completions_name_every_command() {
    let program = Program::with("");
    let manual = program.says(&["man"]);
    let completions = program.says(&["completions", "bash"]);
    for command in [
        "serve",
        "router add",
        "plan",
        "push",
        "import",
        "silence list",
        "user add",
    ] {
        assert!(manual.contains(&format!(".SS {command}\n")), "{command}");
        assert!(
            completions.contains(command.split(' ').next().unwrap()),
            "{command}"
        );
    }
}
