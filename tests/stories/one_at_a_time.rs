//! Whoever restarts services holds the lock: a second daemon and a run of cron have to wait for
//! their turn, and say who has it.

use crate::harness::{CONFIG, Config, Outcome, Router, Sleepers, Syslog, Vrwatch, eventually};

const MINIMAL: [&str; 2] = ["once", "--minimal"];

fn vrwatch(router: &Router, command: &[&str]) -> Outcome {
    let argv = ["timeout", "60", "vrwatch", "--config", CONFIG];
    router.run(argv.iter().chain(command))
}

#[track_caller]
fn has_to_wait_for(outcome: &Outcome, holder: &str) {
    assert_eq!(outcome.status.code(), Some(75), "{outcome:#?}");
    assert!(
        outcome.stderr.contains(&format!("(process {holder})")),
        "{outcome:#?}"
    );
}

#[test]
fn beside_the_daemon_neither_a_second_one_nor_cron_does_anything() {
    let router = Router::boot();
    let sleepers = Sleepers::start(&router, &["one"]);
    let config = Config::short().and(&Sleepers::tables(&["one"]));
    let daemon = Vrwatch::start_over(&router, &config);
    let holder = daemon.pid().to_string();
    for command in [&["run"][..], &["once"], &MINIMAL] {
        has_to_wait_for(&vrwatch(&router, command), &holder);
    }
    sleepers.kill_and_see_it_back(&daemon, "one");
}

#[test]
fn a_hang_up_in_the_first_moments_ends_nobody() {
    let router = Router::boot();
    let config = Config::short().and(&Sleepers::tables(&["one"]));
    let daemon = Vrwatch::start_over(&router, &config);
    // Hung up on as soon as it catches SIGHUP (the lowest bit), while it tries for the lock.
    let script = format!(
        "vrwatch --config {CONFIG} run & p=$!
         while kill -0 $p 2>/dev/null; do
             grep -q '^SigCgt:.*[13579bdf]$' /proc/$p/status && kill -HUP $p && echo hung up && break
         done
         wait $p"
    );
    eventually(
        "one is hung up on before it ends",
        || {
            let outcome = router.run(["sh", "-c", &script]);
            has_to_wait_for(&outcome, &daemon.pid().to_string());
            outcome.stdout.contains("hung up").then_some(())
        },
        || daemon.failure(),
    );
}

#[test]
fn of_two_runs_of_cron_one_works_and_the_other_gives_way() {
    let router = Router::boot();
    let sleepers = Sleepers::start(&router, &["one"]);
    let config = Config::short().and(&Sleepers::tables(&["one"]));
    Vrwatch::install(&router, &[], &config);
    Syslog::start(&router);
    sleepers.hold_up("one");
    sleepers.kill9("one");
    let mut first = router
        .command(["vrwatch", "--config", CONFIG, "once"])
        .spawn()
        .unwrap();
    sleepers.until_its_start_begins("one");
    let holder = router.read("/run/vrwatch/lock");
    for command in [&["once"][..], &["run"], &MINIMAL] {
        has_to_wait_for(&vrwatch(&router, command), holder.trim());
    }
    sleepers.let_go("one");
    assert!(first.wait().unwrap().success());
    sleepers.until_it_lives("one");
    vrwatch(&router, &["once"]).expect_success();
}

#[test]
fn a_lock_that_a_killed_run_left_behind_holds_nobody_up() {
    let router = Router::boot();
    Sleepers::start(&router, &["one"]);
    let config = Config::short().and(&Sleepers::tables(&["one"]));
    let mut daemon = Vrwatch::start_over(&router, &config);
    daemon.kill9();
    assert!(router.path("/run/vrwatch/lock").exists());
    vrwatch(&router, &["once"]).expect_success();
}
