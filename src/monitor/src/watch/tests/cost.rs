//! A thousand services: exactly the right one is reported, and what a look costs is printed.

use rustix::time::{ClockId, clock_gettime};

use super::*;

const MANY: u32 = 1_000;

struct Crowd {
    place: Place,
    daemons: Vec<Daemon>,
    watcher: Watcher,
}

impl Crowd {
    fn gather(means: Means) -> Self {
        crate::raise_file_limit();
        let place = Place::new();
        let mut watcher = Watcher::new(means).unwrap();
        let mut daemons = Vec::new();
        for id in 0..MANY {
            let daemon = place.start("served");
            let pid_file = place.at(&format!("{id}.pid"));
            fs::write(&pid_file, format!("{}\n", daemon.pid())).unwrap();
            let process = "served".to_owned();
            watcher.add(id, Target { process, pid_file });
            daemons.push(daemon);
        }
        Self {
            place,
            daemons,
            watcher,
        }
    }

    fn look_at_all(&mut self) {
        let now = now();
        for (id, daemon) in (0..).zip(&self.daemons) {
            let Verdict::Up(process) = self.watcher.look(id, now).verdict else {
                panic!("{id} is up");
            };
            assert_eq!(process.pid, daemon.pid());
        }
    }
}

/// The CPU time of this thread, in milliseconds.
fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        time.tv_sec.try_into().unwrap(),
        time.tv_nsec.try_into().unwrap(),
    )
    .as_secs_f64()
        * 1_000.0
}

#[tokio::test]
async fn of_a_thousand_services_exactly_those_that_died_are_reported() {
    let mut crowd = Crowd::gather(Means::Auto);
    crowd.look_at_all();
    assert_eq!(crowd.watcher.directories.as_ref().unwrap().watches(), 1);
    while !crowd.watcher.is_quiet().await {}
    crowd.daemons[617].kill();
    assert_eq!(crowd.watcher.next().await, Change::Died(617));
    assert!(crowd.watcher.is_quiet().await);
    fs::write(crowd.place.at("42.pid"), "garbage").unwrap();
    assert_eq!(crowd.watcher.next().await, Change::PidFile(42));

    for daemon in &mut crowd.daemons {
        daemon.0.kill().unwrap();
    }
    let mut died: Vec<Id> = Vec::new();
    while died.len() < 999 {
        match crowd.watcher.next().await {
            Change::Died(id) => died.push(id),
            change => assert_eq!(change, Change::PidFile(42)),
        }
    }
    died.sort_unstable();
    died.dedup();
    assert_eq!(died.len(), 999);
    assert!(crowd.watcher.is_quiet().await);
}

#[test]
fn the_cost_of_a_thousand_looks_is_printed() {
    under_both_means(|means| {
        let mut crowd = Crowd::gather(means);
        let start = cpu();
        crowd.look_at_all();
        let first = cpu() - start;
        let mut best = f64::MAX;
        let mut all = 0.0;
        for _ in 0..20 {
            let start = cpu();
            crowd.look_at_all();
            let spent = cpu() - start;
            best = best.min(spent);
            all += spent / 20.0;
        }
        println!(
            "{means:?}: {MANY} looks cost {first:.2} ms of CPU at first, then {all:.2} ms (at best {best:.2})"
        );
    });
}
