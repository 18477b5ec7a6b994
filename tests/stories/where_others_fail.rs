//! What makes other monitors late or blind: a start that hangs, a receiver that stays silent, a pid
//! that is used again, a hand-over that is cut short, a zombie, a reload with a mistake in it.

use std::os::unix::net::UnixDatagram;
use std::process::Stdio;

use contract::{Cause, Fact};

use crate::harness::{CONFIG, Config, Peer, Router, Vrwatch, about, eventually, kinds};

const BACK: [&str; 2] = ["service_down", "restarted"];

#[test]
fn a_start_that_hangs_holds_up_no_other_service() {
    let router = Router::running(&[Peer::Sshd, Peer::Haproxy]);
    router.write("/etc/init.d/ssh", "#!/bin/sh\nexec sleep 600\n");
    let peers = [Peer::Sshd, Peer::Haproxy];
    let mut vrwatch = Vrwatch::start(&router, &peers, &Config::short());
    router.kill9(Peer::Sshd);
    eventually(
        "the restart of sshd hangs",
        || (!router.pids_named("sleep").is_empty()).then_some(()),
        || router.processes(),
    );
    router.kill9(Peer::Haproxy);
    let events = vrwatch.until_told(Peer::Haproxy, &BACK);
    assert_eq!(kinds(&events), BACK);
    let ssh = about(&vrwatch.events(), Peer::Sshd);
    assert_eq!(kinds(&ssh), ["service_down"], "it still hangs");
    // Ended in order, it does not wait for what hangs.
    assert!(vrwatch.term().success());
}

#[test]
fn a_receiver_that_stays_silent_holds_nothing_up() {
    let router = Router::running(&[Peer::Haproxy]);
    // It is there, and never reads: its queue is full after a few lines.
    let silent = UnixDatagram::bind(router.path("/run/silent")).unwrap();
    let config = Config::short().and(
        "[monitor]\ncrash_loop = { restarts = 50, within = \"10m\" }\n\
         [sink.local.syslog]\ntarget = \"unix:/run/silent\"",
    );
    let vrwatch = Vrwatch::start(&router, &[Peer::Haproxy], &config);
    let mut told = Vec::new();
    for _ in 0..12 {
        router.until_it_answers(Peer::Haproxy);
        router.kill9(Peer::Haproxy);
        told.extend(BACK);
        vrwatch.until_told(Peer::Haproxy, &told);
    }
    drop(silent);
}

#[test]
fn a_pid_that_is_used_again_is_not_taken_for_the_service() {
    let peer = Peer::Dnsmasq;
    let router = Router::running(&[peer]);
    let mut vrwatch = Vrwatch::start(&router, &[peer], &Config::short());
    // While nobody watches, the service dies and its number goes to another process.
    vrwatch.kill9();
    let pid = router.kill9(peer);
    eventually(
        "it has ended",
        || router.state(pid).is_none().then_some(()),
        || router.processes(),
    );
    router.stranger_as(pid);
    vrwatch.start_again();
    vrwatch.until_told(peer, &BACK);
    assert_ne!(router.until_it_answers(peer), pid);
    assert!(router.is_alive(pid), "the stranger was left alone");
    let events = vrwatch.told_in_all(peer);
    let Fact::ServiceDown { cause, .. } = &events[0].fact else {
        panic!("{events:#?}")
    };
    let name = "sleep".to_owned();
    assert_eq!(*cause, Cause::OtherProcess { pid, name });
}

