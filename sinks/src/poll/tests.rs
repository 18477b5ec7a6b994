//! The log under everything that happens to a log: full disks, links, rotation by us and by
//! others, torn lines, deletion, batches that come again.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;

use contract::{DeliverError, Event, Sink};

use super::*;
use crate::examples::{self, event};

struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn before(&self) -> PathBuf {
        self.folder.path().join("log.1")
    }

    fn sink(&self) -> Poll {
        self.sink_of(256 << 10)
    }

    fn sink_of(&self, max_size: u64) -> Poll {
        Poll {
            log: Arc::new(Log::new(self.log(), max_size)),
            info: false,
            writing: None,
            search: true,
            reached: 0,
        }
    }

    /// The ids in the log, in order; every line must be whole.
    fn ids(&self) -> Vec<String> {
        ids_in(&fs::read_to_string(self.log()).unwrap())
    }
}

fn ids_in(text: &str) -> Vec<String> {
    assert!(text.is_empty() || text.ends_with('\n'), "{text:?}");
    text.lines()
        .flat_map(|line| line::ids(line).map(str::to_owned))
        .collect()
}

fn down(seq: u64) -> Event {
    event(seq, examples::service_down())
}

fn names(seqs: impl IntoIterator<Item = u64>) -> Vec<String> {
    seqs.into_iter().map(|seq| format!("event-{seq}")).collect()
}

#[tokio::test]
async fn a_log_that_ends_in_very_many_zeros_is_cut_in_moments() {
    let world = World::new();
    let mut sink = world.sink();
    sink.deliver(&[down(1)]).await.unwrap();
    let log = fs::OpenOptions::new()
        .write(true)
        .open(world.log())
        .unwrap();
    // To read as much would take days.
    log.set_len(1 << 40).unwrap();
    world.sink().deliver(&[down(1), down(2)]).await.unwrap();
    assert_eq!(world.ids(), names(1..=2));
}

