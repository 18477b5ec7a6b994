//! Without pidfds, or with too few files for them, looks still work.

use super::*;

#[tokio::test]
async fn with_sweeps_only_nothing_is_ever_reported_between_looks() {
    let place = Place::new();
    let mut daemon = place.start("served");
    let mut watcher = place.watcher(Means::SweepOnly);
    place.write(daemon.pid());
    watcher.assert_up(&daemon);
    daemon.kill();
    place.write("1");
    assert!(watcher.is_quiet().await);
    assert!(watcher.poller.is_none() && watcher.directories.is_none());
}

#[tokio::test]
async fn a_service_for_which_no_file_is_left_is_swept_and_the_others_are_noticed() {
    let place = Place::new();
    let mut first = place.start("served");
    let mut other = place.start("served");
    let mut watcher = place.watcher(Means::Auto);
    let pid_file = place.at("other.pid");
    fs::write(&pid_file, other.pid().to_string()).unwrap();
    let process = "served".to_owned();
    watcher.add(2, Target { process, pid_file });
    assert_eq!(watcher.look(2, now()).verdict, Verdict::Up(other.process()));

    watcher.poller.as_mut().unwrap().allow_files_below(0);
    place.write(first.pid());
    for _ in 0..2 {
        watcher.assert_up(&first);
    }
    first.kill();
    other.kill();
    watcher.wait_for(Change::Died(2)).await;
    watcher.assert_down(Cause::Gone { pid: first.pid() });

    // Files are free again: the next process is noticed again.
    watcher.poller.as_mut().unwrap().allow_files_below(u64::MAX);
    let mut again = place.start("served");
    place.write(again.pid());
    watcher.assert_up(&again);
    again.kill();
    watcher.wait_for(Change::Died(ONE)).await;
}

#[tokio::test]
async fn a_service_that_was_swept_only_is_armed_as_soon_as_a_file_is_free() {
    let place = Place::new();
    let mut daemon = place.start("served");
    let mut watcher = place.watcher(Means::Auto);
    place.write(daemon.pid());
    watcher.poller.as_mut().unwrap().allow_files_below(0);
    watcher.assert_up(&daemon);
    watcher.poller.as_mut().unwrap().allow_files_below(u64::MAX);
    watcher.assert_up(&daemon);
    daemon.kill();
    watcher.wait_for(Change::Died(ONE)).await;
}

#[test]
fn the_limit_of_files_is_raised_and_never_lowered() {
    use rustix::process::{Resource, getrlimit};
    let before = getrlimit(Resource::Nofile);
    crate::raise_file_limit();
    let after = getrlimit(Resource::Nofile);
    assert!(after.current.unwrap_or(u64::MAX) >= before.current.unwrap_or(u64::MAX));
    assert_eq!(after.maximum, before.maximum);
}
