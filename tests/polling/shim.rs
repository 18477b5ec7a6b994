//! The shim's one answer to everything that can go wrong.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use crate::world::{World, now};

fn assert_none(output: &Output) {
    assert_eq!(String::from_utf8_lossy(&output.stdout), "No Alerts\n");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}

/// The shim over a `vrwatch` that does this.
fn over(world: &World, script: &str) -> Output {
    let programs = world.path("programs");
    fs::create_dir_all(&programs).unwrap();
    let program = programs.join("vrwatch");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    Command::new("sh")
        .arg(world.shim())
        .args(["2026-11-22", "11:47:33"])
        .env("PATH", path)
        .output()
        .unwrap()
}

#[test]
fn whatever_is_wrong_the_answer_is_no_alerts_and_the_exit_status_zero() {
    let world = World::new();
    for script in [
        "exit 1",
        "echo trouble >&2; exit 2",
        "printf 'half an ans'; exit 101",
        "printf 'half an ans'; kill -9 $$",
        "exit 0",
    ] {
        assert_none(&over(&world, script));
    }
    fs::write(world.config(), "nonsense = [").unwrap();
    assert_none(&world.shim_command().output().unwrap());
    fs::remove_file(world.config()).unwrap();
    assert_none(&world.shim_command().output().unwrap());
    world.options("--no-such-option");
    assert_none(&world.shim_command().output().unwrap());
    fs::remove_file(world.path("options")).unwrap();
    assert_none(&over(&world, "[ $# = 6 ] && exit 0; echo \"$#: $*\""));
}

#[test]
fn words_go_to_vrwatch_as_they_are_and_to_no_shell() {
    let world = World::new();
    world.options("--twelve-hour *");
    let output = over(&world, "printf '%s|' \"$@\"");
    let said = String::from_utf8_lossy(&output.stdout);
    let expected = format!(
        "--log-level|error|legacy-alerts|--config|{}|--twelve-hour|*|--|2026-11-22|11:47:33|\n",
        world.config().display()
    );
    assert_eq!(said, expected);
    world.options("");
    world.publish([(now() - 5000, "one.".into())]);
    for words in [
        &[][..],
        &["1970-01-01", "00:00:00"],
        &["$(touch x)", "`touch x`; touch x"],
        &["--limit", "-1"],
        &["--", "--help", "\u{7}"],
    ] {
        let output = world.shim_command().args(words).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            said.contains("one.") && said.ends_with("\\n\n"),
            "{words:?}: {output:?}"
        );
        assert_eq!(said.lines().count(), 1);
    }
}

#[test]
fn broken_configuration_elsewhere_does_not_hide_alerts() {
    let world = World::new();
    world.publish([(now() - 5000, "one.".into())]);
    let config = fs::read_to_string(world.config()).unwrap();
    fs::write(world.config(), config + "\n[sink.more.pigeon]\n").unwrap();
    let output = world.shim_command().output().unwrap();
    assert!(
        String::from_utf8_lossy(&output.stdout).contains("one."),
        "{output:?}"
    );
    assert!(output.stderr.is_empty());
}
