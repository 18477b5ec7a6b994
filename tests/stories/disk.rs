//! The journal's disk is full, read-only or not a folder at all: services are restarted and syslog
//! is told all the same, it is said once, and what happened meanwhile is in the journal afterwards.

use contract::Event;

use crate::harness::syslog::SOCKET_5424;
use crate::harness::{Config, Router, Sleepers, Syslog, Vrwatch, about, eventually, kinds};

/// The journal's folder.
const FOLDER: &str = "/var/lib/vrwatch";
const BACK: [&str; 2] = ["service_down", "restarted"];
const GIVEN_UP: [&str; 3] = ["service_down", "restart_failed", "unmonitored"];

fn config(names: &[&str]) -> Config {
    Config::short().and(&Sleepers::tables(names)).and(&format!(
        "[sink.local.syslog]\ntarget = \"unix:{SOCKET_5424}\"\nformat = \"rfc5424\""
    ))
}

fn shell(router: &Router, command: &str) {
    router.run(["sh", "-c", command]).expect_success();
}

/// Puts a small disk of its own under the journal.
fn small_disk(router: &Router) {
    shell(
        router,
        &format!("mkdir -p {FOLDER} && mount -t tmpfs -o size=256k,mode=750 journal {FOLDER}"),
    );
}

fn fill(router: &Router) {
    shell(router, &format!("! cat /dev/zero >{FOLDER}/ballast"));
}

fn make_room(router: &Router) {
    shell(router, &format!("rm {FOLDER}/ballast"));
}

#[track_caller]
fn until_on_disk(vrwatch: &Vrwatch<'_>, on_disk: bool) {
    eventually(
        &format!("the status says on_disk: {on_disk}"),
        || (vrwatch.status()?["journal"]["on_disk"] == on_disk).then_some(()),
        || vrwatch.failure(),
    );
}

/// Kills a service until the journal cannot be written; returns how often.
#[track_caller]
fn kill_until_the_disk_fails(vrwatch: &Vrwatch<'_>, sleepers: &Sleepers<'_>, name: &str) -> usize {
    for kills in 1.. {
        sleepers.kill_and_see_it_back(vrwatch, name);
        let on_disk = vrwatch.status().unwrap()["journal"]["on_disk"] == true;
        if !on_disk {
            return kills;
        }
    }
    unreachable!("the last page of a file is full at some time")
}

fn numbers(events: &[Event]) -> Vec<u64> {
    events.iter().map(|event| event.seq).collect()
}

#[track_caller]
fn everything_is_in_the_journal_once(vrwatch: &Vrwatch<'_>, syslog: &Syslog<'_>) {
    let events = vrwatch.events();
    let count = events.len() as u64;
    assert_eq!(numbers(&events), (1..=count).collect::<Vec<_>>());
    let ids: Vec<String> = events.into_iter().map(|event| event.id).collect();
    assert_eq!(ids, syslog.ids());
}

#[test]
fn on_a_full_disk_services_are_restarted_and_told_of_and_nothing_is_lost() {
    let router = Router::boot();
    let syslog = Syslog::start(&router);
    let sleepers = Sleepers::start(&router, &["one"]);
    small_disk(&router);
    let mut vrwatch = Vrwatch::start_over(&router, &config(&["one"]));
    sleepers.kill_and_see_it_back(&vrwatch, "one");
    vrwatch.until_told("one", &BACK);
    fill(&router);
    let mut kills = 1 + kill_until_the_disk_fails(&vrwatch, &sleepers, "one");
    for _ in 0..3 {
        sleepers.kill_and_see_it_back(&vrwatch, "one");
        kills += 1;
    }
    eventually(
        "syslog is told all the same",
        || (syslog.ids().len() == 2 * kills).then_some(()),
        || vrwatch.failure(),
    );
    assert!(vrwatch.events().len() < 2 * kills, "these are not on disk");
    let text = vrwatch.ask(&["status"]).stdout;
    assert!(
        text.contains("CANNOT BE WRITTEN (No space left on device"),
        "{text}"
    );
    let said = |words: &str| vrwatch.stderr().matches(words).count();
    assert_eq!(
        said("the journal cannot be written"),
        1,
        "{}",
        vrwatch.stderr()
    );

    make_room(&router);
    until_on_disk(&vrwatch, true);
    assert_eq!(
        said("the journal cannot be written"),
        1,
        "{}",
        vrwatch.stderr()
    );
    assert_eq!(said("the journal can be written again"), 1);
    let in_all = BACK.repeat(kills);
    vrwatch.until_told("one", &in_all);
    everything_is_in_the_journal_once(&vrwatch, &syslog);
    sleepers.kill_and_see_it_back(&vrwatch, "one");
    vrwatch.until_told("one", &BACK.repeat(kills + 1));
    assert_eq!(vrwatch.told_in_all("one").len(), 2 * kills + 2);
    everything_is_in_the_journal_once(&vrwatch, &syslog);
}

