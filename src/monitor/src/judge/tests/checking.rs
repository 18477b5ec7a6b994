//! From a death to `ServiceDown`, `Recovered`, or nothing at all.

use std::time::Duration;

use contract::{Cause, Ended, Fact};

use super::story::{BEGIN, NOTHING, Story};
use crate::Process;
use crate::judge::{Decision, Observation, Phase};

#[test]
fn a_death_is_looked_at_five_times_one_second_apart_and_then_told_and_restarted_at_once() {
    let mut story = Story::running();
    assert_eq!(story.at(500).down(), NOTHING);
    for second in 1..=4 {
        assert_eq!(story.due(), Some(500 + second * 1000));
        assert_eq!(story.wait(), ["look"]);
        assert_eq!(story.down(), NOTHING);
    }
    assert_eq!(story.wait(), ["look"]);
    assert_eq!(story.down(), ["down, was 7", "restart 1"]);
    assert_eq!(story.state.phase(), Phase::Restarting { attempt: 1 });
}

#[test]
fn looks_are_counted_from_the_moment_the_death_was_noticed_not_from_when_it_was_reported() {
    let mut story = Story::running();
    let noticed = story.at(400).moment();
    story.at(700).give(Observation::Down {
        cause: Cause::Gone { pid: 7 },
        ended: Ended::Unknown,
        noticed,
    });
    assert_eq!(story.due(), Some(1400));
}

#[test]
fn a_death_noticed_in_the_future_delays_no_look() {
    let mut story = Story::running();
    let noticed = story.at(900_000).moment();
    story.at(1000).give(Observation::Down {
        cause: Cause::Gone { pid: 7 },
        ended: Ended::Unknown,
        noticed,
    });
    assert_eq!(story.due(), Some(2000));
}

#[test]
fn looks_that_a_busy_daemon_missed_are_not_made_up_for_in_a_burst() {
    let mut story = Story::running();
    story.down();
    assert_eq!(story.at(60_000).give(Observation::TimePassed), ["look"]);
    assert_eq!(story.down(), NOTHING);
    assert_eq!(story.due(), Some(61_000));
}

#[test]
fn with_no_looks_configured_a_death_is_told_at_once() {
    let mut story = Story::running();
    story.policy.recheck.attempts = 0;
    assert_eq!(story.down(), ["down, was 7", "restart 1"]);
}

#[test]
fn other_witnesses_between_two_looks_do_not_count_but_what_they_know_does() {
    let mut story = Story::running();
    story.down();
    for millis in [10, 20, 30, 40, 50, 60] {
        assert_eq!(story.at(millis).down(), NOTHING);
    }
    assert_eq!(story.at(70).down_by(Ended::Signal(9)), NOTHING);
    assert_eq!(story.due(), Some(1000));
    assert_eq!(
        story.look_down_until_judged(),
        ["down, was 7, ended by signal 9", "restart 1"]
    );
}

#[test]
fn a_zombie_that_is_collected_within_the_looks_is_told_as_gone_and_by_which_signal() {
    let mut story = Story::running();
    story.policy.recheck.attempts = 2;
    let noticed = story.at(1000).moment();
    let down = |cause, ended| Observation::Down {
        cause,
        ended,
        noticed,
    };
    story.give(down(Cause::Zombie { pid: 7 }, Ended::Unknown));
    story.wait();
    story.give(down(Cause::Zombie { pid: 7 }, Ended::Unknown));
    story.wait();
    let now = story.moment();
    let collected = down(Cause::Gone { pid: 7 }, Ended::Signal(9));
    let (_, decisions) = story.state.clone().judge(&story.policy, collected, now);
    let Decision::Emit { fact, .. } = &decisions[0] else {
        panic!("{decisions:?}")
    };
    let expected = Fact::ServiceDown {
        noticed: noticed.wall,
        last_pid: Some(7),
        cause: Cause::Gone { pid: 7 },
        ended: Ended::Signal(9),
    };
    assert_eq!(*fact, expected);
}

#[test]
fn a_service_down_at_first_sight_is_an_outage_of_a_process_nobody_knows() {
    let mut story = Story::new();
    story.down();
    assert_eq!(story.look_down_until_judged(), ["down", "restart 1"]);
}

#[test]
fn a_service_that_comes_back_within_the_looks_has_recovered_and_is_not_restarted() {
    let mut story = Story::running();
    story.at(1000).down();
    story.wait();
    assert_eq!(story.at(2300).up(8), ["recovered as 8 after 1.3s"]);
    assert!(matches!(story.state.phase(), Phase::Up { .. }));
    assert_eq!(story.state.outage(), None);
    assert_eq!(story.due(), None);
}

#[test]
fn a_reload_that_swaps_the_process_is_no_outage() {
    let mut story = Story::running();
    let started = BEGIN + Duration::from_millis(950);
    assert_eq!(story.at(1000).down(), NOTHING);
    let successor = Observation::Up {
        process: Process { pid: 8, started },
        ended: Ended::Exit(0),
    };
    assert_eq!(story.at(1020).give(successor), NOTHING);
    assert_eq!(story.state.outage(), None);
}