#[test]
fn a_successor_that_dies_while_its_predecessor_still_drains_is_noticed() {
    let peer = Peer::Haproxy;
    let router = Router::running(&[Peer::Sshd]);
    router.write(
        peer.config_file(),
        "global\n  user haproxy\n  group haproxy\n\
         defaults\n  mode tcp\n  timeout connect 10m\n  timeout client 10m\n  timeout server 10m\n\
         listen long\n  bind 127.0.0.1:8080\n  server ssh 127.0.0.1:3922\n",
    );
    let first = router.start(peer);
    let mut client = router
        .command(["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080; cat <&3"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut greeting = [0; 4];
    std::io::Read::read_exact(client.stdout.as_mut().unwrap(), &mut greeting).unwrap();
    let mut vrwatch = Vrwatch::start(&router, &[peer], &Config::short());

    router.service(peer, "reload").expect_success();
    let second = router.until_it_answers(peer);
    assert_ne!(first, second);
    router.kill9(peer);
    vrwatch.until_told(peer, &BACK);
    let third = router.until_it_answers(peer);
    assert!(third != first && third != second);
    assert!(router.is_alive(first), "it still drains");
    let events = vrwatch.told_in_all(peer);
    assert!(
        matches!(events[0].fact, Fact::ServiceDown { last_pid, .. } if last_pid == Some(second)),
        "{events:#?}"
    );
    client.kill().unwrap();
    client.wait().unwrap();
}

#[test]
fn a_zombie_that_nobody_collects_is_dead() {
    let peer = Peer::Sshd;
    let router = Router::boot_without_reaper();
    router.start(peer);
    let mut vrwatch = Vrwatch::start(&router, &[peer], &Config::short());
    let killed = router.kill9(peer);
    vrwatch.until_told(peer, &BACK);
    assert_eq!(router.state(killed), Some('Z'));
    assert_ne!(router.until_it_answers(peer), killed);
    let events = vrwatch.told_in_all(peer);
    assert!(
        matches!(events[0].fact, Fact::ServiceDown { cause: Cause::Zombie { pid }, .. } if pid == killed),
        "{events:#?}"
    );
}

#[test]
fn a_reload_with_a_mistake_in_it_leaves_the_old_configuration_at_work() {
    let peer = Peer::Sshd;
    let router = Router::running(&[peer]);
    let mut vrwatch = Vrwatch::start(&router, &[peer], &Config::short());
    router.write(CONFIG, "[monitor]\nservces = \"/etc/monitor.conf\"\n");
    router.signal(vrwatch.pid(), "HUP");
    eventually(
        "it says what is wrong",
        || vrwatch.stderr().contains("servces").then_some(()),
        || vrwatch.stderr(),
    );
    // The mistake is in the file that the commands read as well, so it is mended before they ask.
    Vrwatch::install(&router, &[peer], &Config::short());
    router.kill9(peer);
    vrwatch.until_told(peer, &BACK);
    assert_eq!(kinds(&vrwatch.told_in_all(peer)), BACK);
}

#[test]
fn a_thousand_processes_that_are_none_of_its_business_cost_it_nothing() {
    const STRANGERS: usize = 1000;
    let peer = Peer::Haproxy;
    let router = Router::running(&[peer]);
    let mut strangers = router
        .command([
            "sh",
            "-c",
            "i=0; while [ $i -lt 1000 ]; do sleep 600 & i=$((i+1)); done; wait",
        ])
        .spawn()
        .unwrap();
    eventually(
        "a thousand strangers run",
        || (router.pids_named("sleep").len() >= STRANGERS).then_some(()),
        || router.processes(),
    );
    let vrwatch = Vrwatch::start(&router, &[peer], &Config::short());
    let before = reads(&router, vrwatch.pid());
    router.kill9(peer);
    vrwatch.until_told(peer, &BACK);
    // One look at each of them would be a thousand reads.
    let reads = reads(&router, vrwatch.pid()) - before;
    assert!(reads < 500, "{reads} reads for one outage");
    strangers.kill().unwrap();
    strangers.wait().unwrap();
}

/// How many times a process's main thread has read anything since it started. The process's own
/// count would hold the reads of the commands it ran, and Debian's script does read every process.
fn reads(router: &Router, pid: u32) -> usize {
    let io = router
        .run(["cat", &format!("/proc/{pid}/task/{pid}/io")])
        .output();
    io.lines()
        .find_map(|line| line.strip_prefix("syscr: "))
        .expect("the kernel counts reads")
        .parse()
        .unwrap()
}
