//! What speaks to the control socket: admins who hold and release, and all kinds of rubbish that
//! must keep nobody from asking.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use contract::{Fact, LookedAgain, UnmonitoredReason};

use crate::harness::{CONFIG, Config, Outcome, Router, Sleepers, Vrwatch, eventually, kinds};

const SOCKET: &str = "/run/vrwatch/control.sock";
const BACK: [&str; 2] = ["service_down", "restarted"];
/// What rubbish may cost at most, in KiB: far more than its buffers, far less than all of it.
const MOST_GROWTH: u64 = 1024;

fn config(names: &[&str]) -> Config {
    Config::short().and(&Sleepers::tables(names))
}

fn connect(router: &Router) -> UnixStream {
    let stream = UnixStream::connect(router.path(SOCKET)).unwrap();
    let generous = Some(Duration::from_mins(1));
    stream.set_read_timeout(generous).unwrap();
    stream.set_write_timeout(generous).unwrap();
    stream
}

/// Whatever is still to be read; a reset is an end as well.
fn rest(mut stream: UnixStream) -> String {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => bytes.extend_from_slice(&piece[..length]),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => break,
            Err(error) => panic!("it is not hung up on: {error}"),
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// Resident memory of the daemon in KiB, without the pages of its program, which come in with use.
fn resident(vrwatch: &Vrwatch<'_>, router: &Router) -> u64 {
    let status = router.read(&format!("/proc/{}/status", vrwatch.pid()));
    let line = status.lines().find(|line| line.starts_with("RssAnon:"));
    let size = line.and_then(|line| line.split_whitespace().nth(1));
    size.unwrap().parse().unwrap()
}

#[test]
fn a_socket_that_is_removed_is_made_again() {
    let router = Router::boot();
    Sleepers::start(&router, &["one"]);
    let config = config(&["one"]).and("[monitor]\nsweep_every = \"1s\"");
    let vrwatch = Vrwatch::start_over(&router, &config);
    // At the next sweep.
    std::fs::remove_file(router.path(SOCKET)).unwrap();
    eventually(
        "it answers again",
        || vrwatch.status().map(drop),
        || vrwatch.failure(),
    );
    assert!(vrwatch.stderr().contains("the control socket was removed"));
    // At SIGHUP, and something else in its place is left alone.
    std::fs::remove_file(router.path(SOCKET)).unwrap();
    router.write(SOCKET, "mine");
    router.signal(vrwatch.pid(), "HUP");
    eventually(
        "it says why not",
        || {
            vrwatch
                .stderr()
                .contains("cannot be made again")
                .then_some(())
        },
        || vrwatch.failure(),
    );
    assert_eq!(router.read(SOCKET), "mine");
    std::fs::remove_file(router.path(SOCKET)).unwrap();
    router.signal(vrwatch.pid(), "HUP");
    eventually(
        "it answers again",
        || vrwatch.status().map(drop),
        || vrwatch.failure(),
    );
}

#[test]
fn rubbish_gets_an_answer_in_words() {
    let router = Router::boot();
    Sleepers::start(&router, &["one"]);
    let vrwatch = Vrwatch::start_over(&router, &config(&["one"]));
    let deep = "[".repeat(4000);
    for rubbish in [
        &b"nonsense"[..],
        b"",
        b"\xff\xfe\x00",
        b"{\"command\":\"reboot\"}",
        b"{\"command\":\"hold\"}",
        b"{\"command\":\"status\",\"x\":1}",
        b"{\"command\":\"hold\",\"service\":\"one\",\"for_ms\":-1}",
        b"{\"command\":\"hold\",\"service\":\"one\",\"untill\":1}",
        b"GET / HTTP/1.1\r",
        deep.as_bytes(),
    ] {
        let mut stream = connect(&router);
        stream.write_all(rubbish).unwrap();
        stream.write_all(b"\n").unwrap();
        let answer = rest(stream);
        assert!(
            answer.starts_with("{\"refused\":\"this is no request: "),
            "{:?}: {answer}",
            String::from_utf8_lossy(rubbish)
        );
    }
    assert_eq!(vrwatch.state_of("one").unwrap(), "up");
}

#[test]
fn what_is_too_long_or_cannot_be_meant_is_refused_in_words() {
    let router = Router::boot();
    Sleepers::start(&router, &["one"]);
    let vrwatch = Vrwatch::start_over(&router, &config(&["one"]));
    let hold = |more: &str| format!("{{\"command\":\"hold\",\"service\":\"one\"{more}}}\n");
    for (request, words) in [
        (hold(",\"for_ms\":0"), "a hold of no time is no hold"),
        (hold(",\"for_ms\":3153600000001"), "more than 36500 days"),
        (
            hold(&format!(",\"for_ms\":{}", u64::MAX)),
            "more than 36500 days",
        ),
        (
            hold(&format!(",\"reason\":\"{}\"", "x".repeat(4096))),
            "this request is too long; a request is one JSON line of at most 4096 bytes",
        ),
    ] {
        let mut stream = connect(&router);
        stream.write_all(request.as_bytes()).unwrap();
        let answer = rest(stream);
        assert!(
            answer.starts_with("{\"refused\":") && answer.contains(words),
            "{request}: {answer}"
        );
    }
    let long = vrwatch.ask(&["hold", "one", "--reason", &"x".repeat(5000)]);
    assert_eq!(long.status.code(), Some(2), "{long:#?}");
    assert!(long.stderr.contains("too long"), "{long:#?}");
    assert_eq!(vrwatch.state_of("one").unwrap(), "up");
    assert_eq!(vrwatch.events(), []);
}

#[test]
fn silent_endless_and_half_requests_keep_nobody_from_asking() {
    let router = Router::boot();
    let sleepers = Sleepers::start(&router, &["one"]);
    let vrwatch = Vrwatch::start_over(&router, &config(&["one"]));
    let before = resident(&vrwatch, &router);
    let mut open: Vec<UnixStream> = (0..50).map(|_| connect(&router)).collect();
    for stream in &mut open[40..] {
        stream.write_all(b"{\"comm").unwrap();
    }
    for _ in 0..3 {
        vrwatch.ask(&["status"]).expect_success();
    }
    for _ in 0..20 {
        let mut endless = connect(&router);
        // It is hung up on before the end of it.
        let _ = endless.write_all(&vec![b'x'; 1 << 20]);
        rest(endless);
    }
    sleepers.kill_and_see_it_back(&vrwatch, "one");
    vrwatch.ask(&["hold", "one"]).expect_success();
    vrwatch.ask(&["release", "one"]).expect_success();
    // Nobody stays connected for long without a request.
    for silent in open {
        assert_eq!(rest(silent), "");
    }
    let growth = resident(&vrwatch, &router).saturating_sub(before);
    assert!(growth < MOST_GROWTH, "it grew by {growth} KiB");
}

#[test]
fn nobody_but_root_gets_an_answer() {
    let router = Router::boot();
    Sleepers::start(&router, &["one"]);
    let vrwatch = Vrwatch::start_over(&router, &config(&["one"]));
    let as_nobody = |command: &[&str]| {
        let nobody = [
            "setpriv",
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
        ];
        let vrwatch = ["vrwatch", "--config", CONFIG];
        router.run(nobody.iter().chain(&vrwatch).chain(command))
    };
    for command in [&["status", "--json"][..], &["hold", "one"]] {
        let refused = as_nobody(command);
        assert_eq!(refused.status.code(), Some(1), "{refused:#?}");
        assert!(refused.stderr.contains("are you root?"), "{refused:#?}");
    }
    // Not even when somebody has opened the door for everybody.
    router.run(["chmod", "666", SOCKET]).expect_success();
    for command in [&["status", "--json"][..], &["hold", "one"]] {
        let refused = as_nobody(command);
        assert_eq!(refused.status.code(), Some(1), "{refused:#?}");
        assert_eq!(refused.stdout, "");
        assert!(
            refused.stderr.contains("it answers root alone"),
            "{refused:#?}"
        );
    }
    assert_eq!(vrwatch.state_of("one").unwrap(), "up");
    assert_eq!(vrwatch.events(), []);
}

#[test]
fn a_held_service_is_left_alone_until_it_is_released() {
    let router = Router::boot();
    let sleepers = Sleepers::start(&router, &["one", "other"]);
    let mut vrwatch = Vrwatch::start_over(&router, &config(&["one", "other"]));
    let said = vrwatch
        .ask(&["hold", "one", "--reason", "new disk"])
        .expect_success();
    assert_eq!(said.stdout, "one is left alone until released\n");
    let status = vrwatch.status_of("one").unwrap();
    assert_eq!(status["state"], "held");
    assert!(
        status["detail"].as_str().unwrap().contains("new disk"),
        "{status}"
    );
    sleepers.kill9("one");
    sleepers.kill_and_see_it_back(&vrwatch, "other");
    assert_eq!(sleepers.pid_of("one"), None, "nobody restarts it");
    vrwatch.ask(&["status"]).expect_success();
    vrwatch.release("one").expect_success();
    let told = ["unmonitored", "remonitored", "service_down", "restarted"];
    vrwatch.until_told("one", &told);
    let events = vrwatch.told_in_all("one");
    let held = UnmonitoredReason::Held {
        reason: "new disk".to_owned(),
    };
    assert!(
        matches!(&events[0].fact, Fact::Unmonitored { until: None, reason } if *reason == held),
        "{events:#?}"
    );
    let found = LookedAgain::Down;
    assert_eq!(events[1].fact, Fact::Remonitored { found });
    assert_eq!(kinds(&events), told);
}

#[test]
fn a_hold_for_a_while_ends_by_itself() {
    let router = Router::boot();
    let sleepers = Sleepers::start(&router, &["one"]);
    let mut vrwatch = Vrwatch::start_over(&router, &config(&["one"]));
    let said = vrwatch
        .ask(&["hold", "one", "--for", "1s"])
        .expect_success();
    assert_eq!(said.stdout, "one is left alone for 1s\n");
    vrwatch.until_told("one", &["unmonitored", "remonitored"]);
    sleepers.kill_and_see_it_back(&vrwatch, "one");
    let events = vrwatch.told_in_all("one");
    let pid_before = match &events[1].fact {
        Fact::Remonitored {
            found: LookedAgain::Up { pid },
        } => *pid,
        other => panic!("{other:#?}"),
    };
    assert!(
        matches!(&events[0].fact, Fact::Unmonitored { until: Some(_), .. }),
        "{events:#?}"
    );
    assert!(
        matches!(&events[2].fact, Fact::ServiceDown { last_pid, .. } if *last_pid == Some(pid_before)),
        "{events:#?}"
    );
}

#[test]
fn a_hold_outlives_a_kill_of_vrwatch() {
    let router = Router::boot();
    let sleepers = Sleepers::start(&router, &["one"]);
    let mut vrwatch = Vrwatch::start_over(&router, &config(&["one"]));
    vrwatch.ask(&["hold", "one"]).expect_success();
    vrwatch.kill9();
    sleepers.kill9("one");
    vrwatch.start_again();
    assert_eq!(vrwatch.state_of("one").unwrap(), "held");
    vrwatch.release("one").expect_success();
    let told = ["unmonitored", "remonitored", "service_down", "restarted"];
    vrwatch.until_told("one", &told);
    assert_eq!(kinds(&vrwatch.told_in_all("one")), told);
}

#[test]
fn a_hold_that_cannot_be_meant_is_refused_with_what_is_right() {
    let router = Router::boot();
    Sleepers::start(&router, &["one", "other"]);
    let vrwatch = Vrwatch::start_over(&router, &config(&["one", "other"]));
    let refused = |command: &[&str], words: &str| {
        let outcome = vrwatch.ask(command);
        assert_eq!(outcome.status.code(), Some(2), "{outcome:#?}");
        assert!(outcome.stderr.contains(words), "{outcome:#?}");
    };
    let known = "no service is called `onne`; watched are: one, other";
    refused(&["hold", "onne"], known);
    refused(&["release", "onne"], known);
    refused(&["hold", "one", "--for", "0s"], "such as 10m");
    refused(&["hold", "one", "--for", "tomorrow"], "tomorrow");
    refused(&["hold"], "SERVICE");
    assert_eq!(vrwatch.events(), []);
}

#[test]
fn the_status_says_how_things_stand_and_its_exit_code_whether_all_is_well() {
    let router = Router::boot();
    let sleepers = Sleepers::start(&router, &["fine", "stuck"]);
    let mut vrwatch = Vrwatch::start_over(&router, &config(&["fine", "stuck"]));
    let row = |outcome: &Outcome, name: &str| {
        let line = outcome
            .stdout
            .lines()
            .find(|line| line.trim_start().starts_with(name));
        let words = line.unwrap_or_else(|| panic!("{outcome:#?}"));
        let words = words.split_whitespace().map(str::to_owned);
        words.collect::<Vec<_>>()
    };
    let well = vrwatch.ask(&["status"]).expect_success();
    let pid = sleepers.pid_of("fine").unwrap().to_string();
    assert_eq!(row(&well, "fine")[..4], ["fine", "fine", "up", &pid]);
    assert_eq!(row(&well, "local")[..2], ["local", "syslog"]);
    assert!(
        well.stdout.contains("on r-42-VM") && well.stdout.contains("by pidfd"),
        "{well:#?}"
    );
    sleepers.spoil("stuck");
    let killed = sleepers.kill9("stuck");
    let given_up = ["service_down", "restart_failed", "unmonitored"];
    vrwatch.until_told("stuck", &given_up);
    let badly = vrwatch.ask(&["status"]);
    assert_eq!(badly.status.code(), Some(1), "{badly:#?}");
    assert_eq!(row(&badly, "stuck")[2..4], ["held_off", "-"]);
    let stuck = vrwatch.status_of("stuck").unwrap();
    assert_eq!(stuck["pid"], serde_json::Value::Null, "{stuck}");
    assert_eq!(stuck["last_pid"], killed, "{stuck}");
    assert_eq!(row(&badly, "fine")[2], "up");
    assert_eq!(vrwatch.ask(&["status", "--json"]).status.code(), Some(1));
    sleepers.mend("stuck");
    vrwatch.release("stuck").expect_success();
    eventually(
        "all is well again",
        || vrwatch.ask(&["status"]).status.success().then_some(()),
        || vrwatch.failure(),
    );
    assert!(vrwatch.term().success());
    let nobody = vrwatch.ask(&["status"]);
    assert_eq!(nobody.status.code(), Some(1), "{nobody:#?}");
    assert!(
        nobody.stderr.contains("is `vrwatch run` running"),
        "{nobody:#?}"
    );
}

#[test]
fn the_status_of_nothing_is_one_line() {
    let router = Router::boot();
    let vrwatch = Vrwatch::start_over(&router, &config(&[]));
    let status = vrwatch.ask(&["status"]).expect_success();
    assert!(
        status.stdout.contains("\nnothing is watched; "),
        "{status:#?}"
    );
    assert!(!status.stdout.contains("HOLD-OFF"), "{status:#?}");
    let checked = vrwatch.ask(&["check-config"]);
    assert_eq!(checked.status.code(), Some(1), "{checked:#?}");
    assert_eq!(checked.stderr, "vrwatch: nothing is watched\n");
}

#[test]
fn a_socket_that_a_killed_vrwatch_left_behind_is_in_nobodys_way() {
    let router = Router::boot();
    let sleepers = Sleepers::start(&router, &["one"]);
    let mut vrwatch = Vrwatch::start_over(&router, &config(&["one"]));
    vrwatch.kill9();
    assert!(router.path(SOCKET).exists());
    let nobody = vrwatch.ask(&["status"]);
    assert_eq!(nobody.status.code(), Some(1), "{nobody:#?}");
    vrwatch.start_again();
    sleepers.kill_and_see_it_back(&vrwatch, "one");
    assert_eq!(kinds(&vrwatch.told_in_all("one")), BACK);
    assert!(!router.path(SOCKET).exists(), "ended in order it tidies up");
}

#[test]
fn a_file_in_the_sockets_place_is_left_alone_and_said() {
    let router = Router::boot();
    Vrwatch::install(&router, &[], &config(&[]));
    router.write(SOCKET, "somebody's notes");
    let refused = router.run(["timeout", "60", "vrwatch", "--config", CONFIG, "run"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:#?}");
    assert!(
        refused.stderr.contains(SOCKET) && refused.stderr.contains("it is left alone"),
        "{refused:#?}"
    );
    assert_eq!(router.read(SOCKET), "somebody's notes");
}