async fn refusal(sink: &mut Poll) -> String {
    match sink.deliver(&[down(1)]).await {
        Err(DeliverError::Later { cause, .. }) => cause,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_new_log_is_readable_by_its_group_and_by_nobody_else() {
    let world = World::new();
    world.sink().deliver(&[down(1), down(2)]).await.unwrap();
    assert_eq!(world.ids(), names([1, 2]));
    let mode = fs::metadata(world.log()).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o640);
}

#[tokio::test]
async fn what_comes_again_after_a_restart_is_written_once() {
    let world = World::new();
    world.sink().deliver(&[down(1), down(2)]).await.unwrap();
    let mut sink = world.sink();
    sink.deliver(&[down(1)]).await.unwrap();
    sink.deliver(&[down(2), down(3)]).await.unwrap();
    sink.deliver(&[down(3), down(4)]).await.unwrap();
    sink.deliver(&[down(5)]).await.unwrap();
    assert_eq!(world.ids(), names(1..=5));
    assert!(!sink.search, "from here on everything is new");
}

#[tokio::test]
async fn half_of_a_line_that_told_two_events_is_told_again_with_the_missing_half() {
    let world = World::new();
    let failed = event(1, examples::restart_failed("no"));
    let held_off = event(2, examples::unmonitored());
    world
        .sink()
        .deliver(std::slice::from_ref(&failed))
        .await
        .unwrap();
    world.sink().deliver(&[failed, held_off]).await.unwrap();
    assert_eq!(world.ids(), names([1, 1, 2]), "never less than all");
}

#[tokio::test]
async fn a_line_torn_at_any_byte_is_whole_after_the_next_delivery() {
    let world = World::new();
    world.sink().deliver(&[down(1), down(2)]).await.unwrap();
    let whole = fs::read(world.log()).unwrap();
    for cut in 0..whole.len() {
        for zeros in [0, 5000] {
            let torn = [&whole[..cut], &vec![0; zeros]].concat();
            fs::write(world.log(), torn).unwrap();
            world.sink().deliver(&[down(1), down(2)]).await.unwrap();
            assert_eq!(fs::read(world.log()).unwrap(), whole, "cut at {cut}");
        }
    }
}

#[tokio::test]
async fn a_torn_line_of_somebody_else_is_ended_and_kept() {
    let world = World::new();
    fs::write(world.log(), "2026-11-22 11:47:33,207 [INFO] [hapr").unwrap();
    world.sink().deliver(&[down(1)]).await.unwrap();
    let text = fs::read_to_string(world.log()).unwrap();
    assert!(
        text.starts_with("2026-11-22 11:47:33,207 [INFO] [hapr\n2026-"),
        "{text}"
    );
    assert_eq!(world.ids(), names([1]));
    fs::write(world.log(), "x".repeat(100_000)).unwrap();
    world.sink().deliver(&[down(1)]).await.unwrap();
    assert_eq!(world.ids(), names([1]));
}

#[tokio::test]
async fn a_log_that_grows_too_large_is_moved_aside_and_both_together_stay_bounded() {
    let world = World::new();
    let mut sink = world.sink_of(8 * 1024);
    let mut first_rotation = None;
    for seq in 1..=200 {
        sink.deliver(&[down(seq)]).await.unwrap();
        assert!(fs::metadata(world.log()).unwrap().len() <= 8 * 1024);
        if world.before().exists() && first_rotation.is_none() {
            first_rotation = Some(seq);
            // Everything up to here is in one of the two, once.
            let mut all = ids_in(&fs::read_to_string(world.before()).unwrap());
            all.extend(world.ids());
            assert_eq!(all, names(1..=seq));
        }
    }
    assert!(first_rotation.is_some());
    assert!(fs::metadata(world.before()).unwrap().len() <= 8 * 1024);
    assert_eq!(fs::metadata(world.log()).unwrap().mode() & 0o7777, 0o640);
}

#[tokio::test]
async fn what_was_moved_aside_is_not_written_again_either() {
    let world = World::new();
    let batch: Vec<Event> = (1..=40).map(down).collect();
    world.sink_of(16 * 1024).deliver(&batch).await.unwrap();
    fs::rename(world.log(), world.before()).unwrap();
    let mut sink = world.sink_of(16 * 1024);
    sink.deliver(&batch).await.unwrap();
    sink.deliver(&[down(41)]).await.unwrap();
    assert_eq!(world.ids(), names([41]));
}

#[tokio::test]
async fn a_log_that_is_moved_deleted_or_emptied_under_us_is_begun_anew() {
    let world = World::new();
    let mut sink = world.sink();
    sink.deliver(&[down(1)]).await.unwrap();
    fs::rename(world.log(), world.folder.path().join("elsewhere")).unwrap();
    sink.deliver(&[down(2)]).await.unwrap();
    assert_eq!(world.ids(), names([2]));
    fs::remove_file(world.log()).unwrap();
    sink.deliver(&[down(3)]).await.unwrap();
    assert_eq!(world.ids(), names([3]));
    fs::write(world.log(), "").unwrap();
    sink.deliver(&[down(4)]).await.unwrap();
    assert_eq!(world.ids(), names([4]));
}

#[tokio::test]
async fn a_link_is_not_followed_and_what_it_leads_to_stays_as_it_was() {
    let world = World::new();
    let target = world.folder.path().join("shadow");
    fs::write(&target, "root:x").unwrap();
    symlink(&target, world.log()).unwrap();
    let cause = refusal(&mut world.sink()).await;
    assert!(cause.contains("is a symbolic link"), "{cause}");
    symlink(&target, world.before()).unwrap();
    fs::remove_file(world.log()).unwrap();
    let mut sink = world.sink_of(1024);
    for seq in 1..20 {
        sink.deliver(&[down(seq)]).await.unwrap();
    }
    assert!(
        !world.before().is_symlink(),
        "the rotation replaced the link"
    );
    assert_eq!(fs::read_to_string(&target).unwrap(), "root:x");
}

#[tokio::test]
async fn a_pipe_a_folder_and_a_missing_folder_are_told_in_words_and_hold_nothing_up() {
    let world = World::new();
    fs::create_dir(world.log()).unwrap();
    let cause = refusal(&mut world.sink()).await;
    assert!(cause.contains("no regular file"), "{cause}");
    fs::remove_dir(world.log()).unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(world.log())
        .status()
        .unwrap();
    assert!(made.success());
    let cause = refusal(&mut world.sink()).await;
    assert!(cause.contains("no regular file"), "{cause}");
    let mut sink = Poll {
        log: Arc::new(Log::new(world.folder.path().join("no/log"), 1 << 20)),
        ..world.sink()
    };
    let cause = refusal(&mut sink).await;
    assert!(
        cause.ends_with("no: there is no such folder: make it"),
        "{cause}"
    );
}

#[tokio::test]
async fn a_full_disk_says_later_and_everything_is_there_once_when_there_is_room_again() {
    // The kernel's own full disk.
    let mut full = Poll {
        log: Arc::new(Log::new("/dev/full".into(), 1 << 20)),
        ..World::new().sink()
    };
    let cause = refusal(&mut full).await;
    assert!(cause.contains("no regular file"), "{cause}");
    // A file that may not grow: the same to whoever writes, in a process of its own.
    let world = World::new();
    let ended = std::process::Command::new("bash")
        .args(["-c", "ulimit -f 4; trap '' XFSZ; exec \"$0\" --exact poll::killed_tests::a_writer_for_other_tests"])
        .arg(std::env::current_exe().unwrap())
        .env("VRWATCH_TEST_WRITER", world.folder.path())
        .env("VRWATCH_TEST_WRITER_STOPS_AT_ERROR", "1")
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{words}");
    let refused = fs::read_to_string(world.folder.path().join("refused")).unwrap();
    assert!(refused.contains("cannot write to it"), "{refused}");
    let reached: u64 = fs::read_to_string(world.folder.path().join("cursor"))
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(
        world.ids(),
        names(1..=reached),
        "the part that fitted is cut off again"
    );
    let rest: Vec<Event> = (reached + 1..=reached + 5).map(down).collect();
    world.sink().deliver(&rest).await.unwrap();
    assert_eq!(world.ids(), names(1..=reached + 5));
}

#[tokio::test]
async fn two_processes_that_write_the_same_log_take_turns() {
    let world = World::new();
    let (mut one, mut other) = (world.sink_of(4096), world.sink_of(4096));
    for seq in 0..50 {
        let (batch_one, batch_other) = ([down(2 * seq + 1)], [down(2 * seq + 2)]);
        let (first, second) = tokio::join!(one.deliver(&batch_one), other.deliver(&batch_other));
        first.unwrap();
        second.unwrap();
    }
    let mut all = ids_in(&fs::read_to_string(world.before()).unwrap());
    all.extend(world.ids());
    let last = all.len();
    let mut distinct = all.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), last, "{all:?}");
    assert!(all.contains(&"event-100".to_owned()) && all.contains(&"event-99".to_owned()));
}

#[tokio::test]
async fn a_delivery_that_was_given_up_is_finished_before_the_next_begins() {
    let world = World::new();
    let mut sink = world.sink();
    for seq in 1..=50 {
        let batch = [down(seq), down(seq + 1)];
        let given_up = tokio::time::timeout(Duration::ZERO, sink.deliver(&batch)).await;
        if given_up.is_err() {
            sink.deliver(&batch).await.unwrap();
        }
        assert_eq!(world.ids(), names(1..=seq + 1));
        sink.search = true;
    }
}

#[tokio::test]
async fn what_is_no_alert_makes_no_log() {
    let world = World::new();
    world
        .sink()
        .deliver(&[event(1, examples::restarted())])
        .await
        .unwrap();
    assert!(!world.log().exists());
}
