//! Which processes count as a dead service's own, and how they end.

use super::*;
use crate::Process;
use crate::restart::leftovers::Search;

/// A service whose parent process leads a group of its own and can be killed, with children.
struct Service {
    parent: Started,
    kin: Kin,
}

impl Service {
    /// Starts a parent that runs `body` as a shell of that name, and waits until `ready` are written.
    async fn start(world: &World, name: &str, body: &str, ready: &[&str]) -> Self {
        let shell = world.program(name, "/bin/sh");
        let parent = world.start(&shell, &["-c", &format!("{body}\nwait; :")]);
        for file in ready {
            world.pid(file).await;
        }
        let kin = proc::kin(parent.id()).unwrap();
        assert_eq!(kin.group, parent.id());
        Self { parent, kin }
    }

    fn kill(&mut self) {
        self.parent.kill();
    }
}

/// A child of the same name in the same group: a forked shell that waits.
const CHILD: &str = "(sh -c 'echo $PPID' > $D/child.new; mv $D/child.new $D/child
    while :; do sleep 0.1; done) &";

#[tokio::test]
async fn the_dead_ones_group_is_ended_before_the_command_runs() {
    let world = World::new();
    let mut service = Service::start(&world, "vrw-apache", CHILD, &["child"]).await;
    let child = world.pid("child").await;
    assert_eq!(stat(child).name, "vrw-apache");
    service.kill();
    assert!(is_alive(child));
    let outcome = world.end_leftovers(&service.kin).await;
    assert_eq!(outcome.exit, Some(0));
    assert!(!is_alive(child));
}

#[tokio::test]
async fn nothing_is_ended_while_the_parent_lives_or_when_it_is_switched_off() {
    let world = World::new();
    let mut service = Service::start(&world, "vrw-apache", CHILD, &["child"]).await;
    let child = world.pid("child").await;
    world.end_leftovers(&service.kin).await;
    assert!(is_alive(child));
    assert!(is_alive(service.kin.process.pid));
    service.kill();
    let settings = Settings {
        command: vec!["true".to_owned()],
        timeout: LONG,
        end_leftovers: false,
    };
    run(&settings, &world.token, Some(&service.kin), |_| false).await;
    assert!(is_alive(child));
}

#[tokio::test]
async fn a_process_of_the_same_name_in_another_group_is_spared() {
    let world = World::new();
    let mut service = Service::start(&world, "vrw-apache", CHILD, &["child"]).await;
    let stranger = world.start(
        &world.path("vrw-apache"),
        &["-c", "while :; do sleep 0.1; done"],
    );
    until("the stranger carries the name", || {
        stat(stranger.id()).name == "vrw-apache"
    })
    .await;
    service.kill();
    world.end_leftovers(&service.kin).await;
    assert!(!is_alive(world.pid("child").await));
    assert!(is_alive(stranger.id()));
}

#[tokio::test]
async fn a_process_of_the_same_group_but_another_name_is_spared() {
    let world = World::new();
    let body = format!("{CHILD}\nsh -c 'echo $$ > $D/other; exec sleep 1000' &");
    let mut service = Service::start(&world, "vrw-apache", &body, &["child", "other"]).await;
    service.kill();
    world.end_leftovers(&service.kin).await;
    assert!(!is_alive(world.pid("child").await));
    assert!(is_alive(world.pid("other").await));
}

#[tokio::test]
async fn a_group_that_the_dead_one_did_not_lead_proves_nothing() {
    let world = World::new();
    let mut service = Service::start(&world, "vrw-apache", CHILD, &["child"]).await;
    let child = world.pid("child").await;
    let mut kin = service.kin.clone();
    service.kill();
    // As if the one that died had been a mere member, or its cgroup one that everybody shares.
    kin.group += 1;
    for cgroup in [None, Some("/"), proc::cgroup(child).as_deref()] {
        kin.cgroup = cgroup.map(str::to_owned);
        world.end_leftovers(&kin).await;
        assert!(is_alive(child), "{cgroup:?}");
    }
}

#[tokio::test]
async fn a_session_that_the_dead_one_led_is_enough_proof() {
    let world = World::new();
    let shell = world.program("vrw-apache", "/bin/sh");
    let body = format!("echo $$ > $D/parent\n{CHILD}\nwait");
    let mut starter = world.start(
        Path::new("setsid"),
        &["--fork", shell.to_str().unwrap(), "-c", &body],
    );
    starter.0.wait().unwrap();
    let parent = world.pid("parent").await;
    let child = world.pid("child").await;
    let mut kin = proc::kin(parent).unwrap();
    assert_eq!((kin.session, stat(child).session), (parent, parent));
    // As if it had not led its group.
    kin.group += 1;
    kill(parent);
    until("the parent is dead", || !is_alive(parent)).await;
    world.end_leftovers(&kin).await;
    assert!(!is_alive(child));
}

