//! Hold-offs, an operator's holds, and services that leave the configuration.

use super::story::{NOTHING, Story, outcome};
use crate::judge::{Observation, Phase};

const HALF_PAST: u64 = 7000 + 30 * 60 * 1000;

#[test]
fn during_a_hold_off_nothing_seen_decides_anything() {
    let mut story = Story::held_off();
    let phase = story.state.phase();
    assert_eq!(story.at(8000).up(8), NOTHING);
    assert_eq!(story.at(9000).down(), NOTHING);
    assert_eq!(story.at(10_000).up(9), NOTHING);
    assert_eq!(story.state.phase(), phase);
    assert_eq!(story.state.last_process().unwrap().pid, 9);
    assert!(story.state.is_quiet() && story.state.must_be_kept());
    assert_eq!(story.due(), Some(HALF_PAST));
}

#[test]
fn after_a_hold_off_a_service_found_up_is_watched_again_and_its_outage_is_over() {
    let mut story = Story::held_off();
    assert_eq!(story.wait(), ["look"]);
    assert_eq!(story.up(9), ["remonitored up as 9"]);
    assert_eq!(story.state.outage(), None);
    assert!(matches!(story.state.phase(), Phase::Up { .. }));
}

#[test]
fn after_a_hold_off_a_service_found_down_is_restarted_at_once_and_its_outage_goes_on() {
    let mut story = Story::held_off();
    let outage = story.state.outage().unwrap().to_owned();
    assert_eq!(story.wait(), ["look"]);
    assert_eq!(story.down(), ["remonitored down", "restart 1"]);
    assert_eq!(story.state.outage(), Some(outage.as_str()));
    story.command_ended(outcome(0));
    story.up(8);
    story.wait();
    assert_eq!(story.up(8), ["restarted as 8 by 1 after 1807s"]);
}

#[test]
fn a_second_failure_is_told_again_with_a_second_hold_off() {
    let mut story = Story::held_off();
    story.wait();
    story.down();
    story.command_ended(outcome(1));
    story.down();
    let told = story.at(HALF_PAST + 2000).down();
    assert_eq!(
        told,
        [
            "failed 1 times: exit 1",
            "unmonitored until 2026-11-22T12:00:09.000Z: RestartFailed"
        ]
    );
}

#[test]
fn a_step_of_the_wall_clock_moves_no_hold_off() {
    for wall in ["1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z"] {
        let mut story = Story::held_off();
        story.wall = wall.parse().unwrap();
        assert_eq!(
            story.at(HALF_PAST - 1).give(Observation::TimePassed),
            NOTHING
        );
        assert_eq!(story.down(), NOTHING);
        assert_eq!(story.at(HALF_PAST).give(Observation::TimePassed), ["look"]);
        assert_eq!(story.down(), ["remonitored down", "restart 1"]);
    }
}

#[test]
fn a_hold_is_told_with_its_end_and_the_operators_words() {
    let mut story = Story::running();
    assert_eq!(
        story.hold(Some(600_000), "upgrade"),
        ["unmonitored until 2026-11-22T11:10:00.000Z: upgrade, no outage"]
    );
    assert!(story.state.must_be_kept() && story.state.is_quiet());
    assert_eq!(story.at(1000).down(), NOTHING);
}

#[test]
fn a_second_hold_is_told_only_when_it_differs() {
    let mut story = Story::running();
    story.hold(None, "upgrade");
    assert_eq!(story.hold(None, "upgrade"), NOTHING);
    assert_eq!(story.hold(None, "lunch").len(), 1);
    assert_eq!(story.hold(Some(5000), "lunch").len(), 1);
    assert_eq!(story.due(), Some(5000));
}

#[test]
fn a_hold_while_checking_ends_the_outage_that_nobody_was_told_of() {
    let mut story = Story::running();
    story.down();
    assert_eq!(story.hold(None, "mine"), ["unmonitored: mine, no outage"]);
    assert_eq!(story.state.outage(), None);
}

#[test]
fn a_hold_leaves_a_running_command_alone_and_its_end_decides_nothing() {
    let mut story = Story::restarting();
    assert_eq!(story.hold(None, "mine"), ["unmonitored: mine"]);
    assert!(story.state.restart_running() && !story.state.is_quiet());
    assert_eq!(story.at(6000).command_ended(outcome(0)), NOTHING);
    assert!(!story.state.restart_running() && story.state.is_quiet());
    assert!(matches!(story.state.phase(), Phase::Held { .. }));
}

#[test]
fn a_release_looks_first_and_ends_the_open_outage_when_the_service_runs() {
    let mut story = Story::restarting();
    story.hold(None, "mine");
    story.at(6000).command_ended(outcome(0));
    assert_eq!(story.at(7000).give(Observation::Released), ["look"]);
    assert_eq!(story.up(8), ["remonitored up as 8"]);
    assert_eq!(story.state.outage(), None);
}

#[test]
fn a_release_goes_on_restarting_what_was_told_as_down() {
    let mut story = Story::restarting();
    story.hold(None, "mine");
    story.at(6000).command_ended(outcome(1));
    story.give(Observation::Released);
    assert_eq!(story.down(), ["remonitored down", "restart 1"]);
}