#[test]
fn a_successor_started_up_to_50_ms_after_the_death_was_noticed_is_a_reload_and_later_is_not() {
    for (delay, told) in [(50, 0), (51, 1)] {
        let mut story = Story::running();
        story.at(1000).down();
        assert_eq!(story.at(1000 + delay).up(8).len(), told, "{delay} ms");
    }
}

#[test]
fn a_process_that_a_signal_ended_was_not_handed_over_however_fast_it_came_back() {
    let mut story = Story::running();
    story.at(1000).down_by(Ended::Signal(11));
    assert_eq!(
        story.at(1020).up(8),
        ["recovered as 8 after 20ms, ended by signal 11"]
    );
}

#[test]
fn how_the_process_ended_may_be_learnt_as_late_as_its_return() {
    let mut story = Story::running();
    story.at(1000).down();
    let started = story.at(1010).moment().monotonic;
    let back = Observation::Up {
        process: Process { pid: 8, started },
        ended: Ended::Signal(9),
    };
    assert_eq!(
        story.give(back),
        ["recovered as 8 after 10ms, ended by signal 9"]
    );
}

#[test]
fn the_same_process_found_again_is_a_false_alarm_and_nothing_is_told() {
    let mut story = Story::running();
    story.at(1000).down();
    assert_eq!(story.at(3900).up(7), NOTHING);
    assert_eq!(story.state.outage(), None);
}

#[test]
fn the_very_same_process_is_no_recovery_whatever_the_kernel_was_said_to_tell() {
    let mut story = Story::running();
    story.at(1000).down_by(Ended::Signal(9));
    assert_eq!(story.at(2000).up(7), NOTHING);
}

#[test]
fn another_process_while_up_is_no_event() {
    let mut story = Story::running();
    assert_eq!(story.at(1000).up(8), NOTHING);
    assert_eq!(story.at(2000).up(9), NOTHING);
    let Phase::Up { process, since } = story.state.phase() else {
        panic!("not up")
    };
    assert_eq!((process.pid, since), (9, story.moment()));
    assert_eq!(story.state.last_process(), Some(process));
}

#[test]
fn since_stays_at_the_first_sight_of_a_process() {
    let mut story = Story::running();
    let first = story.moment();
    story.at(180_000).up(7);
    assert!(matches!(story.state.phase(), Phase::Up { since, .. } if since == first));
}

#[test]
fn a_look_that_nobody_answered_is_asked_for_again_but_never_twice_at_one_moment() {
    let mut story = Story::running();
    story.down();
    assert_eq!(story.wait(), ["look"]);
    assert_eq!(story.give(Observation::TimePassed), NOTHING);
    assert_eq!(story.due(), Some(2000));
    assert_eq!(story.wait(), ["look"]);
}

#[test]
fn each_outage_has_an_id_of_its_own_that_all_its_events_carry() {
    let mut story = Story::running();
    story.at(1000).down();
    let first = story.state.outage().unwrap().to_owned();
    let noticed = story.moment().wall.unix_millis();
    assert_eq!(first, format!("dhcp-{noticed:x}-1"));
    story.look_down_until_judged();
    assert_eq!(story.state.outage(), Some(first.as_str()));

    let mut story = Story::running();
    story.down();
    story.at(100).up(8);
    story.at(0).down();
    assert!(story.state.outage().unwrap().ends_with("-2"));
}

#[test]
fn service_down_says_when_the_death_was_noticed_and_what_was_found_last() {
    let mut story = Story::running();
    story.policy.recheck.attempts = 1;
    let noticed = story.at(1000).moment();
    story.down();
    story.wait();
    let now = story.moment();
    let cause = Cause::OtherProcess {
        pid: 7,
        name: "cron".into(),
    };
    let observation = Observation::Down {
        cause: cause.clone(),
        ended: Ended::Unknown,
        noticed: now,
    };
    let (state, decisions) = story.state.clone().judge(&story.policy, observation, now);
    let fact = Fact::ServiceDown {
        noticed: noticed.wall,
        last_pid: Some(7),
        cause,
        ended: Ended::Unknown,
    };
    let outage = state.outage().map(str::to_owned);
    assert_eq!(decisions[0], Decision::Emit { outage, fact });
}

#[test]
fn only_what_a_fresh_look_would_not_bring_back_must_be_kept() {
    let mut story = Story::new();
    assert!(!story.state.must_be_kept() && story.state.is_quiet());
    story.up(7);
    assert!(!story.state.must_be_kept() && story.state.is_quiet());
    story.down();
    assert!(story.state.must_be_kept() && !story.state.is_quiet());
    story.at(100).up(8);
    assert!(!story.state.must_be_kept() && story.state.is_quiet());
}
