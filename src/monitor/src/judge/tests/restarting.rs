//! Attempts, their failure, and crash loops.

use std::time::Duration;

use contract::{Cause, Ended};

use super::story::{NOTHING, Story, outcome};
use crate::judge::{Observation, Outcome, Phase};

/// Restarts the dead service at once as `pid`, and lets it settle.
fn die_and_be_restarted(story: &mut Story, millis: u64, pid: u32) -> Vec<String> {
    let mut told = story.at(millis).down();
    told.extend(story.at(millis + 100).command_ended(outcome(0)));
    told.extend(story.up(pid));
    told.extend(story.wait());
    told.extend(story.up(pid));
    told
}

#[test]
fn a_failed_attempt_is_followed_by_the_next_after_the_wait_and_five_end_in_a_hold_off() {
    let mut story = Story::restarting();
    for attempt in 1..=5_u64 {
        let begin = 5000 + (attempt - 1) * 3000;
        assert_eq!(story.at(begin).command_ended(outcome(1)), ["look"]);
        assert_eq!(story.down(), NOTHING);
        let failed = story.at(begin + 2000).down();
        if attempt < 5 {
            assert_eq!(failed, NOTHING);
            assert_eq!(story.due(), Some(begin + 3000));
            assert_eq!(story.wait(), ["look"]);
            assert_eq!(story.down(), [format!("restart {}", attempt + 1)]);
        } else {
            assert_eq!(
                failed,
                [
                    "failed 5 times: exit 1",
                    "unmonitored until 2026-11-22T11:30:19.000Z: RestartFailed"
                ]
            );
        }
    }
    assert!(matches!(story.state.phase(), Phase::HeldOff { .. }));
    assert!(story.state.outage().is_some());
}

#[test]
fn the_failure_says_in_plain_words_why_nothing_is_up() {
    let timed_out = Outcome {
        exit: None,
        reason: Some("timed out after 60s".into()),
        output: String::new(),
    };
    for (command, reason) in [
        (outcome(1), "exit 1"),
        (outcome(0), "exit 0, but process 7 is gone"),
        (timed_out, "timed out after 60s"),
        (
            Outcome::default(),
            "the restart command left no exit status, and process 7 is gone",
        ),
    ] {
        let mut story = Story::restarting();
        story.policy.restart.attempts = 1;
        story.command_ended(command);
        story.down();
        let told = story.at(7000).down();
        assert_eq!(told[0], format!("failed 1 times: {reason}"));
    }
}

#[test]
fn a_restart_is_only_ever_the_reply_to_a_sight_of_the_service_down() {
    let mut story = Story::restarting();
    story.command_ended(outcome(1));
    story.down();
    story.at(7000).down();
    assert_eq!(story.at(7999).down(), NOTHING, "too early");
    assert_eq!(story.at(60_000).give(Observation::TimePassed), ["look"]);
    assert_eq!(story.up(8), NOTHING, "found up instead");
    assert_eq!(story.state.phase(), Phase::Settling { attempt: 1 });
    assert_eq!(story.wait(), ["look"]);
    assert_eq!(story.up(8), ["restarted as 8 by 1 after 60s"]);
}

#[test]
fn a_service_that_comes_up_late_and_dies_again_has_used_up_another_attempt() {
    let mut story = Story::restarting();
    story.policy.restart.attempts = 2;
    story.command_ended(outcome(0));
    story.down();
    assert_eq!(story.at(7000).down(), NOTHING);
    assert_eq!(story.at(7500).up(8), NOTHING);
    let told = story.at(7600).down();
    assert_eq!(told[0], "failed 1 times: died again while settling");
}

#[test]
fn nothing_seen_while_the_command_runs_decides_anything() {
    let mut story = Story::restarting();
    assert_eq!(story.at(5100).down(), NOTHING);
    assert_eq!(story.at(5200).up(8), NOTHING);
    assert_eq!(story.at(5300).down(), NOTHING);
    assert_eq!(story.at(5400).give(Observation::TimePassed), NOTHING);
    assert_eq!(story.due(), None);
    assert!(story.state.restart_running());
}

