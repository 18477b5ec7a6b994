//! What a restart command gets, and what is kept of what it says.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::restart::fill;

fn reason(outcome: &Outcome) -> &str {
    outcome.reason.as_deref().unwrap_or_default()
}

#[test]
fn only_the_service_placeholder_is_filled_in() {
    let template = ["service", "{service}", "a-{service}-{other}", "$(x)"].map(str::to_owned);
    assert_eq!(
        fill(&template, "dnsmasq"),
        ["service", "dnsmasq", "a-dnsmasq-{other}", "$(x)"]
    );
}

#[tokio::test]
async fn exit_status_and_both_outputs_are_told() {
    let world = World::new();
    let outcome = world.run("echo out; echo err >&2; exit 3", LONG).await;
    assert_eq!(outcome.exit, Some(3));
    assert_eq!(outcome.reason, None);
    assert_eq!(outcome.output, "out\nerr");
    assert_eq!(world.run("exit 0", LONG).await.exit, Some(0));
}

#[tokio::test]
async fn a_command_ended_by_a_signal_says_which() {
    let world = World::new();
    let outcome = world.run("echo last words; kill -9 $$", LONG).await;
    assert_eq!(outcome.exit, None);
    assert_eq!(reason(&outcome), "ended by signal 9");
    assert_eq!(outcome.output, "last words");
}

#[tokio::test]
async fn of_much_output_the_end_is_kept() {
    let world = World::new();
    let body = "head -c 1000000 /dev/zero | tr '\\0' 'x'; printf '%04000d' 7; printf END";
    let outcome = world.run(body, LONG).await;
    assert_eq!(outcome.exit, Some(0));
    assert_eq!(outcome.output.len(), 4096);
    assert!(outcome.output.starts_with("xx"));
    assert!(outcome.output.ends_with("0007END"));
}

#[tokio::test]
async fn a_character_cut_in_two_at_the_beginning_is_left_out() {
    let world = World::new();
    let body = "i=0; while [ $i -lt 3000 ]; do printf '\\303\\244'; i=$((i+1)); done; printf x";
    let outcome = world.run(body, LONG).await;
    assert!(outcome.output.starts_with('ä'), "{}", outcome.output);
    assert_eq!(outcome.output.len(), 4095);
}

#[tokio::test]
async fn output_is_cleaned_of_control_characters() {
    let world = World::new();
    let body = "printf '\\033[31mdnsmasq: \\000bad\\007 option\\033[0m\\r\\nat line 3\\n'";
    let outcome = world.run(body, LONG).await;
    assert_eq!(outcome.output, "dnsmasq: bad option\nat line 3");
}

#[tokio::test]
async fn what_cannot_run_says_why() {
    let world = World::new();
    let run = |program: &str| world.run_command(vec![program.to_owned()], LONG);
    let missing = run("vrwatch-no-such-program").await;
    assert_eq!(missing.exit, None);
    assert_eq!(
        reason(&missing),
        "cannot run `vrwatch-no-such-program`: No such file or directory (os error 2)"
    );
    let directory = run(world.directory.path().to_str().unwrap()).await;
    assert!(reason(&directory).ends_with("Permission denied (os error 13)"));
    let script = world.script("exit 0");
    fs::set_permissions(&script[0], fs::Permissions::from_mode(0o644)).unwrap();
    let not_executable = run(&script[0]).await;
    assert!(reason(&not_executable).ends_with("Permission denied (os error 13)"));
    let empty = world.run_command(Vec::new(), LONG).await;
    assert_eq!(
        reason(&empty),
        "cannot run the restart command: it is empty"
    );
    let nul = run("a\0b").await;
    assert!(reason(&nul).starts_with("cannot run `ab`: "), "{nul:?}");
}

#[tokio::test]
async fn arguments_reach_no_shell() {
    let world = World::new();
    let mut command = world.script("printf '%s|' \"$@\"");
    command.extend(["$(touch x)", "; true", "*", ""].map(str::to_owned));
    let outcome = world.run_command(command, LONG).await;
    assert_eq!(outcome.output, "$(touch x)|; true|*||");
}

#[tokio::test]
async fn the_environment_is_ours_to_the_last_variable() {
    let world = World::new();
    let outcome = world.run_command(vec!["env".to_owned()], LONG).await;
    let mut variables: Vec<_> = outcome.output.lines().collect();
    variables.sort_unstable();
    assert_eq!(
        variables,
        [
            "HOME=/",
            "LC_ALL=C.UTF-8",
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            &format!("VRWATCH_RESTART={}", world.token),
        ]
    );
}

#[tokio::test]
async fn the_command_starts_as_init_would_start_it() {
    let world = World::new();
    let before = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let body = "pwd; umask; readlink /proc/self/fd/0
        grep -E '^Sig(Blk|Ign):' /proc/$$/status | tr -d '\\t '";
    let outcome = world.run(body, LONG).await;
    let after = rustix::process::umask(before);
    assert_eq!(after.as_raw_mode(), 0o077);
    let lines: Vec<_> = outcome.output.lines().collect();
    assert_eq!(lines[..3], ["/", "0022", "/dev/null"]);
    assert!(lines[3].starts_with("SigBlk:") && lines[3].ends_with(":0000000000000000"));
    assert!(lines[4].starts_with("SigIgn:"));
    let ignored = u64::from_str_radix(lines[4].rsplit(':').next().unwrap(), 16).unwrap();
    let sigpipe = 1 << (13 - 1);
    assert_eq!(ignored & sigpipe, 0);
}

