//! The management server, unchanged, over the shim.

use std::process::Command;

use crate::world::{World, now};

const SERVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/polling/server.py");

/// One visit of the server; the alerts it made of the answer.
fn visit(world: &World, twelve_hour: bool) -> Vec<String> {
    let shim = world.shim_command();
    let mut server = Command::new("python3");
    server
        .arg(SERVER)
        .arg(world.path("stamp"))
        .arg(if twelve_hour { "yes" } else { "no" })
        .arg(shim.get_program())
        .args(shim.get_args());
    for (name, value) in shim.get_envs() {
        server.env(name, value.unwrap());
    }
    let output = server
        .output()
        .expect("python3 is missing: run tests/all, which installs it");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// A clock that shares seconds, is put back and forward by hours, and lives through a day.
fn story(twelve_hour: bool) {
    let world = World::new();
    if twelve_hour {
        world.options("--twelve-hour");
    }
    assert!(
        visit(&world, twelve_hour).is_empty(),
        "there is no journal yet"
    );
    let start = now() - 86_400_000;
    let mut heard = Vec::new();
    let mut told = 0;
    for round in 0..24 {
        // Back by 3 h every fifth round, forward by 90 min else; five in a second and a half.
        let base = start + i64::from(round) * 5_400_000 - i64::from(round / 5) * 10_800_000;
        let burst = (0..5).map(|index| (base + index * 300, format!("alert {:03}.", told + index)));
        world.publish(burst);
        told += 5;
        if round % 3 > 0 {
            heard.extend(visit(&world, twelve_hour));
        }
        if round == 12 {
            // A server that did not store the answer asks again with the old stamp.
            let stamp = std::fs::read(world.path("stamp")).unwrap();
            world.publish([(base, format!("alert {told:03}."))]);
            told += 1;
            let lost = visit(&world, twelve_hour);
            assert!(!lost.is_empty());
            std::fs::write(world.path("stamp"), stamp).unwrap();
            assert_eq!(visit(&world, twelve_hour), lost);
            heard.extend(lost);
        }
    }
    heard.extend(visit(&world, twelve_hour));
    assert!(visit(&world, twelve_hour).is_empty());
    assert_eq!(heard.len(), usize::try_from(told).unwrap(), "{heard:#?}");
    for (number, alert) in heard.iter().enumerate() {
        assert!(
            alert.contains(&format!("alert {number:03}.")),
            "{number}: {alert}"
        );
        assert!(
            alert
                .contains(" [ALERT] [The process dnsmasq is not running trying recover ] dnsmasq ")
        );
    }
}

#[test]
fn the_management_server_gets_every_alert_once_and_in_order() {
    story(false);
}

#[test]
fn a_management_server_up_to_4_13_gets_every_alert_once_and_in_order() {
    story(true);
}
