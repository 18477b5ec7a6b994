//! What may be written, which ranges hold, and in which words the rest is refused.

use serde_json::{Value, json};

use super::*;

fn monitor(value: Value) -> Result<Monitor, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}

fn service(value: Value) -> Result<Service, String> {
    let table: ServiceTable = serde_json::from_value(value).map_err(|error| error.to_string())?;
    Monitor::default().service(table)
}

fn dhcp(key: &str, value: Value) -> Value {
    let mut table = json!({
        "name": "dhcp", "process": "dnsmasq", "pidfile": "/run/dnsmasq/dnsmasq.pid",
    });
    table[key] = value;
    table
}

#[test]
fn an_empty_table_has_the_documented_defaults() {
    let monitor = monitor(json!({})).unwrap();
    assert_eq!(monitor, Monitor::default());
    assert_eq!(monitor.services_file(), Path::new("/etc/monitor.conf"));
    assert_eq!(
        monitor.monitorservice_file(),
        Path::new("/etc/cloudstack/monitorservice.json")
    );
    assert_eq!(monitor.sweep_every(), Duration::from_mins(3));
    assert_eq!(monitor.means(), Means::Auto);
    let service = service(dhcp("service", json!("dnsmasq"))).unwrap();
    assert_eq!(service.policy, Policy::default());
    assert_eq!(service.restart.command, ["service", "dnsmasq", "restart"]);
    assert_eq!(service.restart.timeout, Duration::from_mins(1));
    assert!(!service.restart.end_leftovers);
}

#[test]
fn leftovers_are_ended_by_default_for_apache2_alone() {
    for (process, ended) in [
        ("apache2", true),
        ("/usr/sbin/apache2", true),
        ("haproxy", false),
    ] {
        assert_eq!(
            service(dhcp("process", json!(process)))
                .unwrap()
                .restart
                .end_leftovers,
            ended,
            "{process}"
        );
    }
    let mut table = dhcp("process", json!("apache2"));
    table["restart"] = json!({"end_leftovers": false});
    assert!(!service(table).unwrap().restart.end_leftovers);
}

#[test]
fn a_services_own_restart_keys_go_before_the_common_ones() {
    let monitor = monitor(json!({
        "hold_off": "1h",
        "restart": {"attempts": 9, "timeout": "5s", "settle": "0s", "command": ["/bin/again", "--{service}"]},
    }))
    .unwrap();
    let table: ServiceTable =
        serde_json::from_value(dhcp("restart", json!({"attempts": 3, "every": "10ms"}))).unwrap();
    let service = monitor.service(table).unwrap();
    assert_eq!(service.policy.restart.attempts, 3);
    assert_eq!(service.policy.restart.every, Duration::from_millis(10));
    assert_eq!(service.policy.settle, Duration::ZERO);
    assert_eq!(service.policy.hold_off, Duration::from_hours(1));
    assert_eq!(service.restart.timeout, Duration::from_secs(5));
    assert_eq!(service.restart.command, ["/bin/again", "--dnsmasq"]);
}

#[test]
fn a_missing_service_name_is_the_process_without_its_folder() {
    let service = service(dhcp("process", json!("/usr/sbin/dnsmasq"))).unwrap();
    assert_eq!(service.restart.command, ["service", "dnsmasq", "restart"]);
    assert_eq!(service.target.process, "/usr/sbin/dnsmasq");
}

#[test]
fn values_out_of_range_are_refused_with_the_range() {
    for (value, words) in [
        (
            json!({"sweep_every": "0s"}),
            "must be from 1s to 1d, and `0s` is not",
        ),
        (
            json!({"sweep_every": "2d"}),
            "must be from 1s to 1d, and `2d` is not",
        ),
        (
            json!({"sweep_every": "10000 years"}),
            "`10000 years` has the unknown unit `years`: use ms, s, m, h or d",
        ),
        (
            json!({"hold_off": "31d"}),
            "must be from 1s to 30d, and `31d` is not",
        ),
        (
            json!({"hold_off": "3652500d"}),
            "`3652500d` is more than 36500 days",
        ),
        (
            json!({"hold_off": 30}),
            "`30` has no unit: write a duration such as \"500ms\", \"5s\", \"3m\" or \"1h30m\"",
        ),
        (
            json!({"recheck": {"every": "9ms"}}),
            "must be from 10ms to 1h, and `9ms` is not",
        ),
        (
            json!({"recheck": {"attempts": 101}}),
            "must be from 0 to 100, and `101` is not",
        ),
        (
            json!({"recheck": {"attempts": -1}}),
            "must be from 0 to 100, and `-1` is not",
        ),
        (
            json!({"recheck": {"attempts": "5"}}),
            "invalid type: string \"5\", expected a whole number from 0 to 100",
        ),
        (
            json!({"recheck": 5}),
            "invalid type: integer `5`, expected a table such as { attempts = 5, every = \"1s\" }",
        ),
        (
            json!({"crash_loop": {"within": "0s"}}),
            "must be from 1s to 30d, and `0s` is not",
        ),
        (
            json!({"restart": {"attempts": 0}}),
            "must be from 1 to 100, and `0` is not",
        ),
        (
            json!({"restart": {"timeout": "2h"}}),
            "must be from 1s to 1h, and `2h` is not",
        ),
        (
            json!({"restart": {"settle": "61m"}}),
            "must be from 0s to 1h, and `1h 1m` is not",
        ),
        (
            json!({"watch": "always"}),
            "unknown variant `always`, expected `auto` or `sweep`",
        ),
        (
            json!({"services": "monitor.conf"}),
            "`monitor.conf` is not absolute: write the whole path, from /",
        ),
    ] {
        assert_eq!(monitor(value.clone()).unwrap_err(), words, "{value}");
    }
}

