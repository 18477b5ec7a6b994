//! `vrwatch demo` shows what it promises, and leaves nothing behind however it ends.

use std::process::{Child, Stdio};

use crate::harness::{Router, eventually};

/// A demo whose first death has been seen, and its output so far.
fn under_way(router: &Router) -> Child {
    let demo = router
        .command([
            "sh",
            "-c",
            "echo $$ >/run/demo.pid && exec vrwatch demo >/run/demo.out",
        ])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    eventually(
        "the demo has broken a service",
        || router.read("/run/demo.out").contains("2. ").then_some(()),
        || router.read("/run/demo.out"),
    );
    demo
}

fn nothing_runs(router: &Router) {
    eventually(
        "nothing of the demo runs",
        || router.pids_named("vrwatch").is_empty().then_some(()),
        || router.processes(),
    );
}

fn folders(router: &Router) -> String {
    router.run(["sh", "-c", "ls -d /tmp/vrwatch-demo-*"]).stdout
}

#[test]
fn it_shows_a_death_a_failure_and_a_recovery_and_cleans_up() {
    let router = Router::boot();
    let shown = router.run(["vrwatch", "demo"]).expect_success().stdout;
    for words in [
        "is down",
        "restarted as",
        "unmonitored",
        "bad option",
        "journal: ",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    nothing_runs(&router);
    assert_eq!(folders(&router), "");
}

#[test]
fn ended_by_a_signal_it_cleans_up_all_the_same() {
    let router = Router::boot();
    for signal in ["INT", "TERM", "HUP"] {
        let demo = under_way(&router);
        let pid = router.read("/run/demo.pid").trim().parse().unwrap();
        router.signal(pid, signal);
        let ended = demo.wait_with_output().unwrap();
        let words = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(1), "{words}");
        assert!(words.contains(&format!("ended by SIG{signal}")), "{words}");
        assert_eq!(folders(&router), "");
        nothing_runs(&router);
        let _ = std::fs::remove_file(router.path("/run/demo.out"));
    }
}

#[test]
fn killed_it_leaves_nothing_running() {
    let router = Router::boot();
    let mut demo = under_way(&router);
    let pid = router.read("/run/demo.pid").trim().parse().unwrap();
    router.signal(pid, "KILL");
    demo.wait().unwrap();
    nothing_runs(&router);
}

#[test]
fn without_a_reader_it_ends_well_and_on_a_full_disk_with_words() {
    let router = Router::boot();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let unread = router
        .command(["vrwatch", "demo"])
        .stdout(writer)
        .output()
        .unwrap();
    assert!(unread.status.success(), "{unread:#?}");
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let full = router
        .command(["vrwatch", "demo"])
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(full.status.code(), Some(1), "{full:#?}");
    let words = String::from_utf8_lossy(&full.stderr);
    assert!(words.contains("No space left"), "{words}");
    nothing_runs(&router);
    assert_eq!(folders(&router), "");
}
