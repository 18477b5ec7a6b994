//! Whatever moment a push ends at, the router has the old file or the new one, whole.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, copy};
use tokio::net::{TcpListener, TcpStream};

use super::super::{Files, Outcome, PushError, push};
use super::{Session, Shell, World, list, services};
use crate::routers::shell::{Answer, ReachError};

/// A manager that is killed after so many calls: its session is gone without a farewell.
struct Dies {
    session: Option<Session>,
    calls_left: usize,
}

#[async_trait::async_trait]
impl Shell for Dies {
    async fn run(
        &mut self,
        program: &str,
        arguments: &[&str],
        input: &[u8],
        limit: Duration,
    ) -> Result<Answer, ReachError> {
        if self.calls_left == 0 {
            self.session = None;
        }
        let Some(session) = &mut self.session else {
            return Err(ReachError::Away("dead".to_owned()));
        };
        self.calls_left -= 1;
        session.run(program, arguments, input, limit).await
    }

    async fn close(self: Box<Self>) {}
}

#[tokio::test]
async fn a_manager_that_dies_between_any_two_steps_leaves_a_whole_file() {
    let old = list(&["one"]);
    let new = list(&["one", "two"]);
    let mut world = World::with_vrwatch(&old);
    world.run_daemon();
    let settings = world.settings("");
    let mut is_new = Vec::new();
    for calls_left in 0.. {
        let mut shell = Dies {
            session: Some(world.session().await),
            calls_left,
        };
        let result = push(&mut shell, &services(&new), &settings).await;
        let now = world.monitor_conf();
        assert!(now == old || now == new, "{now}");
        is_new.push(now == new);
        if result.is_ok() {
            break;
        }
        assert!(calls_left < 20);
        std::fs::write(world.keys.path("monitor.conf"), &old).unwrap();
    }
    // Reading, writing and checking leave the old one.
    assert_eq!(is_new[..4], [false; 4], "{is_new:?}");
    assert_eq!(is_new.last(), Some(&true), "{is_new:?}");
    assert!(
        !world.has_leftovers(),
        "the last push took away what the others left"
    );
}

#[tokio::test]
async fn what_a_killed_push_left_is_gone_after_the_next_one_though_that_has_nothing_to_send() {
    let old = list(&["one"]);
    let world = World::with_vrwatch(&old);
    let settings = world.settings("");
    // Taken away what was left before, looked for one file, twice as it is not there, and written it.
    let mut shell = Dies {
        session: Some(world.session().await),
        calls_left: 4,
    };
    let both = Files {
        services: Some(old.clone()),
        monitorservice: Some("{}".to_owned()),
    };
    let dead = push(&mut shell, &both, &settings).await;
    assert!(matches!(dead, Err(PushError::Reach(_))), "{dead:?}");
    assert!(world.has_leftovers());
    assert_eq!(world.push(&old, "").await, Ok(Outcome::Unchanged));
    assert!(!world.has_leftovers());
    assert_eq!(world.monitor_conf(), old);
}

/// Passes `bytes` on towards sshd, waits until some of them are in `file`, and cuts both ways.
async fn cut_after(bytes: u64, to: SocketAddr, file: PathBuf) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::new(127, 0, 0, 3), 0))
        .await
        .unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut manager, _) = listener.accept().await.unwrap();
        let mut sshd = TcpStream::connect(to).await.unwrap();
        let (from_manager, mut to_manager) = manager.split();
        let (mut from_sshd, mut to_sshd) = sshd.split();
        let mut some = from_manager.take(bytes);
        let forth = async {
            let _ = copy(&mut some, &mut to_sshd).await;
            while std::fs::metadata(&file).map_or(0, |part| part.len()) == 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::select! {
            () = forth => {}
            _ = copy(&mut from_sshd, &mut to_manager) => {}
        }
    });
    port
}

#[tokio::test]
async fn a_connection_cut_in_the_middle_of_a_write_leaves_the_old_file() {
    let old = list(&["one"]);
    let world = World::with_vrwatch(&old);
    let new = format!("{}{}", list(&["two"]), "# filling\n".repeat(300_000));
    let beside = world.keys.path("monitor.conf.vrwatch-new");
    let sshd = (world.router.address, world.router.port).into();
    let port = cut_after(1 << 20, sshd, beside.clone()).await;
    let mut session = world.session_at(port).await;
    let cut = push(&mut session, &services(&new), &world.settings("")).await;
    assert!(
        matches!(cut, Err(PushError::Reach(ReachError::Away(_)))),
        "{cut:?}"
    );
    assert_eq!(world.monitor_conf(), old);
    let written = std::fs::metadata(beside).unwrap();
    let whole = u64::try_from(new.len()).unwrap();
    assert!((1..whole).contains(&written.len()), "{written:?}");
    // The next push is not misled by what is left, and leaves nothing.
    let small = list(&["two"]);
    world.push(&small, "").await.unwrap();
    assert_eq!(world.monitor_conf(), small);
    assert!(!world.has_leftovers());
}

#[tokio::test]
async fn a_push_that_takes_too_long_is_given_up_and_tidied() {
    let old = list(&["one"]);
    let mut world = World::with_vrwatch(&old);
    // The check is held up, or answers without end: another program has this name.
    let folder = world.keys.path("bin");
    std::fs::create_dir(&folder).unwrap();
    std::os::unix::fs::symlink("/usr/bin/yes", folder.join("vrwatch")).unwrap();
    let path = format!("{}:/usr/bin:/bin", folder.display());
    world.router =
        crate::routers::ssh::sshd::Sshd::start_with("router", &world.keys, &["manager"], &path);
    let _ = std::fs::remove_file(world.keys.path("known_hosts"));
    let flooded = world.push(&list(&["two"]), "limit = \"20s\"").await;
    assert!(
        matches!(
            flooded,
            Err(PushError::Reach(ReachError::TooMuch(_)) | PushError::Refused(_))
        ),
        "{flooded:?}"
    );
    std::fs::remove_file(folder.join("vrwatch")).unwrap();
    let hang = "#!/bin/sh\nexec sleep 600\n";
    std::fs::write(folder.join("vrwatch"), hang).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.join("vrwatch"), mode).unwrap();
    let late = world.push(&list(&["two"]), "limit = \"1s\"").await;
    assert_eq!(
        late,
        Err(PushError::Reach(ReachError::TimedOut(Duration::from_secs(
            1
        ))))
    );
    assert_eq!(world.monitor_conf(), old);
    assert!(!world.has_leftovers());
}
