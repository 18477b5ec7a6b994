//! When the kernel has no more to give: files, inotify watches, inotify instances, `/proc`.

use super::*;

const NO_MORE_FILES: [&str; 2] = ["prlimit", "--nofile=100:100"];
const OWN_LIMITS: [&str; 3] = ["unshare", "--user", "--map-root-user"];

/// Opens files until there are no more.
fn use_up_files() -> Vec<fs::File> {
    let files: Vec<_> = std::iter::from_fn(|| fs::File::open("/dev/null").ok()).collect();
    assert!(files.len() < 100);
    files
}

#[test]
fn running_out_of_files_makes_no_living_service_down_and_no_dead_one_up() {
    if !inside(
        &NO_MORE_FILES,
        "limits::running_out_of_files_makes_no_living_service_down_and_no_dead_one_up",
    ) {
        return;
    }
    for means in [Means::Auto, Means::SweepOnly] {
        run(async {
            let place = Place::new();
            let mut daemon = place.start("served");
            let mut watcher = place.watcher(means);
            place.write(daemon.pid());
            watcher.assert_up(&daemon);
            let process = daemon.process();
            let files = use_up_files();
            for _ in 0..3 {
                assert_eq!(watcher.verdict(), Verdict::Up(process));
            }
            daemon.kill();
            if means == Means::Auto {
                watcher.wait_for(Change::Died(ONE)).await;
            }
            assert!(matches!(watcher.verdict(), Verdict::Down(_)));
            drop(files);
            watcher.assert_down(Cause::Gone { pid: process.pid });
        });
    }
}

#[test]
fn pidfds_leave_files_for_the_rest_of_the_daemon() {
    if !inside(
        &NO_MORE_FILES,
        "limits::pidfds_leave_files_for_the_rest_of_the_daemon",
    ) {
        return;
    }
    run(async {
        let place = Place::new();
        let mut watcher = Watcher::new(Means::Auto).unwrap();
        let daemons: Vec<_> = (0..100).map(|_| place.start("served")).collect();
        for (id, daemon) in (0..).zip(&daemons) {
            let pid_file = place.at(&format!("{id}.pid"));
            fs::write(&pid_file, daemon.pid().to_string()).unwrap();
            let process = "served".to_owned();
            watcher.add(id, Target { process, pid_file });
        }
        for _ in 0..2 {
            for (id, daemon) in (0..).zip(&daemons) {
                let verdict = watcher.look(id, now()).verdict;
                assert_eq!(verdict, Verdict::Up(daemon.process()));
            }
        }
        assert!(use_up_files().len() >= 60);
    });
}

#[test]
fn without_inotify_watches_deaths_are_still_noticed_and_looks_catch_up_later() {
    if !inside(
        &OWN_LIMITS,
        "limits::without_inotify_watches_deaths_are_still_noticed_and_looks_catch_up_later",
    ) {
        return;
    }
    run(async {
        let limit = "/proc/sys/user/max_inotify_watches";
        fs::write(limit, "0").unwrap();
        let place = Place::new();
        let mut daemon = place.start("served");
        let mut watcher = place.watcher(Means::Auto);
        place.write(daemon.pid());
        watcher.look(ONE, second(1));
        daemon.kill();
        assert_eq!(watcher.next().await, Change::Died(ONE));
        place.write("1");
        assert!(watcher.is_quiet().await);

        fs::write(limit, "100").unwrap();
        watcher.look(ONE, second(90));
        place.write("22");
        assert_eq!(watcher.next().await, Change::PidFile(ONE));
    });
}

#[test]
fn without_inotify_at_all_deaths_are_still_noticed() {
    if !inside(
        &OWN_LIMITS,
        "limits::without_inotify_at_all_deaths_are_still_noticed",
    ) {
        return;
    }
    run(async {
        fs::write("/proc/sys/user/max_inotify_instances", "0").unwrap();
        let place = Place::new();
        let mut daemon = place.start("served");
        let mut watcher = place.watcher(Means::Auto);
        assert!(watcher.directories.is_none());
        place.write(daemon.pid());
        watcher.assert_up(&daemon);
        daemon.kill();
        assert_eq!(watcher.next().await, Change::Died(ONE));
    });
}

#[test]
fn losing_sight_of_proc_makes_no_living_service_down_and_no_dead_one_up() {
    if !inside(
        &OWN_MOUNTS,
        "limits::losing_sight_of_proc_makes_no_living_service_down_and_no_dead_one_up",
    ) {
        return;
    }
    for means in [Means::Auto, Means::SweepOnly] {
        within_runtime(|| {
            let place = Place::new();
            let mut daemon = place.start("served");
            let mut watcher = place.watcher(means);
            place.write(daemon.pid());
            watcher.assert_up(&daemon);
            let process = daemon.process();
            let mount = |arguments: &[&str]| {
                let status = Command::new(arguments[0]).args(&arguments[1..]).status();
                assert!(status.unwrap().success());
            };
            mount(&["mount", "-t", "tmpfs", "none", "/proc"]);
            for _ in 0..3 {
                assert_eq!(watcher.verdict(), Verdict::Up(process));
            }
            daemon.kill();
            watcher.assert_down(Cause::Gone { pid: process.pid });
            mount(&["umount", "-n", "/proc"]);
        });
    }
}