#[test]
fn a_kill_of_vrwatch_on_a_full_disk_loses_no_hold_off_and_leaves_no_hole() {
    let router = Router::boot();
    Syslog::start(&router);
    let sleepers = Sleepers::start(&router, &["one", "stuck"]);
    small_disk(&router);
    let mut vrwatch = Vrwatch::start_over(&router, &config(&["one", "stuck"]));
    sleepers.spoil("stuck");
    sleepers.kill9("stuck");
    vrwatch.until_told("stuck", &GIVEN_UP);
    fill(&router);
    kill_until_the_disk_fails(&vrwatch, &sleepers, "one");
    sleepers.kill_and_see_it_back(&vrwatch, "one");
    let before = about(&vrwatch.events(), "one");
    vrwatch.kill9();
    vrwatch.start_again();
    assert_eq!(vrwatch.state_of("stuck").unwrap(), "held_off");
    sleepers.kill_and_see_it_back(&vrwatch, "one");
    make_room(&router);
    until_on_disk(&vrwatch, true);
    sleepers.kill_and_see_it_back(&vrwatch, "one");
    let events = vrwatch.until("all is on disk", |events| {
        events.len() >= before.len() + GIVEN_UP.len() + 2 * BACK.len()
    });
    assert_eq!(kinds(&about(&events, "stuck")), GIVEN_UP);
    assert!(about(&events, "one").starts_with(&before));
    assert!(vrwatch.term().success());
    let events = vrwatch.events();
    assert_eq!(
        numbers(&events),
        (1..=events.len() as u64).collect::<Vec<_>>()
    );
}

/// Starts on a disk that cannot be used, which is then put right.
fn it_starts_without_a_disk_and_catches_up(spoil: &str, words: &str, mend: &str) {
    let router = Router::boot();
    let syslog = Syslog::start(&router);
    let sleepers = Sleepers::start(&router, &["one"]);
    shell(&router, spoil);
    let mut vrwatch = Vrwatch::start_over(&router, &config(&["one"]));
    until_on_disk(&vrwatch, false);
    let stderr = vrwatch.stderr();
    assert!(
        stderr.contains(FOLDER) && stderr.contains(words),
        "{stderr}"
    );
    assert_eq!(stderr.matches(" ERROR ").count(), 1, "once: {stderr}");
    sleepers.kill_and_see_it_back(&vrwatch, "one");
    eventually(
        "syslog is told all the same",
        || (syslog.ids().len() == 2).then_some(()),
        || vrwatch.failure(),
    );
    shell(&router, mend);
    until_on_disk(&vrwatch, true);
    vrwatch.until_told("one", &BACK);
    everything_is_in_the_journal_once(&vrwatch, &syslog);
    assert_eq!(kinds(&vrwatch.told_in_all("one")), BACK);
    // The next one takes it up as if nothing had been.
    vrwatch.start_again();
    sleepers.kill_and_see_it_back(&vrwatch, "one");
    vrwatch.until_told("one", &BACK.repeat(2));
    assert!(vrwatch.term().success());
    everything_is_in_the_journal_once(&vrwatch, &syslog);
}

#[test]
fn it_starts_on_a_read_only_disk_and_catches_up_when_that_can_be_written() {
    it_starts_without_a_disk_and_catches_up(
        &format!("mkdir {FOLDER} && mount -t tmpfs -o ro journal {FOLDER}"),
        "Read-only file system",
        &format!("mount -o remount,rw {FOLDER}"),
    );
}

#[test]
fn it_starts_on_a_full_disk_and_catches_up_when_there_is_room() {
    it_starts_without_a_disk_and_catches_up(
        &format!(
            "mkdir {FOLDER} && mount -t tmpfs -o size=64k journal {FOLDER} && \
             ! cat /dev/zero >{FOLDER}/ballast"
        ),
        "No space left on device",
        &format!("rm {FOLDER}/ballast"),
    );
}

#[test]
fn it_starts_with_a_file_in_the_folders_place_and_catches_up_when_that_is_gone() {
    it_starts_without_a_disk_and_catches_up(
        &format!("echo mine >{FOLDER}"),
        "something else stands where a folder is needed",
        &format!("grep -qx mine {FOLDER} && rm {FOLDER}"),
    );
}
