//! What `changed` reports, and what it keeps quiet about.

use super::*;

#[tokio::test]
async fn a_death_is_noticed_once() {
    let place = Place::new();
    let mut daemon = place.start("served");
    let mut watcher = place.watcher(Means::Auto);
    place.write(daemon.pid());
    watcher.assert_up(&daemon);
    while !watcher.is_quiet().await {}
    daemon.kill();
    assert_eq!(watcher.next().await, Change::Died(ONE));
    assert!(watcher.is_quiet().await);
    watcher.assert_down(Cause::Gone { pid: daemon.pid() });
    assert!(watcher.is_quiet().await);
}

#[tokio::test]
async fn a_death_is_noticed_though_nobody_collects_the_zombie() {
    let place = Place::new();
    let mut daemon = place.start("served");
    let mut watcher = place.watcher(Means::Auto);
    place.write(daemon.pid());
    watcher.assert_up(&daemon);
    daemon.0.kill().unwrap();
    watcher.wait_for(Change::Died(ONE)).await;
    watcher.assert_down(Cause::Zombie { pid: daemon.pid() });
    assert!(watcher.is_quiet().await);
}

#[tokio::test]
async fn a_notice_survives_any_number_of_cancelled_waits() {
    let place = Place::new();
    let mut daemon = place.start("served");
    let mut watcher = place.watcher(Means::Auto);
    place.write(daemon.pid());
    watcher.assert_up(&daemon);
    while !watcher.is_quiet().await {}
    let mut waits = 0;
    let change = loop {
        tokio::select! {
            biased;
            () = tokio::task::yield_now() => {}
            change = watcher.changed() => break change,
        }
        waits += 1;
        if waits == 10 {
            daemon.kill();
        }
        assert!(waits < 10_000_000);
    };
    assert_eq!(change, Change::Died(ONE));
    assert!(waits >= 10);
}

#[tokio::test]
async fn every_way_of_writing_a_pid_file_is_noticed() {
    let place = Place::new();
    let mut watcher = place.watcher(Means::Auto);
    let aside = place.at("aside");
    let ways: [(&str, &dyn Fn()); 6] = [
        ("create", &|| place.write(1)),
        ("rewrite in place", &|| place.write(22)),
        ("rename over it", &|| {
            fs::write(&aside, "3").unwrap();
            fs::rename(&aside, place.pid_file()).unwrap();
        }),
        ("rename away", &|| {
            fs::rename(place.pid_file(), &aside).unwrap();
        }),
        ("link", &|| {
            fs::hard_link(&aside, place.pid_file()).unwrap();
        }),
        ("delete", &|| fs::remove_file(place.pid_file()).unwrap()),
    ];
    for (way, act) in ways {
        act();
        assert_eq!(watcher.next().await, Change::PidFile(ONE), "{way}");
        while !watcher.is_quiet().await {}
    }
}

#[tokio::test]
async fn a_daemon_that_keeps_its_pid_file_open_is_noticed_when_it_writes() {
    use std::io::Write;
    let place = Place::new();
    let mut watcher = place.watcher(Means::Auto);
    let mut file = fs::File::create(place.pid_file()).unwrap();
    watcher.wait_for(Change::PidFile(ONE)).await;
    while !watcher.is_quiet().await {}
    file.write_all(b"17\n").unwrap();
    assert_eq!(watcher.next().await, Change::PidFile(ONE));
}

#[tokio::test]
async fn many_events_about_one_pid_file_are_one_change() {
    let place = Place::new();
    let mut watcher = place.watcher(Means::Auto);
    for count in 0..20 {
        place.write(count);
        fs::remove_file(place.pid_file()).unwrap();
    }
    assert_eq!(watcher.next().await, Change::PidFile(ONE));
    assert!(watcher.is_quiet().await);
}

#[tokio::test]
async fn other_files_in_the_directory_wake_nobody() {
    let place = Place::new();
    let mut watcher = place.watcher(Means::Auto);
    for count in 0..500 {
        fs::write(place.at(&format!("other-{count}")), "x").unwrap();
    }
    assert!(watcher.is_quiet().await);
    place.write(1);
    assert_eq!(watcher.next().await, Change::PidFile(ONE));
}

#[tokio::test]
async fn services_that_share_a_pid_file_are_both_told() {
    let place = Place::new();
    let mut watcher = place.watcher(Means::Auto);
    watcher.add(2, place.target());
    place.write(1);
    let mut told = [watcher.next().await, watcher.next().await];
    told.sort_by_key(|change| *change == Change::PidFile(2));
    assert_eq!(told, [Change::PidFile(ONE), Change::PidFile(2)]);
}

#[tokio::test]
async fn a_service_that_is_no_longer_watched_is_never_reported() {
    let place = Place::new();
    let mut daemon = place.start("served");
    let mut watcher = place.watcher(Means::Auto);
    place.write(daemon.pid());
    watcher.assert_up(&daemon);
    daemon.kill();
    place.write(1);
    watcher.remove(ONE);
    assert!(watcher.is_quiet().await);
    assert_eq!(watcher.directories.as_ref().unwrap().watches(), 0);
    assert_eq!(watcher.verdict(), Verdict::Down(Cause::Unknown));
}

#[tokio::test]
async fn between_notices_nothing_runs() {
    let place = Place::new();
    let mut daemon = place.start("served");
    let mut watcher = place.watcher(Means::Auto);
    place.write(daemon.pid());
    watcher.assert_up(&daemon);
    while !watcher.is_quiet().await {}
    // A dead process's pidfd stays readable, and nobody looks.
    daemon.kill();
    assert_eq!(watcher.next().await, Change::Died(ONE));
    let mut polls = 0;
    let mut changed = std::pin::pin!(watcher.changed());
    let counted = std::future::poll_fn(|context| {
        polls += 1;
        changed.as_mut().poll(context)
    });
    let pause = tokio::time::timeout(Duration::from_millis(100), counted).await;
    assert!(pause.is_err());
    // Once to begin with, once for the last readiness that turns out empty, once for the time-out.
    assert!(polls <= 3, "{polls}");
}
