//! What of a state is worth the disk, and what the next daemon finds out by looking.

use contract::{Cause, Ended};

use super::story::{NOTHING, Story, outcome};
use crate::judge::{Observation, Phase, State};

impl Story {
    /// Whether what was just given to the judge is worth a note after `noted`.
    fn is_worth_noting_after(&self, noted: &State) -> bool {
        assert_ne!(self.state, *noted, "something changed");
        self.state.is_worth_noting_after(noted)
    }
}

#[test]
fn a_state_is_not_worth_noting_after_itself() {
    for story in [
        Story::new(),
        Story::running(),
        Story::restarting(),
        Story::held_off(),
    ] {
        assert!(!story.state.is_worth_noting_after(&story.state));
    }
}

#[test]
fn looks_at_a_service_that_stays_down_are_not_worth_noting_until_it_is_told() {
    let mut story = Story::running();
    let up = story.state.clone();
    story.at(1000).down();
    assert!(story.is_worth_noting_after(&up), "the death is");
    let noted = story.state.clone();
    for _ in 1..5 {
        assert_eq!(story.wait(), ["look"]);
        assert!(!story.is_worth_noting_after(&noted), "a question is not");
        assert_eq!(story.down(), NOTHING);
        assert!(!story.is_worth_noting_after(&noted), "a look is not");
    }
    story.wait();
    assert_eq!(story.down(), ["down, was 7", "restart 1"]);
    assert!(story.is_worth_noting_after(&noted));
}

#[test]
fn what_was_found_is_not_worth_noting_but_how_the_process_ended_is() {
    let mut story = Story::running();
    story.at(1000).down();
    let noted = story.state.clone();
    let noticed = story.at(1100).moment();
    let zombie = |ended| Observation::Down {
        cause: Cause::Zombie { pid: 7 },
        ended,
        noticed,
    };
    story.give(zombie(Ended::Unknown));
    assert!(!story.is_worth_noting_after(&noted));
    story.give(zombie(Ended::Signal(9)));
    assert!(story.is_worth_noting_after(&noted));
}

#[test]
fn peeks_after_a_restart_are_not_worth_noting_until_something_is_up() {
    let mut story = Story::restarting();
    let restarting = story.state.clone();
    assert_eq!(story.at(6000).command_ended(outcome(0)), ["look"]);
    assert!(story.is_worth_noting_after(&restarting));
    let noted = story.state.clone();
    for _ in 0..4 {
        assert_eq!(story.down(), NOTHING);
        assert!(!story.is_worth_noting_after(&noted), "a peek is not");
        assert_eq!(story.wait(), ["look"]);
    }
    assert_eq!(story.up(8), NOTHING);
    assert!(story.is_worth_noting_after(&noted), "the first sighting is");
    let noted = story.state.clone();
    assert_eq!(story.wait(), ["look"]);
    assert!(!story.is_worth_noting_after(&noted));
    assert_eq!(story.up(9), NOTHING);
    assert!(story.is_worth_noting_after(&noted), "another process is");
    story.wait();
    assert_eq!(story.up(9).len(), 1);
    assert!(story.is_worth_noting_after(&noted), "the end is");
}

#[test]
fn failed_attempts_and_holds_are_worth_noting_every_time() {
    let mut story = Story::restarting();
    story.at(6000).command_ended(outcome(1));
    let settling = story.state.clone();
    story.at(9000).down();
    assert!(story.is_worth_noting_after(&settling));
    let waiting = story.state.clone();
    story.hold(Some(20_000), "mine");
    assert!(story.is_worth_noting_after(&waiting));
    let held = story.state.clone();
    story.hold(Some(30_000), "mine");
    assert!(story.is_worth_noting_after(&held), "it is longer now");
    let held = story.state.clone();
    assert_eq!(story.at(10_000).give(Observation::Released), ["look"]);
    assert!(story.is_worth_noting_after(&held), "it ends now");
}

#[test]
fn a_hold_off_that_runs_out_is_told_by_the_old_note_as_well() {
    let mut story = Story::held_off();
    let noted = story.state.clone();
    assert_eq!(story.wait(), ["look"]);
    assert!(!story.is_worth_noting_after(&noted));
    story.state = noted;
    assert_eq!(story.give(Observation::TimePassed), ["look"]);
    assert_eq!(story.up(8), ["remonitored up as 8"]);
    assert!(matches!(story.state.phase(), Phase::Up { .. }));
}
