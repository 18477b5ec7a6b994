//! Our MIB under the eyes of those who read it: libsmi's smilint and net-snmp's snmptranslate.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::snmptrapd::mib_folders;

const MIB: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/VRWATCH-MIB.txt");

fn run(program: &str, arguments: &[&str]) -> Output {
    Command::new(program)
        .args(arguments)
        .env("SNMPCONFPATH", "/nonexistent")
        .env_remove("MIBS")
        .output()
        .unwrap_or_else(|error| {
            panic!("{program}: {error}: run tests/all, which installs what the tests need")
        })
}

fn translate(name: &str) -> String {
    let folders = mib_folders();
    let output = run(
        "/usr/bin/snmptranslate",
        &["-M", &folders, "-m", "ALL", "-On", name],
    );
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.success() && words.is_empty(),
        "{name}: {words}"
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn smilint_finds_nothing_at_level_5() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("smi.conf");
    // Nothing but its path: the machine's own settings hide some of what it finds.
    let (standards, _) = mib_folders().split_once(':').map_or_else(
        || panic!("no folder of standards"),
        |(first, rest)| (first.to_owned(), rest.to_owned()),
    );
    fs::write(&config, format!("path {standards}\n")).unwrap();
    let lint = |file: &str| {
        let output = run(
            "/usr/bin/smilint",
            &["-c", config.to_str().unwrap(), "-s", "-m", "-l", "5", file],
        );
        let words = [output.stdout, output.stderr].concat();
        String::from_utf8(words).unwrap()
    };
    assert_eq!(lint(MIB), "");
    // It would say if there were something.
    let broken = folder.path().join("VRWATCH-MIB.txt");
    let text = fs::read_to_string(MIB).unwrap();
    fs::write(
        &broken,
        text.replace("::= { vrwatchObjects 2 }", "::= { nobody 2 }"),
    )
    .unwrap();
    assert!(lint(broken.to_str().unwrap()).contains("nobody"));
}

#[test]
fn snmptranslate_resolves_every_name_of_our_mib_both_ways() {
    let text = fs::read_to_string(MIB).unwrap();
    let names: Vec<&str> = text
        .lines()
        .filter_map(|line| {
            let (name, rest) = line.split_once(' ')?;
            let rest = rest.trim_start();
            let defines = name.starts_with("vrwatch")
                && (rest.starts_with("OBJECT IDENTIFIER")
                    || rest.starts_with("MODULE-")
                    || rest.starts_with("OBJECT-")
                    || rest.starts_with("NOTIFICATION-"));
            defines.then_some(name)
        })
        .collect();
    assert!(names.len() > 40, "{names:?}");
    let numbers: Vec<_> = names
        .iter()
        .map(|name| translate(&format!("VRWATCH-MIB::{name}")))
        .collect();
    let mut distinct = numbers.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), names.len());
    let folders = mib_folders();
    let mut arguments = vec!["-M", &folders, "-m", "ALL"];
    arguments.extend(numbers.iter().map(String::as_str));
    let output = run("/usr/bin/snmptranslate", &arguments);
    let back = String::from_utf8(output.stdout).unwrap();
    let back: Vec<_> = back.lines().filter(|line| !line.is_empty()).collect();
    let expected: Vec<_> = names
        .iter()
        .map(|name| format!("VRWATCH-MIB::{name}"))
        .collect();
    assert_eq!(back, expected);
}

#[test]
fn the_names_of_the_other_modules_have_their_official_numbers() {
    assert!(Path::new(MIB).exists());
    for (name, number) in [
        ("SNMPv2-MIB::sysUpTime.0", ".1.3.6.1.2.1.1.3.0"),
        ("SNMPv2-MIB::snmpTrapOID.0", ".1.3.6.1.6.3.1.1.4.1.0"),
        (
            "CS-ROOT-MIB::domainRouterVmState",
            ".1.3.6.1.4.1.18060.15.1.2.0.10",
        ),
        ("CS-ROOT-MIB::message.0", ".1.3.6.1.4.1.18060.15.1.1.4.0"),
        ("VRWATCH-MIB::vrwatchMIB", ".1.3.6.1.4.1.32473.9420"),
    ] {
        assert_eq!(translate(name), number);
    }
}
