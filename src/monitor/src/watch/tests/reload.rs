//! Reloads swap the pid: the new process counts, and its death is the one that matters.

use super::*;

#[test]
fn a_reload_that_swaps_the_pid_is_up_throughout() {
    under_both_means(|means| {
        let place = Place::new();
        let mut first = place.start("served");
        let mut watcher = place.watcher(means);
        place.write(first.pid());
        watcher.assert_up(&first);
        let second = place.start("served");
        place.write(second.pid());
        watcher.assert_up(&second);
        first.kill();
        watcher.assert_up(&second);
        assert_eq!(watcher.kin(ONE).unwrap().process, second.process());
    });
}

#[tokio::test]
async fn while_the_old_process_drains_the_death_of_the_new_one_is_noticed() {
    let place = Place::new();
    let first = place.start("served");
    let mut second = place.start("served");
    let mut watcher = place.watcher(Means::Auto);
    place.write(first.pid());
    watcher.assert_up(&first);
    place.write(second.pid());
    watcher.assert_up(&second);
    second.kill();
    watcher.wait_for(Change::Died(ONE)).await;
    watcher.assert_down(Cause::Gone { pid: second.pid() });
    assert!(proc::stat(first.pid()).unwrap().is_alive());
}

#[tokio::test]
async fn the_end_of_the_old_process_after_a_reload_wakes_nobody() {
    let place = Place::new();
    let mut first = place.start("served");
    let second = place.start("served");
    let mut watcher = place.watcher(Means::Auto);
    place.write(first.pid());
    watcher.assert_up(&first);
    place.write(second.pid());
    watcher.wait_for(Change::PidFile(ONE)).await;
    watcher.assert_up(&second);
    while !watcher.is_quiet().await {}
    first.kill();
    assert!(watcher.is_quiet().await);
}

#[test]
fn a_restart_by_someone_else_between_two_looks_is_seen_as_the_new_process() {
    within_runtime(|| {
        let place = Place::new();
        let mut first = place.start("served");
        let mut watcher = place.watcher(Means::Auto);
        place.write(first.pid());
        watcher.look(ONE, second(1));
        first.kill();
        let fresh = place.start("served");
        place.write(fresh.pid());
        let sight = watcher.look(ONE, second(2));
        assert_eq!(sight.verdict, Verdict::Up(fresh.process()));
        assert_eq!(sight.noticed, second(2));
        assert_eq!(sight.ended, ends::killed());
    });
}

#[test]
fn a_service_that_is_back_tells_since_when_it_was_down() {
    under_both_means(|means| {
        let place = Place::new();
        let mut first = place.start("served");
        let mut watcher = place.watcher(means);
        place.write(first.pid());
        assert_eq!(watcher.look(ONE, second(1)).noticed, second(1));
        first.kill();
        assert_eq!(watcher.look(ONE, second(2)).noticed, second(2));
        assert_eq!(watcher.look(ONE, second(3)).noticed, second(2));
        let fresh = place.start("served");
        place.write(fresh.pid());
        assert_eq!(watcher.look(ONE, second(4)).noticed, second(2));
        assert_eq!(watcher.look(ONE, second(5)).noticed, second(5));
    });
}
