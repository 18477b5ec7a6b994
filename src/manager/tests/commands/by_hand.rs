//! What is entered by hand, and how it gets on with imports.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::office::INVENTORY;
use super::program::Program;

#[test]
fn a_router_by_hand_has_a_plan_and_is_pushed_to_and_polled() {
    let program = Program::with("[ssh]\nport = 1\nknown_hosts = \"PLACE/known_hosts\"\n");
    let output = program.run(&[
        "router",
        "add",
        "r-42-VM",
        "--serves",
        "dhcp,lb",
        "--address",
        "127.0.0.1",
    ]);
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let plan = program.says(&["plan", "r-42-VM"]);
    for service in ["dhcp", "loadbalancing", "ssh", "webserver"] {
        assert!(plan.contains(service), "{plan}");
    }
    // Nobody listens there: it is tried, and that is said.
    for command in ["push", "poll"] {
        let output = program.run(&[command, "r-42-VM"]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains("127.0.0.1"), "{said}");
    }
    program.says(&["router", "set", "r-42-VM", "--address", "127.0.0.2"]);
    assert!(program.says(&["router", "list"]).contains("127.0.0.2"));
    program.says(&["router", "set", "r-42-VM", "--running", "false"]);
    let list = program.says(&["router", "list"]);
    assert!(list.contains("stopped") && list.contains("KEYS"), "{list}");
    program.fails(2, &["router", "set", "r-43-VM", "--address", "127.0.0.2"]);
}

