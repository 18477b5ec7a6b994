//! Directories of pid files come, go, move, and are reached by more than one way.

use super::*;

fn target(pid_file: &Path) -> Target {
    Target {
        process: "served".to_owned(),
        pid_file: pid_file.to_owned(),
    }
}

/// Hands out what there is, until there is nothing.
async fn settle(watcher: &mut Watcher) {
    while !watcher.is_quiet().await {}
}

#[tokio::test]
async fn a_directory_that_appears_later_is_watched_from_then_on() {
    let place = Place::new();
    let mut watcher = Watcher::new(Means::Auto).unwrap();
    let pid_file = place.at("run/deep/down/service.pid");
    watcher.add(ONE, target(&pid_file));
    let shown = |watcher: &Watcher| {
        let directories = watcher.directories.as_ref().unwrap();
        assert_eq!(directories.watches(), 1);
        directories.watched(pid_file.parent().unwrap()).unwrap()
    };
    assert_eq!(
        shown(&watcher),
        place.at("").components().collect::<PathBuf>()
    );
    fs::create_dir(place.at("run")).unwrap();
    watcher.next().await;
    assert_eq!(shown(&watcher), place.at("run"));
    fs::create_dir_all(place.at("run/deep/down")).unwrap();
    fs::write(&pid_file, "1").unwrap();
    watcher.next().await;
    while !watcher.is_quiet().await {}
    assert_eq!(shown(&watcher), place.at("run/deep/down"));
    fs::write(&pid_file, "22").unwrap();
    assert_eq!(watcher.next().await, Change::PidFile(ONE));
}

#[tokio::test]
async fn a_directory_that_is_deleted_or_moved_and_made_again_is_watched_again() {
    let place = Place::new();
    let run = place.at("run");
    fs::create_dir(&run).unwrap();
    let mut watcher = Watcher::new(Means::Auto).unwrap();
    let pid_file = run.join("service.pid");
    watcher.add(ONE, target(&pid_file));
    for round in 0..3 {
        if round == 1 {
            fs::rename(&run, place.at("old")).unwrap();
        } else {
            fs::remove_dir_all(&run).unwrap();
        }
        assert_eq!(watcher.next().await, Change::PidFile(ONE));
        while !watcher.is_quiet().await {}
        fs::create_dir(&run).unwrap();
        assert_eq!(watcher.next().await, Change::PidFile(ONE));
        while !watcher.is_quiet().await {}
        fs::write(&pid_file, "1").unwrap();
        assert_eq!(watcher.next().await, Change::PidFile(ONE));
        while !watcher.is_quiet().await {}
    }
    // What was moved away is of no interest any more.
    fs::write(place.at("old/service.pid"), "1").unwrap();
    assert!(watcher.is_quiet().await);
}

#[tokio::test]
async fn a_directory_whose_parent_was_swapped_unseen_is_found_by_a_later_look() {
    let place = Place::new();
    fs::create_dir_all(place.at("a/b")).unwrap();
    let mut watcher = Watcher::new(Means::Auto).unwrap();
    let pid_file = place.at("a/b/service.pid");
    watcher.add(ONE, target(&pid_file));
    watcher.look(ONE, second(1));
    fs::rename(place.at("a"), place.at("old")).unwrap();
    fs::create_dir_all(place.at("a/b")).unwrap();
    watcher.look(ONE, second(30));
    watcher.look(ONE, second(90));
    fs::write(place.at("old/b/service.pid"), "1").unwrap();
    assert!(watcher.is_quiet().await);
    fs::write(&pid_file, "1").unwrap();
    assert_eq!(watcher.next().await, Change::PidFile(ONE));
}

#[tokio::test]
async fn an_overflow_of_the_kernels_queue_means_look_at_everything() {
    let limit = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    let limit: usize = limit.trim().parse().unwrap();
    let place = Place::new();
    let mut watcher = place.watcher(Means::Auto);
    // Two names by turns, so that the kernel cannot merge the events.
    for count in 0..=limit / 2 {
        let name = place.at(if count % 2 == 0 { "x" } else { "y" });
        fs::write(&name, "").unwrap();
        fs::remove_file(&name).unwrap();
    }
    watcher.wait_for(Change::Everything).await;
    while !watcher.is_quiet().await {}
    place.write(1);
    assert_eq!(watcher.next().await, Change::PidFile(ONE));
}

#[tokio::test]
async fn the_same_directory_by_two_ways_takes_one_watch_and_tells_both() {
    let place = Place::new();
    fs::create_dir(place.at("run")).unwrap();
    symlink("run", place.at("var-run")).unwrap();
    let mut watcher = Watcher::new(Means::Auto).unwrap();
    watcher.add(1, target(&place.at("run/a.pid")));
    watcher.add(2, target(&place.at("var-run/b.pid")));
    assert_eq!(watcher.directories.as_ref().unwrap().watches(), 1);
    fs::write(place.at("run/b.pid"), "1").unwrap();
    assert_eq!(watcher.next().await, Change::PidFile(2));
    settle(&mut watcher).await;
    watcher.remove(2);
    fs::write(place.at("var-run/a.pid"), "1").unwrap();
    assert_eq!(watcher.next().await, Change::PidFile(1));
    settle(&mut watcher).await;
    fs::remove_dir_all(place.at("run")).unwrap();
    assert_eq!(watcher.next().await, Change::PidFile(1));
}

fn mount(arguments: &[&str], at: &Path) {
    let mut command = Command::new(arguments[0]);
    let status = command.args(&arguments[1..]).arg(at).status();
    assert!(status.unwrap().success());
}

#[test]
fn a_directory_that_is_unmounted_or_mounted_over_is_watched_again() {
    let name = "directories::a_directory_that_is_unmounted_or_mounted_over_is_watched_again";
    if !inside(&OWN_MOUNTS, name) {
        return;
    }
    run(async {
        let place = Place::new();
        let run = place.at("run");
        fs::create_dir(&run).unwrap();
        mount(&["mount", "-t", "tmpfs", "none"], &run);
        let mut watcher = Watcher::new(Means::Auto).unwrap();
        watcher.add(ONE, target(&run.join("service.pid")));
        watcher.look(ONE, second(1));

        mount(&["umount", "-n"], &run);
        assert_eq!(watcher.next().await, Change::PidFile(ONE));
        settle(&mut watcher).await;
        fs::write(run.join("service.pid"), "1").unwrap();
        assert_eq!(watcher.next().await, Change::PidFile(ONE));
        settle(&mut watcher).await;

        // Nobody is told of a mount; a later look finds it.
        mount(&["mount", "-t", "tmpfs", "none"], &run);
        watcher.look(ONE, second(90));
        fs::write(run.join("service.pid"), "1").unwrap();
        assert_eq!(watcher.next().await, Change::PidFile(ONE));
        mount(&["umount", "-n"], &run);
    });
}
