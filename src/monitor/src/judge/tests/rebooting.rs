//! What a crash of the daemon and a reboot leave of a state.

use std::time::Duration;

use contract::Timestamp;

use super::story::{NOTHING, Story, outcome};
use crate::Moment;
use crate::judge::{Observation, Phase, State};

const MINUTE: Duration = Duration::from_mins(1);

/// Boots `later` on the wall clock, `up` after the kernel's start.
fn reboot(story: &mut Story, later: Duration, up: Duration) -> Moment {
    let saved_at = story.moment();
    let now = Moment {
        monotonic: up,
        wall: saved_at.wall.saturating_add(later),
    };
    story.state.rebase(saved_at, now, 30 * MINUTE);
    now
}

fn left(state: &State, now: Moment) -> Duration {
    state.due().unwrap().saturating_sub(now.monotonic)
}

#[test]
fn a_state_reads_back_as_it_was_written_in_every_phase() {
    let mut held = Story::running();
    held.hold(Some(5000), "mine");
    let mut settling = Story::restarting();
    settling.command_ended(outcome(0));
    settling.up(8);
    let mut waiting = Story::restarting();
    waiting.command_ended(outcome(1));
    waiting.at(9000).down();
    let checking = {
        let mut story = Story::running();
        story.down();
        story
    };
    for story in [
        Story::new(),
        Story::running(),
        checking,
        Story::restarting(),
        settling,
        waiting,
        Story::held_off(),
        held,
    ] {
        let json = serde_json::to_string(&story.state).unwrap();
        assert_eq!(serde_json::from_str::<State>(&json).unwrap(), story.state);
    }
}

#[test]
fn a_hold_off_goes_on_after_a_reboot_for_what_was_left_of_it() {
    let mut story = Story::held_off();
    let now = reboot(&mut story, 10 * MINUTE, MINUTE);
    assert_eq!(left(&story.state, now), 20 * MINUTE);
    assert!(story.state.outage().is_some());
}

#[test]
fn a_clock_without_battery_neither_lengthens_nor_ends_a_hold_off() {
    let mut story = Story::held_off();
    let saved_at = story.moment();
    let now = Moment {
        monotonic: MINUTE,
        wall: Timestamp::EPOCH.saturating_add(MINUTE),
    };
    story.state.rebase(saved_at, now, 30 * MINUTE);
    assert_eq!(left(&story.state, now), 29 * MINUTE);
}

#[test]
fn a_long_power_cut_ends_a_hold_off_but_makes_no_wait_negative() {
    let mut story = Story::held_off();
    let now = reboot(&mut story, 100_000 * MINUTE, MINUTE);
    assert_eq!(story.state.due(), Some(now.monotonic));
    let (_, decisions) = story
        .state
        .judge(&story.policy, Observation::TimePassed, now);
    assert_eq!(decisions.len(), 1);
}

#[test]
fn no_wait_but_an_operators_hold_is_longer_than_the_longest_after_a_reboot() {
    let mut story = Story::held_off();
    let saved_at = story.moment();
    let now = Moment {
        monotonic: Duration::ZERO,
        wall: saved_at.wall,
    };
    story.state.rebase(saved_at, now, 3 * MINUTE);
    assert_eq!(left(&story.state, now), 3 * MINUTE);

    let mut story = Story::running();
    story.hold(Some(3_600_000), "mine");
    story.state.rebase(saved_at, now, 3 * MINUTE);
    assert!(left(&story.state, now) > 59 * MINUTE);
}

#[test]
fn a_hold_without_end_has_none_after_a_reboot() {
    let mut story = Story::running();
    story.hold(None, "mine");
    reboot(&mut story, MINUTE, MINUTE);
    assert!(matches!(
        story.state.phase(),
        Phase::Held { until: None, .. }
    ));
    assert_eq!(story.state.due(), None);
}

#[test]
fn a_restart_that_the_reboot_interrupted_is_over_and_what_is_seen_decides() {
    let mut story = Story::restarting();
    reboot(&mut story, MINUTE, MINUTE);
    assert!(!story.state.restart_running());
    assert_eq!(story.state.phase(), Phase::Settling { attempt: 1 });
    assert_eq!(story.state.due(), Some(MINUTE));
}

#[test]
fn an_outage_goes_on_over_a_reboot_and_its_downtime_counts_the_time_off() {
    let mut story = Story::running();
    story.down();
    let outage = story.state.outage().unwrap().to_owned();
    story.at(500);
    // Seen up 30 s after a boot that took place 10 minutes later.
    let now = reboot(&mut story, 10 * MINUTE, MINUTE);
    assert_eq!(story.state.outage(), Some(outage.as_str()));
    story.wall = now.wall;
    let up_at = Moment {
        monotonic: now.monotonic + Duration::from_secs(30),
        wall: now.wall,
    };
    let process = crate::Process {
        pid: 7,
        started: Duration::from_secs(3),
    };
    let up = Observation::Up {
        process,
        ended: contract::Ended::Unknown,
    };
    let (_, decisions) = story.state.judge(&story.policy, up, up_at);
    let told = format!("{decisions:?}");
    assert!(
        told.contains("Recovered") && told.contains("630.5s"),
        "{told}"
    );
}

#[test]
fn a_service_that_was_up_is_unknown_after_a_reboot_but_its_crash_loop_is_not_forgotten() {
    let mut story = Story::restarting();
    story.policy.crash_loop.restarts = 1;
    story.command_ended(outcome(0));
    story.up(8);
    story.wait();
    story.up(8);
    let now = reboot(&mut story, MINUTE, MINUTE / 2);
    assert_eq!(story.state.phase(), Phase::Unknown);
    assert!(story.state.must_be_kept());
    assert_eq!(story.state.last_process(), None);

    let later = Moment {
        monotonic: now.monotonic + 40 * MINUTE,
        wall: now.wall,
    };
    story.state.rebase(later, now, 30 * MINUTE);
    assert!(!story.state.must_be_kept(), "too long ago to matter");
}

#[test]
fn a_crash_of_the_daemon_right_after_a_decision_to_look_only_delays_the_look() {
    let mut story = Story::held_off();
    assert_eq!(story.wait(), ["look"]);
    let json = serde_json::to_string(&story.state).unwrap();
    story.state = serde_json::from_str(&json).unwrap();
    assert_eq!(story.wait(), ["look"]);
    assert_eq!(story.down(), ["remonitored down", "restart 1"]);
    assert_eq!(story.up(8), NOTHING);
}
