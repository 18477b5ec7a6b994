//! A manager that is killed: of its visits nothing outlives the call that was under way.

use std::process::{Command, Stdio};

use super::super::sshd::{Sshd, until};
use super::{LONG, World};
use crate::routers::shell::Shell as _;
use crate::routers::ssh::{Ssh, Way, config};

/// Set for the manager that is to be killed: its settings and the router's address.
const SETTINGS: &str = "VRWATCH_TEST_SETTINGS";
const ADDRESS: &str = "VRWATCH_TEST_ADDRESS";

/// Visits until it is killed.
async fn be_killed(settings: &str) {
    let settings: config::Ssh = toml::from_str(settings).unwrap();
    let address = std::env::var(ADDRESS).unwrap().parse().unwrap();
    let way = Way::Direct { address };
    let mut session = Ssh::new(settings).visit("r-1-VM", &way).await.unwrap();
    loop {
        session.run("sleep", &["3"], &[], LONG).await.unwrap();
    }
}

#[tokio::test]
async fn no_session_outlives_a_killed_manager_and_its_last_call() {
    if let Ok(settings) = std::env::var(SETTINGS) {
        return be_killed(&settings).await;
    }
    let world = World::new();
    let folder = world.keys.folder.path().display();
    let settings = format!(
        "port = {}\nkey_file = \"{folder}/manager\"\nknown_hosts = \"{folder}/known_hosts\"",
        world.router.port
    );
    // The manager is this very test, told to be one.
    let name =
        "routers::ssh::tests::killed::no_session_outlives_a_killed_manager_and_its_last_call";
    let mut manager = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name])
        .env(SETTINGS, settings)
        .env(ADDRESS, world.router.address.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("the manager's visit is under way", || {
        runs_a_program(&world.router)
    });
    manager.kill().unwrap();
    manager.wait().unwrap();
    until("the router has no session left", || {
        world.router.sessions().is_empty()
    });
}

/// Whether a session's shell has started something.
fn runs_a_program(router: &Sshd) -> bool {
    router.sessions().iter().any(|pid| {
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        children.unwrap_or_default().split_whitespace().count() >= 2
    })
}