#[test]
fn a_policy_without_restarts_tells_and_leaves_alone() {
    let mut story = Story::running();
    story.policy.recheck.attempts = 0;
    story.policy.restart.attempts = 0;
    assert_eq!(
        story.down(),
        [
            "down, was 7",
            "failed 0 times: the configuration allows no restart",
            "unmonitored until 2026-11-22T11:30:00.000Z: RestartFailed"
        ]
    );
}

#[test]
fn the_fifth_restart_within_ten_minutes_is_the_last_and_the_next_death_is_a_crash_loop() {
    let mut story = Story::running();
    story.policy.recheck.attempts = 0;
    for death in 1..=5_u32 {
        let told = die_and_be_restarted(&mut story, u64::from(death) * 60_000, 100 + death);
        assert_eq!(
            told.last().unwrap(),
            &format!("restarted as {} by 1 after 100ms", 100 + death)
        );
    }
    assert_eq!(story.state.restarts(), 5);
    assert!(story.state.must_be_kept(), "up, but with a history");
    assert_eq!(
        story.at(360_000).down(),
        [
            "down, was 105",
            "failed 0 times: crash loop: restarted 5 times within 10m and died again",
            "unmonitored until 2026-11-22T11:36:00.000Z: CrashLoop"
        ]
    );
}

#[test]
fn restarts_longer_ago_make_no_crash_loop() {
    let mut story = Story::running();
    story.policy.recheck.attempts = 0;
    for death in 1..=12_u32 {
        let told = die_and_be_restarted(&mut story, u64::from(death) * 150_000, 100 + death);
        assert!(told.last().unwrap().starts_with("restarted"), "{told:?}");
    }
    story.at(10_000_000).up(112);
    assert!(!story.state.must_be_kept(), "its history is over");
}

#[test]
fn a_hold_off_wipes_the_crash_loops_history() {
    let mut story = Story::running();
    story.policy.recheck.attempts = 0;
    story.policy.hold_off = Duration::from_secs(1);
    story.policy.crash_loop.restarts = 2;
    die_and_be_restarted(&mut story, 1000, 8);
    die_and_be_restarted(&mut story, 10_000, 9);
    assert_eq!(story.at(20_000).down().len(), 3);
    assert_eq!(story.wait(), ["look"]);
    assert_eq!(story.down(), ["remonitored down", "restart 1"]);
    story.command_ended(outcome(0));
    story.up(10);
    story.wait();
    assert_eq!(story.up(10).len(), 1);
    assert_eq!(story.at(30_000).down(), ["down, was 10", "restart 1"]);
}

#[test]
fn a_crash_loop_limit_of_zero_is_no_limit() {
    let mut story = Story::running();
    story.policy.recheck.attempts = 0;
    story.policy.crash_loop.restarts = 0;
    for death in 1..=20_u32 {
        let told = die_and_be_restarted(&mut story, u64::from(death) * 10_000, 100 + death);
        assert!(told.last().unwrap().starts_with("restarted"), "{told:?}");
    }
    assert!(!story.state.must_be_kept());
}

#[test]
fn a_command_lost_with_the_daemon_counts_as_an_attempt() {
    let mut story = Story::restarting();
    let lost = Outcome {
        exit: None,
        reason: Some("the daemon was restarted meanwhile".into()),
        output: String::new(),
    };
    assert_eq!(story.at(9000).command_ended(lost), ["look"]);
    assert_eq!(story.down(), NOTHING);
    story.at(11_000).down();
    story.wait();
    let noticed = story.moment();
    let down = Observation::Down {
        cause: Cause::NoPidFile,
        ended: Ended::Unknown,
        noticed,
    };
    assert_eq!(story.give(down), ["restart 2"]);
}

#[test]
fn an_end_of_a_command_that_nobody_runs_changes_nothing() {
    let mut story = Story::running();
    let before = story.state.clone();
    assert_eq!(story.command_ended(outcome(0)), NOTHING);
    assert_eq!(story.state, before);
}
