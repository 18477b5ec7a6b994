//! Configurations that cannot be meant: `check-config` and `run` refuse them with exit code 2 and
//! words that say where and what, at once and without filling the memory.

use std::os::unix::fs::symlink;

use crate::harness::{CONFIG, MONITOR_CONF, Outcome, Router};

const SYSLOG: &str = "[sink.local.syslog]\ntarget = \"unix:/dev/log\"\n";
/// Enough for the program itself, in KiB of address space, and far less than the files are long.
const MEMORY: &str = "65536";

/// A command, with a limit for time and one for memory.
fn limited(router: &Router, command: &str) -> Outcome {
    let limits =
        format!("ulimit -v {MEMORY} && exec timeout 30 vrwatch --config {CONFIG} {command}");
    router.run(["sh", "-c", &limits])
}

/// Both refuse what stands in the configuration's place now.
#[track_caller]
fn both_refuse_it(router: &Router, words: &[&str]) {
    for command in ["check-config", "run"] {
        let outcome = limited(router, command);
        assert_eq!(outcome.status.code(), Some(2), "{command}: {outcome:#?}");
        for words in words {
            let said = format!("{CONFIG}{words}");
            assert!(
                outcome.stderr.contains(&said) || outcome.stdout.contains(&said),
                "{command} does not say `{said}`: {outcome:#?}"
            );
        }
        assert!(!outcome.output().contains("panicked"), "{outcome:#?}");
    }
}

#[track_caller]
fn both_refuse(text: &str, words: &[&str]) {
    let router = Router::boot();
    router.write(CONFIG, &format!("{text}{SYSLOG}"));
    both_refuse_it(&router, words);
}

#[test]
fn unknown_keys_tables_and_sinks_are_named_with_the_nearest_right_one() {
    both_refuse(
        "[monitor]\nsweep_evry = \"3m\"\n\
         [monitor.restart]\ncomand = [\"true\"]\n\
         [jurnal]\n\
         [sink.page.pager]\n\
         [sink.remote.syslog]\ntarget = \"udp:127.0.0.1:514\"\nfromat = \"rfc5424\"\n",
        &[
            ":2: monitor.sweep_evry: ",
            ":4: monitor.restart.comand: ",
            ":5: jurnal: ",
            ":6: sink.page.pager: ",
            ":9: sink.remote.syslog.fromat: ",
        ],
    );
    let router = Router::boot();
    router.write(CONFIG, &format!("[monitor]\nsweep_evry = \"3m\"\n{SYSLOG}"));
    let outcome = limited(&router, "check-config");
    assert!(outcome.stderr.contains("sweep_every"), "{outcome:#?}");
}

#[test]
fn duplicate_services_and_shared_pid_files_are_named_with_both_lines() {
    let service = |name: &str, pid_file: &str| {
        format!("[[service]]\nname = \"{name}\"\nprocess = \"p\"\npidfile = \"{pid_file}\"\n")
    };
    both_refuse(
        &[
            service("dns", "/run/a.pid"),
            service("dns", "/run/b.pid"),
            service("web", "/run/c.pid"),
            service("www", "/run//c.pid"),
        ]
        .concat(),
        &[
            ":5: service.name: `dns` is the name of the service of line 1 already",
            ":13: service.pidfile: `www` has the same pid file as `web` of line 9",
        ],
    );
}

#[test]
fn relative_and_missing_paths_are_named() {
    both_refuse(
        "[journal]\ndirectory = \"var/lib\"\n\
         [control]\nsocket = \"control.sock\"\n\
         [[service]]\nname = \"a\"\nprocess = \"a\"\npidfile = \"run/a.pid\"\n\
         [[service]]\nname = \"b\"\nprocess = \"b\"\n",
        &[
            ":2: journal.directory: ",
            ":4: control.socket: ",
            ":8: service.pidfile: ",
            ":9: `pidfile` is missing",
        ],
    );
}

#[test]
fn durations_of_nothing_and_of_ten_thousand_years_are_named() {
    both_refuse(
        "[monitor]\nsweep_every = \"0s\"\nhold_off = \"3650000d\"\n\
         recheck = { attempts = 5, every = \"99999999999999999999d\" }\n\
         [monitor.restart]\ntimeout = \"0s\"\nevery = 5\n",
        &[
            ":2: monitor.sweep_every: ",
            ":3: monitor.hold_off: ",
            ":4: monitor.recheck.every: ",
            ":6: monitor.restart.timeout: ",
            ":7: monitor.restart.every: ",
        ],
    );
}

#[test]
fn without_a_syslog_sink_it_says_what_to_add() {
    let router = Router::boot();
    router.write(CONFIG, "[monitor]\n");
    both_refuse_it(&router, &[": "]);
    let outcome = limited(&router, "run");
    assert!(
        outcome.stderr.contains("[sink.local.syslog]"),
        "{outcome:#?}"
    );
}

#[test]
fn what_is_no_text_is_named_by_line_and_byte() {
    let router = Router::boot();
    router.write(CONFIG, "");
    std::fs::write(router.path(CONFIG), b"[router]\nname = \"\xff\"\n").unwrap();
    both_refuse_it(&router, &[":2: byte 18 is no UTF-8"]);
    router.write(CONFIG, "[router\n");
    both_refuse_it(&router, &[":1: "]);
    std::fs::write(router.path(CONFIG), [0; 4096]).unwrap();
    both_refuse_it(&router, &[":1: "]);
}

#[test]
fn what_is_no_small_file_is_refused_at_once_and_costs_no_memory() {
    let router = Router::boot();
    router.write(CONFIG, "");
    for (make, words) in [
        ("rm F && truncate -s 100M F", " is 104857600 bytes long"),
        (
            "head -c 100M /dev/zero | tr '\\0' '#' >F",
            " is 104857600 bytes long",
        ),
        ("rm F && mkdir F", " is a directory, not a regular file"),
        ("rmdir F && mkfifo F", " is a FIFO, not a regular file"),
        (
            "rm F && ln -s /dev/zero F",
            " is a device, not a regular file",
        ),
        ("rm F && ln -s F F", " cannot be opened: "),
        ("rm F", " there is no such file"),
    ] {
        let make = make.replace('F', CONFIG);
        router.run(["sh", "-c", &make]).expect_success();
        both_refuse_it(&router, &[&format!(":{words}")]);
    }
}

#[test]
fn an_endless_list_of_services_costs_no_memory_and_watches_nothing() {
    let router = Router::boot();
    router.write(CONFIG, SYSLOG);
    let list = router.path(MONITOR_CONF);
    let _ = std::fs::remove_file(&list);
    symlink("/dev/zero", &list).unwrap();
    let outcome = limited(&router, "check-config");
    assert!(
        outcome.output().contains("/etc/monitor.conf: is a device"),
        "{outcome:#?}"
    );
    assert!(!outcome.output().contains("panicked"), "{outcome:#?}");
    assert_eq!(outcome.status.code(), Some(1), "{outcome:#?}");
    assert!(outcome.stderr.contains("cannot be read"), "{outcome:#?}");
    std::fs::remove_file(&list).unwrap();
    // As many lines as fit, and all of them wrong.
    let lines = "[a]\nprocessname=\n".repeat(60_000);
    router.write(MONITOR_CONF, &lines);
    let outcome = limited(&router, "check-config");
    assert!(
        outcome.status.code().is_some_and(|code| code <= 1),
        "{outcome:#?}"
    );
    assert!(
        outcome.output().len() < 64 * 1024,
        "{}",
        outcome.output().len()
    );
}
