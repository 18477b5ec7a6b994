//! Outputs that cannot be written: a full disk, a reader that has gone, a reader that has stopped.
//! The services are watched all the same, and a command that is not heard says so.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::process::Stdio;

use crate::harness::{CONFIG, Config, Router, Sleepers, Syslog, Vrwatch, ask};

/// What a pipe takes that nobody reads, pipe(7).
const PIPE: usize = 64 * 1024;

fn config() -> Config {
    Config::short().and(&Sleepers::tables(&["one"]))
}

fn full_disk() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

/// A daemon with this as its standard error does all that it is there for.
#[track_caller]
fn it_works_with(router: &Router, sleepers: &Sleepers<'_>, stderr: impl Into<Stdio>) {
    Vrwatch::install(router, &[], &config());
    let mut vrwatch = Vrwatch::start_over(router, &config());
    assert!(vrwatch.term().success());
    vrwatch.start_again_with(stderr);
    sleepers.kill_and_see_it_back(&vrwatch, "one");
    // A mistake is told at length, and nothing but that happens.
    router.write(CONFIG, "[monitor]\nsweep_evry = \"3m\"\n");
    router.signal(vrwatch.pid(), "HUP");
    sleepers.kill_and_see_it_back(&vrwatch, "one");
    vrwatch.ask(&["status"]).expect_success();
    let ended = vrwatch.term();
    assert!(ended.success(), "{ended}");
}

#[test]
fn a_daemon_whose_log_is_on_a_full_disk_does_its_work() {
    let router = Router::boot();
    let sleepers = Sleepers::start(&router, &["one"]);
    it_works_with(&router, &sleepers, full_disk());
}

#[test]
fn a_daemon_whose_log_reader_has_gone_does_its_work() {
    let router = Router::boot();
    let sleepers = Sleepers::start(&router, &["one"]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    it_works_with(&router, &sleepers, writer);
}

#[test]
fn a_daemon_whose_log_reader_has_stopped_does_its_work() {
    let router = Router::boot();
    let sleepers = Sleepers::start(&router, &["one"]);
    let (_reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(&vec![b'x'; PIPE]).unwrap();
    it_works_with(&router, &sleepers, writer);
}

#[test]
fn a_log_reader_that_comes_back_is_told_how_much_it_has_missed() {
    let router = Router::boot();
    let sleepers = Sleepers::start(&router, &["one"]);
    let mut vrwatch = Vrwatch::start_over(&router, &config());
    assert!(vrwatch.term().success());
    let (mut reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(&vec![b'x'; PIPE]).unwrap();
    vrwatch.start_again_with(writer);
    sleepers.kill_and_see_it_back(&vrwatch, "one");
    reader.read_exact(&mut vec![0; PIPE]).unwrap();
    assert!(vrwatch.term().success());
    let mut rest = String::new();
    reader.read_to_string(&mut rest).unwrap();
    let first = rest.lines().next().unwrap_or_default();
    assert!(first.contains("dropped: nobody took them"), "{rest}");
    assert!(rest.contains("stops: "), "{rest}");
}

#[test]
fn a_run_of_cron_with_a_full_disk_for_its_log_restarts_what_is_down() {
    let router = Router::boot();
    let sleepers = Sleepers::start(&router, &["one"]);
    Vrwatch::install(&router, &[], &config());
    router.write("/etc/monitor.conf", "[one]\nprocessname=\n");
    Syslog::start(&router);
    sleepers.kill9("one");
    let ended = router
        .command(["vrwatch", "--config", CONFIG, "once"])
        .stderr(full_disk())
        .status()
        .unwrap();
    assert!(ended.success(), "{ended}");
    sleepers.until_it_lives("one");
}

#[test]
fn a_command_whose_reader_has_enough_is_content_and_one_on_a_full_disk_says_so() {
    let router = Router::boot();
    let sleepers = Sleepers::start(&router, &["one"]);
    let vrwatch = Vrwatch::start_over(&router, &config());
    sleepers.kill_and_see_it_back(&vrwatch, "one");
    vrwatch.until_told("one", &["service_down", "restarted"]);
    for command in [
        &["status"][..],
        &["status", "--json"],
        &["alerts"],
        &["alerts", "--json"],
        &["check-config"],
        &["test-alert"],
        &["completions", "bash"],
        &["man"],
        &["hold", "one"],
        &["release", "one"],
    ] {
        let with = |stdout: Stdio| {
            let mut argv = vec!["vrwatch", "--config", CONFIG];
            argv.extend(command);
            router.command(argv).stdout(stdout).output().unwrap()
        };
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let gone = with(writer.into());
        assert!(gone.status.success(), "{command:?}: {gone:#?}");
        assert_eq!(gone.stderr, b"", "{command:?}: {gone:#?}");
        let full = with(full_disk().into());
        assert_eq!(full.status.code(), Some(1), "{command:?}: {full:#?}");
        let words = String::from_utf8_lossy(&full.stderr);
        assert!(
            words.contains("standard output cannot be written: No space left"),
            "{command:?}: {words}"
        );
    }
}

#[test]
fn a_hold_that_cannot_be_answered_for_is_a_hold() {
    let router = Router::boot();
    Sleepers::start(&router, &["one"]);
    let vrwatch = Vrwatch::start_over(&router, &config());
    let hold = ["vrwatch", "--config", CONFIG, "hold", "one"];
    let unheard = router.command(hold).stdout(full_disk()).output().unwrap();
    let words = String::from_utf8_lossy(&unheard.stderr);
    assert!(
        words.contains("one is left alone until released; but standard output"),
        "{words}"
    );
    assert_eq!(vrwatch.state_of("one").unwrap(), "held");
}

#[test]
fn words_from_elsewhere_steer_no_terminal() {
    let router = Router::boot();
    Sleepers::start(&router, &["one"]);
    let mut vrwatch = Vrwatch::start_over(&router, &config());
    let hostile = "\u{1b}[31mnew\u{202e} disk\u{9b}2J\u{2066}";
    vrwatch
        .ask(&["hold", "one", "--reason", hostile])
        .expect_success();
    fs::write(
        router.path("/etc/monitor.conf"),
        "[o\u{202e}ne]\nprocessname=x\npidfile=/run/x\u{2066}.pid\n",
    )
    .unwrap();
    vrwatch.until_told("one", &["unmonitored"]);
    for command in [
        &["status"][..],
        &["status", "--json"],
        &["alerts"],
        &["alerts", "--json"],
        &["check-config"],
    ] {
        let said = ask(&router, command).output();
        let hidden = |letter: char| letter != '\n' && contract::clean::is_hidden(letter);
        assert!(!said.contains(hidden), "{command:?}: {said:?}");
        assert!(!said.contains("[31m"), "{command:?}: {said:?}");
    }
    let status = vrwatch.status_of("one").unwrap();
    let detail = status["detail"].as_str().unwrap();
    assert!(detail.contains("new disk"), "{detail}");
    vrwatch.term();
}
