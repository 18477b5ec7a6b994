//! Pids that are given out again, for real: inside a PID namespace of the test's own, where the next
//! pid can be chosen.

use super::*;

/// A user namespace beside it makes this work for those who are not root, too.
const NAMESPACE: [&str; 7] = [
    "unshare",
    "--user",
    "--map-root-user",
    "--pid",
    "--fork",
    "--mount-proc",
    "--kill-child",
];

/// Has `name` started with the pid `pid`, which is free.
fn start_as(place: &Place, name: &str, pid: u32) -> Daemon {
    // Threads of the test harness take pids too, so it may need another try.
    for _ in 0..100 {
        fs::write("/proc/sys/kernel/ns_last_pid", (pid - 1).to_string()).unwrap();
        let daemon = place.start(name);
        if daemon.pid() == pid {
            return daemon;
        }
    }
    panic!("pid {pid} was not given out again");
}

#[test]
fn a_pid_that_is_given_to_a_process_of_another_name_is_noticed_and_not_believed() {
    if !inside(
        &NAMESPACE,
        "namespaces::a_pid_that_is_given_to_a_process_of_another_name_is_noticed_and_not_believed",
    ) {
        return;
    }
    run(async {
        let place = Place::new();
        let mut first = start_as(&place, "served", 1_000);
        let mut watcher = place.watcher(Means::Auto);
        place.write(1_000);
        watcher.assert_up(&first);
        first.kill();
        let _other = start_as(&place, "stranger", 1_000);
        watcher.wait_for(Change::Died(ONE)).await;
        watcher.assert_down(Cause::OtherProcess {
            pid: 1_000,
            name: "stranger".to_owned(),
        });
        assert_eq!(watcher.look(ONE, now()).ended, ends::killed());
    });
}

#[test]
fn a_pid_that_is_given_to_a_process_of_the_same_name_is_another_process() {
    if !inside(
        &NAMESPACE,
        "namespaces::a_pid_that_is_given_to_a_process_of_the_same_name_is_another_process",
    ) {
        return;
    }
    run(async {
        let place = Place::new();
        let mut first = start_as(&place, "served", 1_000);
        let mut watcher = place.watcher(Means::Auto);
        let mut sweeper = place.watcher(Means::SweepOnly);
        place.write(1_000);
        watcher.look(ONE, second(1));
        sweeper.look(ONE, second(1));
        let started = first.process().started;
        // The kernel keeps start times in ticks: let one pass, so that sweeps can tell them apart.
        until(|| now().monotonic > started + Duration::from_millis(30));
        first.kill();
        let mut again = start_as(&place, "served", 1_000);
        watcher.wait_for(Change::Died(ONE)).await;
        let sight = watcher.look(ONE, second(2));
        assert_eq!(sight.verdict, Verdict::Up(again.process()));
        assert_eq!(sight.ended, ends::killed());
        assert_eq!(watcher.kin(ONE).unwrap().process, again.process());
        assert_eq!(
            sweeper.look(ONE, second(2)).verdict,
            Verdict::Up(again.process())
        );
        assert_ne!(again.process().started, started);
        // The new one is held as the first was.
        again.kill();
        watcher.wait_for(Change::Died(ONE)).await;
        watcher.assert_down(Cause::Gone { pid: 1_000 });
    });
}