#[test]
fn a_command_that_cannot_be_meant_is_refused() {
    for (command, words) in [
        (
            json!([]),
            "the command is empty: name a program and its arguments",
        ),
        (
            json!([""]),
            "the program `` must be a bare name or an absolute path",
        ),
        (
            json!(["./x"]),
            "the program `./x` must be a bare name or an absolute path",
        ),
        (
            json!(["service dnsmasq restart"]),
            "`service dnsmasq restart` runs without a shell: write the program and each argument as a string of its own",
        ),
        (
            json!(["x", "{name}"]),
            "`{name}` is no placeholder: the only one is `{service}`",
        ),
        (
            json!(["x", "{service"]),
            "`{service` is no placeholder: the only one is `{service}`",
        ),
        (
            json!(["{service}"]),
            "the program itself must not be a placeholder",
        ),
        (
            json!(["x", "a\0b"]),
            "`a?b` cannot be an argument: it holds a NUL or is longer than 4096 bytes",
        ),
        (json!(vec!["x"; 65]), "the command has more than 64 parts"),
    ] {
        assert_eq!(
            monitor(json!({"restart": {"command": command.clone()}})).unwrap_err(),
            words,
            "{command}"
        );
    }
}

#[test]
fn names_and_paths_that_cannot_be_meant_are_refused() {
    let long = "x".repeat(256);
    for (key, value, words) in [
        (
            "name",
            "",
            "`` is no service name: use 1 to 64 of A-Z a-z 0-9 . _ @ -",
        ),
        (
            "name",
            "a b",
            "`a b` is no service name: use 1 to 64 of A-Z a-z 0-9 . _ @ -",
        ),
        (
            "name",
            "é",
            "`é` is no service name: use 1 to 64 of A-Z a-z 0-9 . _ @ -",
        ),
        ("process", "", "`` is no process name: it is empty"),
        (
            "process",
            "a/b",
            "`a/b` is no process name: a path to a program must be absolute",
        ),
        (
            "process",
            "/usr/sbin/",
            "`/usr/sbin/` is no process name: a path to a program must be absolute",
        ),
        (
            "process",
            "a\nb",
            "`a?b` is no process name: it holds control characters",
        ),
        (
            "process",
            &long,
            "`xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…` is no process name: it is longer than 255 bytes",
        ),
        (
            "process",
            "my daemon",
            "`service` is missing, and `my daemon` cannot be given to the restart command: it must not hold spaces, slashes or control characters",
        ),
        (
            "pidfile",
            "run/x.pid",
            "`run/x.pid` is not absolute: write the whole path, from /",
        ),
        ("pidfile", "/run/", "`/run/` is a folder, not a pid file"),
        (
            "pidfile",
            "",
            "`` is not absolute: write the whole path, from /",
        ),
        (
            "service",
            "-rf",
            "`-rf` cannot be given to the restart command: it would be taken for an option",
        ),
        (
            "service",
            "../x",
            "`../x` cannot be given to the restart command: it must not hold spaces, slashes or control characters",
        ),
    ] {
        assert_eq!(
            service(dhcp(key, json!(value))).unwrap_err(),
            words,
            "{key} {value}"
        );
    }
}

#[test]
fn probes_are_refused_as_not_yet_available() {
    assert_eq!(
        service(dhcp("probe", json!({"dns": {"server": "127.0.0.1:53"}}))).unwrap_err(),
        "not available in this version"
    );
}

#[test]
fn two_spellings_of_a_pid_file_are_one() {
    let key = |path: &str| PidFile::try_from(path.to_owned()).unwrap().same_file_key();
    assert_eq!(key("/var/run/x.pid"), key("/run//./x.pid"));
    assert_eq!(key("/var//run/a/x.pid"), Path::new("/run/a/x.pid"));
    assert_ne!(key("/var/runx.pid"), key("/runx.pid"));
}