#[tokio::test]
async fn the_command_leads_a_group_but_no_session() {
    let world = World::new();
    let outcome = world.run("cat /proc/$$/stat", LONG).await;
    let fields: Vec<_> = outcome.output.split(' ').collect();
    let session = stat(std::process::id()).session.to_string();
    assert_eq!(fields[4], fields[0]);
    assert_eq!(fields[5], session);
}

#[tokio::test]
async fn a_daemon_that_holds_the_pipe_delays_nothing_and_survives_its_own_words() {
    let world = World::new();
    let outcome = world
        .run(
            "setsid sh -c 'echo $$ > '$D'/pid
                while [ ! -e '$D'/go ]; do sleep 0.02; done
                i=0; while [ $i -lt 3000 ]; do echo a hundred times more than a pipe can hold; i=$((i+1)); done
                echo survived > '$D'/survived.new; mv '$D'/survived.new '$D'/survived' &
            while [ ! -s $D/pid ]; do sleep 0.02; done
            echo started",
            LONG,
        )
        .await;
    assert_eq!(outcome.exit, Some(0));
    assert_eq!(outcome.output, "started");
    let daemon = world.pid("pid").await;
    assert!(is_alive(daemon));
    fs::write(world.path("go"), "").unwrap();
    assert_eq!(world.file("survived").await, "survived\n");
}

#[tokio::test]
async fn a_daemon_that_never_stops_writing_delays_nothing() {
    let world = World::new();
    let outcome = world
        .run("setsid yes & echo $! > $D/pid; exit 0", LONG)
        .await;
    assert_eq!(outcome.exit, Some(0));
    assert!(outcome.output.len() <= 4096);
    let daemon = world.pid("pid").await;
    assert!(is_alive(daemon));
    // Its output is read for as long as it lives, so nothing else would end it.
    kill(daemon);
}

#[tokio::test]
async fn a_slow_restart_delays_no_other() {
    let slow = World::new();
    let quick = World::new();
    let waiting = slow.run("while [ ! -e $D/go ]; do sleep 0.02; done; echo slow", LONG);
    let other = async {
        let outcome = quick.run("echo quick", LONG).await;
        fs::write(slow.path("go"), "").unwrap();
        outcome
    };
    let (slow, quick) = tokio::join!(waiting, other);
    assert_eq!(quick.output, "quick");
    assert_eq!(slow.output, "slow");
}

#[tokio::test]
async fn a_command_leaves_no_zombie_and_outlives_whoever_waits_for_it() {
    let world = World::new();
    world.run("echo $$ > $D/first", LONG).await;
    assert!(is_gone(world.pid("first").await));

    let body = "echo $$ > $D/second; while [ ! -e $D/go ]; do echo still here; sleep 0.02; done
        echo finished > $D/finished";
    let mut waiting = Box::pin(world.run(body, LONG));
    let second = tokio::select! {
        pid = world.pid("second") => pid,
        outcome = &mut waiting => panic!("it ended: {outcome:?}"),
    };
    drop(waiting);
    assert!(is_alive(second));
    fs::write(world.path("go"), "").unwrap();
    assert_eq!(world.file("finished").await, "finished\n");
    until("it is reaped", || is_gone(second)).await;
}

/// Set in the process that this test starts: itself, under a limit of open files.
const UNDER_A_LIMIT: &str = "VRWATCH_TEST_UNDER_A_LIMIT";

#[test]
fn every_restart_gets_the_limit_of_open_files_from_before_it_was_raised() {
    if std::env::var_os(UNDER_A_LIMIT).is_some() {
        return under_a_limit();
    }
    let module = module_path!();
    let name = module.split_once("::").map_or(module, |(_, name)| name);
    let test =
        format!("{name}::every_restart_gets_the_limit_of_open_files_from_before_it_was_raised");
    let output = std::process::Command::new("prlimit")
        .arg("--nofile=100:2048")
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &test, "--nocapture"])
        .env(UNDER_A_LIMIT, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn under_a_limit() {
    crate::raise_file_limit();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let limit = || {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        (limit.current, limit.maximum)
    };
    assert_eq!(limit(), (Some(2048), Some(2048)));
    let world = World::new();
    let mut open = Vec::new();
    let body = "(ulimit -Sn; ulimit -Hn)";
    let looked_for = ["sh", "-c", body].map(str::to_owned).to_vec();
    for round in 0..30 {
        // By its path and by its name: the standard library has a way for each.
        let outcome = if round % 2 == 0 {
            runtime.block_on(world.run(body, LONG))
        } else {
            runtime.block_on(world.run_command(looked_for.clone(), LONG))
        };
        assert_eq!(outcome.output, "100\n2048", "{outcome:?}");
        assert_eq!(limit(), (Some(2048), Some(2048)));
        // From the third round on, more files are open than the command may have.
        while round > 0 && open.len() < 200 {
            let file = fs::File::open("/dev/null").unwrap();
            open.push(crate::file_limit::out_of_the_way(file.into()));
        }
    }
}