#[test]
fn a_release_checks_anew_what_was_up_when_it_was_held() {
    let mut story = Story::running();
    story.hold(None, "mine");
    assert_eq!(story.at(1000).give(Observation::Released), ["look"]);
    assert_eq!(story.down(), ["remonitored down, no outage"]);
    assert_eq!(story.state.phase(), Phase::Checking);
    assert_eq!(story.due(), Some(2000));
}

#[test]
fn a_hold_that_runs_out_is_a_release() {
    let mut story = Story::running();
    story.hold(Some(5000), "mine");
    assert_eq!(story.wait(), ["look"]);
    assert_eq!(story.up(7), ["remonitored up as 7, no outage"]);
}

#[test]
fn a_release_ends_an_automatic_hold_off_early() {
    let mut story = Story::held_off();
    assert_eq!(story.at(8000).give(Observation::Released), ["look"]);
    assert_eq!(story.up(8), ["remonitored up as 8"]);
}

#[test]
fn a_release_of_what_is_not_held_does_nothing() {
    for mut story in [Story::new(), Story::running(), Story::restarting()] {
        let before = story.state.clone();
        assert_eq!(story.give(Observation::Released), NOTHING);
        assert_eq!(story.state, before);
    }
}

#[test]
fn a_release_while_the_old_command_runs_waits_for_it_instead_of_starting_a_second() {
    let mut story = Story::restarting();
    story.hold(None, "mine");
    story.at(6000).give(Observation::Released);
    assert_eq!(story.down(), ["remonitored down"]);
    assert_eq!(story.at(6500).down(), NOTHING);
    assert_eq!(story.at(7000).command_ended(outcome(1)), ["look"]);
    story.down();
    assert_eq!(story.at(9000).down(), NOTHING);
    assert_eq!(story.wait(), ["look"]);
    assert_eq!(story.down(), ["restart 2"]);
}

#[test]
fn a_service_found_up_while_an_old_command_still_runs_is_looked_at_again_when_it_ends() {
    let mut story = Story::restarting();
    story.hold(None, "mine");
    story.at(6000).give(Observation::Released);
    assert_eq!(story.up(8), ["remonitored up as 8"]);
    assert_eq!(story.at(7000).command_ended(outcome(1)), ["look"]);
    assert_eq!(story.down(), NOTHING);
    assert_eq!(story.state.phase(), Phase::Checking);
}

#[test]
fn a_removed_service_takes_leave_of_an_outage_that_was_told() {
    let mut story = Story::held_off();
    assert_eq!(story.give(Observation::Removed), ["unmonitored: Removed"]);
    assert_eq!(story.state.phase(), Phase::Unknown);
    assert!(!story.state.must_be_kept());
}

#[test]
fn a_removed_service_says_nothing_of_an_outage_that_was_not_told() {
    let mut story = Story::running();
    story.down();
    assert_eq!(story.give(Observation::Removed), [LEAVE]);
    assert_eq!(story.state.outage(), None);
}

/// What a service that is up says when it is removed.
const LEAVE: &str = "unmonitored: Removed, no outage";

#[test]
fn a_service_that_was_watched_says_once_that_it_no_longer_is() {
    let mut up = Story::running();
    let mut held = Story::running();
    held.hold(None, "mine");
    let mut held_for_a_time = Story::running();
    held_for_a_time.hold(Some(60_000), "mine");
    for story in [&mut up, &mut held, &mut held_for_a_time] {
        assert_eq!(story.at(1000).give(Observation::Removed), [LEAVE]);
        assert_eq!(story.state.phase(), Phase::Unknown);
        assert_eq!(story.give(Observation::Removed), NOTHING);
        assert_eq!(story.at(2000).up(8), NOTHING, "named again");
        assert_eq!(story.at(3000).give(Observation::Removed), [LEAVE]);
    }
}

#[test]
fn a_service_that_was_never_looked_at_goes_without_a_word() {
    let mut story = Story::new();
    assert_eq!(story.give(Observation::Removed), NOTHING);
}

#[test]
fn a_service_removed_and_named_again_while_its_command_runs_gets_no_second_one() {
    let mut story = Story::restarting();
    assert_eq!(story.give(Observation::Removed), ["unmonitored: Removed"]);
    assert!(story.state.restart_running() && story.state.must_be_kept());
    story.policy.recheck.attempts = 0;
    assert_eq!(story.at(6000).down(), ["down"]);
    assert_eq!(story.at(7000).command_ended(outcome(0)), ["look"]);
    story.up(8);
    story.wait();
    assert_eq!(story.up(8), ["restarted as 8 by 1 after 1s"]);
}

#[test]
fn an_operators_reason_is_cut_to_a_thousand_characters() {
    let mut story = Story::running();
    story.hold(None, &"ä".repeat(5000));
    let Phase::Held { reason, .. } = story.state.phase() else {
        panic!("not held")
    };
    assert_eq!(reason.chars().count(), 1000);
}
