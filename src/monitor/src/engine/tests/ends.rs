//! What is said of how a service ended.

use std::process::{Child, Command};

use contract::{Cause, Ended};
use rustix::process::{PidfdFlags, pidfd_open};

use super::*;
use crate::kernel;

fn kill(child: &Child) {
    kill_process(Pid::from_child(child), Signal::KILL).unwrap();
}

/// What this kernel tells of a process that SIGKILL ended: before Linux 6.15 nothing.
fn killed() -> Ended {
    let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
    let pidfd = pidfd_open(Pid::from_child(&child), PidfdFlags::empty()).unwrap();
    kill(&child);
    child.wait().unwrap();
    kernel::ended(&pidfd).unwrap_or(Ended::Unknown)
}

#[tokio::test]
async fn a_zombie_that_is_collected_while_it_is_looked_at_again_is_told_as_gone_and_why() {
    let world = World::new();
    let path = |name: &str| world.directory.path().join(name);
    let mut daemon = Command::new(path("served")).arg("1000").spawn().unwrap();
    let pid = daemon.id();
    fs::write(path("pid"), format!("{pid}\n")).unwrap();
    let mut service = world.service();
    service.policy.recheck.attempts = 20;
    let (engine, handle) = world.engine(vec![service]);
    let story = async {
        while handle.status().await.unwrap()[0].state != "up" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        kill(&daemon);
        let found_as_zombie = || {
            let notes = world
                .journal
                .written()
                .into_iter()
                .flat_map(|one| one.notes);
            notes.flatten().any(|note| {
                let found = &note["state"]["outage"]["cause"]["found"];
                *found == "zombie"
            })
        };
        while !found_as_zombie() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        daemon.wait().unwrap();
        world.until_told(&["service_down", "restarted"]).await;
    };
    tokio::select! {
        () = engine.run() => panic!("the engine stopped"),
        () = story => {}
    }
    let facts: Vec<Fact> = world
        .journal
        .written()
        .into_iter()
        .flat_map(|one| one.facts)
        .collect();
    let Fact::ServiceDown { cause, ended, .. } = &facts[0] else {
        panic!("{facts:?}")
    };
    assert_eq!((cause, *ended), (&Cause::Gone { pid }, killed()));
}