#[test]
fn what_a_router_by_hand_lacks_is_said_when_it_is_added() {
    let program = Program::with("");
    let output = program.run(&["router", "add", "r-42-VM", "--hypervisor", "kvm"]);
    assert!(output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    for part in [
        "it serves nothing yet",
        "--serves",
        "neither pushed to nor polled",
        "without a host",
    ] {
        assert!(said.contains(part), "{said}");
    }
    let said = program.fails(
        2,
        &[
            "router",
            "add",
            "r-43-VM",
            "--zone",
            "z9",
            "--network",
            "n9",
        ],
    );
    for part in [
        "there is no zone z9",
        "there is no network n9",
        "the zones are default",
        "zone add",
    ] {
        assert!(said.contains(part), "{said}");
    }
    assert!(!program.says(&["router", "list"]).contains("r-43-VM"));
    for name in [
        "r 504;x",
        "..",
        "-oProxyCommand=x",
        "*",
        "r\u{202e}",
        "r\u{200b}",
        "a\nb",
    ] {
        program.fails(2, &["router", "add", "--", name]);
        program.fails(2, &["user", "add", "--", name]);
    }
    program.fails(
        2,
        &[
            "service",
            "add",
            "vpn",
            "--process",
            "a\nb",
            "--pidfile",
            "/run/x",
        ],
    );
    assert_eq!(
        program.says(&["service", "list", "--json"]).lines().count(),
        4
    );
}

#[test]
fn zones_are_made_and_switched_and_removed_by_hand() {
    let program = Program::with("");
    program.says(&["zone", "add", "z1", "--type", "basic"]);
    program.fails(2, &["zone", "add", "z1"]);
    program.says(&["zone", "monitoring", "z1", "off"]);
    let list = program.says(&["zone", "list"]);
    assert!(list.contains("basic") && list.contains("off"), "{list}");
    program.says(&[
        "router",
        "add",
        "r-1-VM",
        "--serves",
        "dhcp",
        "--address",
        "192.0.2.1",
    ]);
    let said = program.fails(2, &["zone", "remove", "z1"]);
    assert!(
        said.contains("routers or networks are in zone z1"),
        "{said}"
    );
    assert!(program.says(&["network", "list"]).contains("basic_shared"));
    assert!(program.says(&["offering", "list"]).contains("by-hand-dhcp"));
    let audit = program.says(&["audit", "--limit", "1000"]);
    assert!(
        audit.contains("set_zone") && audit.contains("issue_key"),
        "{audit}"
    );
    assert_eq!(program.says(&["pushes", "--json"]), "");
    assert_eq!(program.says(&["usage", "r-1-VM", "--json"]), "");
}

#[test]
fn what_was_excluded_by_hand_survives_an_import_that_does_not_speak_of_it() {
    let program = Program::with("");
    let file = program.path("inventory.toml");
    fs::write(&file, INVENTORY).unwrap();
    let name = file.to_str().unwrap();
    program.says(&["import", name, "--yes"]);
    program.says(&["exclude", "r-1-VM", "loadbalancing"]);
    program.says(&["exclude", "guests", "webserver"]);
    assert_eq!(
        program.says(&["import", name, "--yes"]),
        "nothing to change\n"
    );
    assert!(
        !program
            .says(&["plan", "r-1-VM", "--form", "wire"])
            .contains("haproxy")
    );
    fs::write(&file, INVENTORY.to_owned() + "excluded = []\n").unwrap();
    let said = program.says(&["import", name, "--yes"]);
    assert!(said.contains("excluded loadbalancing → none"), "{said}");
    assert!(
        program
            .says(&["plan", "r-1-VM", "--form", "wire"])
            .contains("haproxy")
    );
}

#[test]
fn two_files_of_one_name_are_two_sources_unless_they_are_named_alike() {
    let program = Program::with("");
    let folder = |name: &str, text: &str| {
        let folder = program.path(name);
        fs::create_dir(&folder).unwrap();
        let file = folder.join("inventory.toml");
        fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let one = folder("one", INVENTORY);
    let zone = "[[zones]]\nid = \"z2\"\nname = \"Bern\"\nnetwork_type = \"advanced\"\n";
    let other = folder("other", zone);
    program.says(&["import", &one, "--yes"]);
    let said = program.says(&["import", &other, "--prune", "--yes"]);
    assert_eq!(said, "zone Bern: new\n1 change made\n");
    let moved = folder("moved", INVENTORY);
    let said = program.says(&["import", &moved]);
    assert!(said.starts_with("4 as before, but from file "), "{said}");
    assert!(said.contains("0 changes to make"), "{said}");
    program.says(&["import", &one, "--source", "ours", "--yes"]);
    let said = program.says(&["import", &other, "--source", "ours", "--prune"]);
    assert!(
        said.contains("\nREMOVED would be 4, routers with their keys:\n  router r-1-VM: removed\n"),
        "{said}"
    );
    let shown = program.says(&["import", &other, "--source", "ours", "--prune", "--json"]);
    assert!(shown.contains(r#""removes":true,"made":false"#), "{shown}");
}

#[test]
fn a_start_that_fails_keeps_the_first_password_for_the_next() {
    let program = Program::with(
        "[http.tls]\ncertificate_file = \"PLACE/c.pem\"\nkey_file = \"PLACE/k.pem\"\n",
    );
    let said = program.fails(2, &["check-config"]);
    assert!(
        said.contains("`certificate_file`") && said.contains("c.pem"),
        "{said}"
    );
    let said = program.fails(2, &["serve"]);
    assert!(!said.contains("first start"), "{said}");
    assert_eq!(program.says(&["user", "list", "--json"]), "");

    let program = Program::with("[metrics]\ntoken_file = \"PLACE/token\"\n");
    fs::write(program.path("token"), "a-token-for-prometheus-alone\n").unwrap();
    fs::set_permissions(program.path("token"), fs::Permissions::from_mode(0o644)).unwrap();
    let said = program.fails(2, &["serve"]);
    assert!(
        !said.contains("first start") && said.contains("chmod 0600"),
        "{said}"
    );
    assert_eq!(program.says(&["user", "list", "--json"]), "");
}

#[test]
fn the_folder_of_the_database_is_made_for_its_owner_alone() {
    let program = Program::written(|place| {
        format!(
            "[database]\nurl = \"sqlite:{place}/lib/manager.db\"\n[secrets]\nkey_file = \"{place}/lib/sealing.key\"\n"
        )
    });
    program.says(&["router", "list"]);
    let mode = fs::metadata(program.path("lib"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
    let shown = program.says(&["check-config", "--json"]);
    assert!(shown.contains(r#""tls":false"#), "{shown}");

    let program = Program::written(|place| {
        format!(
            "[database]\nurl = \"sqlite:{place}/a/b/manager.db\"\n[secrets]\nkey_file = \"{place}/key\"\n"
        )
    });
    let said = program.fails(1, &["router", "list"]);
    assert!(
        said.contains("/a/b is not there and cannot be made"),
        "{said}"
    );
}

#[test]
fn a_password_is_asked_for_on_the_terminal_without_showing_it() {
    let program = Program::with("");
    program.says(&["user", "add", "ada"]);
    let said = program.on_a_terminal(
        "correct horse battery\ncorrect horse battery\n",
        &["user", "password", "ada"],
    );
    assert!(
        said.contains("New password: ") && !said.contains("horse"),
        "{said}"
    );
    let list = program.says(&["user", "list", "--json"]);
    assert!(list.contains(r#""must_change":false"#), "{list}");
    let said = program.without_a_terminal(&["user", "password", "ada"]);
    assert!(said.contains("--password-stdin"), "{said}");
    let made = program.says(&["user", "password", "ada", "--one-time"]);
    assert_eq!(made.trim().len(), 23);
}
