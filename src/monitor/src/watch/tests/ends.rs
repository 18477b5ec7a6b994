//! How a process ended, where the kernel tells of one that is no child of ours.

use super::*;

/// Whether this kernel has `PIDFD_INFO_EXIT`: Linux 6.15.
fn kernel_tells() -> bool {
    let release = rustix::system::uname()
        .release()
        .to_str()
        .unwrap()
        .to_owned();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    let mut number = || numbers.next().unwrap().parse::<u32>().unwrap();
    (number(), number()) >= (6, 15)
}

fn told(ended: Ended) -> Ended {
    if kernel_tells() {
        ended
    } else {
        Ended::Unknown
    }
}

pub(super) fn killed() -> Ended {
    told(Ended::Signal(9))
}

#[test]
fn a_signal_and_an_exit_status_are_told_apart() {
    within_runtime(|| {
        let place = Place::new();
        let mut watcher = place.watcher(Means::Auto);
        for (end, ended) in [
            ("kill -9 $$", Ended::Signal(9)),
            ("kill -15 $$", Ended::Signal(15)),
            ("exit 0", Ended::Exit(0)),
            ("exit 255", Ended::Exit(255)),
        ] {
            let go = place.at("go");
            let script = format!(
                "while [ ! -e {} ]; do sleep 0.01; done; {end}",
                go.display()
            );
            let mut daemon = place.run("served", "sh", &["-c", &script]);
            place.write(daemon.pid());
            watcher.assert_up(&daemon);
            fs::write(&go, "").unwrap();
            daemon.0.wait().unwrap();
            let sight = watcher.look(ONE, now());
            assert_eq!(sight.ended, told(ended), "{end}");
            // It stays known.
            assert_eq!(watcher.look(ONE, now()).ended, told(ended));
            fs::remove_file(&go).unwrap();
        }
    });
}

#[test]
fn a_zombie_is_explained_once_its_parent_collects_it() {
    within_runtime(|| {
        let place = Place::new();
        let mut daemon = place.start("served");
        let mut watcher = place.watcher(Means::Auto);
        place.write(daemon.pid());
        watcher.look(ONE, second(1));
        daemon.become_zombie();
        let sight = watcher.look(ONE, second(2));
        assert_eq!(sight.ended, Ended::Unknown);
        assert_eq!(sight.noticed, second(2));
        daemon.0.wait().unwrap();
        let sight = watcher.look(ONE, second(3));
        assert_eq!(
            sight.verdict,
            Verdict::Down(Cause::Gone { pid: daemon.pid() })
        );
        assert_eq!(sight.ended, killed());
        assert_eq!(sight.noticed, second(2));
    });
}

#[test]
fn nothing_is_said_about_the_end_of_what_lives_or_was_never_seen() {
    within_runtime(|| {
        let place = Place::new();
        let mut watcher = place.watcher(Means::Auto);
        assert_eq!(watcher.look(ONE, now()).ended, Ended::Unknown);
        let daemon = place.start("served");
        place.write(daemon.pid());
        assert_eq!(watcher.look(ONE, now()).ended, Ended::Unknown);
        // The pid file goes astray while the process lives.
        place.write("4194304");
        assert_eq!(watcher.look(ONE, now()).ended, Ended::Unknown);
    });
}

#[test]
fn sweeps_alone_never_learn_how_a_process_ended() {
    within_runtime(|| {
        let place = Place::new();
        let mut daemon = place.start("served");
        let mut watcher = place.watcher(Means::SweepOnly);
        place.write(daemon.pid());
        watcher.assert_up(&daemon);
        daemon.kill();
        assert_eq!(watcher.look(ONE, now()).ended, Ended::Unknown);
    });
}

#[tokio::test]
async fn the_time_of_the_notice_is_kept_apart_from_that_of_the_look() {
    let place = Place::new();
    let mut daemon = place.start("served");
    let mut watcher = place.watcher(Means::Auto);
    place.write(daemon.pid());
    watcher.look(ONE, now());
    let before = now();
    daemon.kill();
    watcher.wait_for(Change::Died(ONE)).await;
    let after = now();
    let mut late = after;
    late.monotonic += Duration::from_secs(5);
    let noticed = watcher.look(ONE, late).noticed.monotonic;
    assert!((before.monotonic..=after.monotonic).contains(&noticed));
}
