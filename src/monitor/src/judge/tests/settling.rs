//! A restart counts only when the service stays up.

use std::time::Duration;

use super::story::{NOTHING, Story, outcome};
use crate::judge::Phase;

#[test]
fn a_restart_is_told_only_when_the_process_has_lived_for_the_settling_time() {
    let mut story = Story::restarting();
    assert_eq!(story.at(5200).command_ended(outcome(0)), ["look"]);
    assert_eq!(story.up(8), NOTHING);
    assert_eq!(story.state.phase(), Phase::Settling { attempt: 1 });
    assert_eq!(story.due(), Some(7200));
    assert_eq!(story.at(7199).up(8), NOTHING, "too early");
    assert_eq!(story.wait(), ["look"]);
    assert_eq!(story.up(8), ["restarted as 8 by 1 after 5.2s"]);
    assert_eq!(story.state.restarts(), 1);
    assert_eq!(story.state.outage(), None);
}

#[test]
fn the_downtime_ends_when_the_process_that_settled_was_first_seen_even_while_the_command_ran() {
    let mut story = Story::restarting();
    story.at(5050).up(8);
    story.at(9000).command_ended(outcome(0));
    story.up(8);
    assert_eq!(story.wait(), ["look"]);
    assert_eq!(story.up(8), ["restarted as 8 by 1 after 5.05s"]);
}

#[test]
fn exit_status_zero_alone_is_no_proof() {
    let mut story = Story::restarting();
    assert_eq!(story.command_ended(outcome(0)), ["look"]);
    assert_eq!(story.down(), NOTHING);
    assert_eq!(story.due(), Some(5250), "it is looked at again soon");
    assert_eq!(story.at(7000).down(), NOTHING, "failed, without a word yet");
    assert_eq!(story.state.phase(), Phase::Restarting { attempt: 2 });
}

#[test]
fn a_bad_exit_status_alone_is_no_failure() {
    let mut story = Story::restarting();
    story.command_ended(outcome(1));
    story.up(8);
    story.wait();
    assert_eq!(story.up(8), ["restarted as 8 by 1 after 5s"]);
}

#[test]
fn a_service_may_take_its_time_to_come_up_after_the_command() {
    let mut story = Story::restarting();
    story.command_ended(outcome(0));
    story.down();
    assert_eq!(story.at(6900).up(8), NOTHING);
    assert_eq!(story.due(), Some(8900));
    story.wait();
    assert_eq!(story.up(8), ["restarted as 8 by 1 after 6.9s"]);
}

#[test]
fn without_settling_time_the_first_sight_is_enough_but_a_second_is_allowed_for_coming_up() {
    let mut story = Story::restarting();
    story.policy.settle = Duration::ZERO;
    assert_eq!(story.command_ended(outcome(0)), ["look"]);
    assert_eq!(story.down(), NOTHING);
    assert_eq!(story.at(5900).up(8), ["restarted as 8 by 1 after 5.9s"]);
}

#[test]
fn a_death_while_settling_fails_the_attempt_at_once() {
    let mut story = Story::restarting();
    story.policy.restart.attempts = 1;
    story.command_ended(outcome(0));
    story.up(8);
    assert_eq!(
        story.at(5500).down_by(contract::Ended::Exit(2))[0],
        "failed 1 times: died again while settling (exit 2)"
    );
}

#[test]
fn another_process_settles_anew_but_not_for_ever() {
    let mut story = Story::restarting();
    story.policy.restart.attempts = 1;
    story.command_ended(outcome(0));
    story.up(8);
    for change in 1..=5 {
        let millis = 5000 + change * 1500;
        assert_eq!(
            story.at(millis).up(8 + u32::try_from(change).unwrap()),
            NOTHING
        );
        assert_eq!(story.due(), Some(millis + 2000));
    }
    assert_eq!(
        story.at(14_000).up(99)[0],
        "failed 1 times: its process changes again and again while settling"
    );
}