#[tokio::test]
async fn a_left_over_that_ignores_sigterm_is_killed() {
    let world = World::new();
    let body = format!("trap '' TERM\n{CHILD}");
    let mut service = Service::start(&world, "vrw-apache", &body, &["child"]).await;
    service.kill();
    world.end_leftovers(&service.kin).await;
    assert!(!is_alive(world.pid("child").await));
}

#[tokio::test]
async fn a_group_in_which_the_service_is_up_again_is_spared() {
    let world = World::new();
    let mut service = Service::start(&world, "vrw-apache", CHILD, &["child"]).await;
    let group = service.kin.group;
    service.kill();
    let settings = Settings {
        command: vec!["true".to_owned()],
        timeout: LONG,
        end_leftovers: true,
    };
    run(&settings, &world.token, Some(&service.kin), |up| {
        up == group
    })
    .await;
    assert!(is_alive(world.pid("child").await));
}

/// A process of a pid that none can have, alone in its group and session.
fn seen(name: &str) -> Stat {
    Stat {
        pid: u32::MAX - 1,
        name: name.to_owned(),
        group: u32::MAX - 1,
        session: u32::MAX - 1,
        started: Duration::from_millis(10),
        ..stat(std::process::id())
    }
}

/// One that is dead, of another pid that none can have.
fn dead(cgroup: &str) -> Kin {
    Kin {
        process: Process {
            pid: u32::MAX,
            started: Duration::from_millis(10),
        },
        name: "apache2".to_owned(),
        group: 7,
        session: 7,
        cgroup: Some(cgroup.to_owned()),
    }
}

const OWN: Option<&str> = Some("/system.slice/vrwatch.service");
const APACHE: &str = "/system.slice/apache2.service";

fn is_left_over(kin: &Kin, own: Option<&str>, found: &Stat, cgroup: &str) -> bool {
    Search::new(kin, own).is_left_over(found, |_| Some(cgroup.to_owned()))
}

#[test]
fn the_cgroup_of_a_service_proves_kinship_but_no_shared_one_does() {
    let found = seen("apache2");
    assert!(is_left_over(&dead(APACHE), OWN, &found, APACHE));
    let other = "/system.slice/other.service";
    assert!(!is_left_over(&dead(APACHE), OWN, &found, other));
    let deeper = "/system.slice/apache2.service/deeper";
    assert!(!is_left_over(&dead(APACHE), OWN, &found, deeper));
    for shared in ["/", "/user.slice", "/user.slice/session-1.scope", ""] {
        assert!(!is_left_over(&dead(shared), OWN, &found, shared));
    }
    // Started by our own restart command, it lives where we live; and who does not know where that
    // is proves nothing.
    assert!(!is_left_over(&dead(APACHE), Some(APACHE), &found, APACHE));
    assert!(!is_left_over(&dead(APACHE), None, &found, APACHE));
}

#[test]
fn neither_another_name_nor_a_later_start_nor_a_zombie_is_a_left_over() {
    let kin = dead(APACHE);
    assert!(!is_left_over(&kin, OWN, &seen("apache22"), APACHE));
    let mut later = seen("apache2");
    later.started = Duration::MAX;
    assert!(!is_left_over(&kin, OWN, &later, APACHE));
    let mut zombie = seen("apache2");
    (zombie.state, zombie.threads) = ('Z', 1);
    assert!(!is_left_over(&kin, OWN, &zombie, APACHE));
}

#[test]
fn neither_we_nor_init_nor_an_ancestor_is_a_left_over() {
    let ancestors = std::iter::successors(Some(std::process::id()), |pid| {
        Some(stat(*pid).parent).filter(|parent| *parent > 0)
    });
    for pid in ancestors.chain([1]) {
        let found = Stat {
            name: "apache2".to_owned(),
            ..stat(pid)
        };
        assert!(!is_left_over(&dead(APACHE), OWN, &found, APACHE), "{pid}");
    }
}

#[test]
fn a_group_number_that_another_process_got_proves_nothing() {
    let us = stat(std::process::id());
    let mut kin = dead("/");
    // The dead one had the pid that we have now.
    kin.process.pid = us.pid;
    kin.group = us.pid;
    let found = Stat {
        group: us.pid,
        ..seen("apache2")
    };
    assert!(!is_left_over(&kin, OWN, &found, "/"));
    kin.process.pid = u32::MAX;
    kin.group = u32::MAX;
    let found = Stat {
        group: u32::MAX,
        ..seen("apache2")
    };
    assert!(is_left_over(&kin, OWN, &found, "/"));
}
