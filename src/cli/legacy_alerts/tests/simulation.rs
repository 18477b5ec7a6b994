//! The management server against random journals: clocks that jump, events that share a second,
//! segments that go, memories that are lost, answers that never arrive.

use std::collections::BTreeMap;

use contract::Fact;
use proptest::prelude::*;

use super::super::*;
use super::world::{Book, Server, ask, restart_failed, unmonitored};

#[derive(Clone, Debug)]
enum Step {
    /// So many alerts at once, each so many milliseconds after the one before.
    Alerts(u8, u16),
    /// What nobody is told.
    Info,
    /// A failed restart and its hold-off: one entry.
    GivenUp,
    Wait(u32),
    /// The clock is put forward or back, by seconds.
    Clock(i32),
    Poll,
    /// The server asks and dies before it has stored the answer.
    PollInVain,
    /// The oldest events go, this part of 255 of all.
    Trim(u8),
    /// The journal's folder is wiped, or only the memory.
    Wipe,
    Forget,
}

fn steps(with: &'static [u32; 4]) -> impl Strategy<Value = Vec<Step>> {
    let [clock, trim, wipe, forget] = *with;
    let step = prop_oneof![
        8 => (1..6_u8, prop_oneof![Just(0_u16), 0..1500_u16]).prop_map(|(count, gap)| Step::Alerts(count, gap)),
        2 => Just(Step::Info),
        2 => Just(Step::GivenUp),
        4 => (0..100_000_u32).prop_map(Step::Wait),
        clock => prop_oneof![-5..5_i32, -4000..4000_i32, -200_000_000..200_000_000_i32].prop_map(Step::Clock),
        8 => Just(Step::Poll),
        2 => Just(Step::PollInVain),
        trim => any::<u8>().prop_map(Step::Trim),
        wipe => Just(Step::Wipe),
        forget => Just(Step::Forget),
    ];
    proptest::collection::vec(step, 1..80)
}

/// Plays the steps; says how often the server got each alert that was not trimmed away unasked.
fn play(steps: &[Step], dial: Dial, limit: usize) -> BTreeMap<String, usize> {
    let mut book = Book::default();
    let mut memory = Memory::default();
    let mut server = Server::new(dial);
    // Sunday noon: both dials have an hour and have not.
    let mut now = 1_795_348_044_000_i64;
    let mut expected: Vec<(String, u64)> = Vec::new();
    let mut gone = Vec::new();
    let end = [Step::Wait(1), Step::Poll, Step::Poll];
    for step in steps.iter().chain(&end) {
        match *step {
            Step::Alerts(count, gap) => {
                for _ in 0..count {
                    let name = book.alert(now);
                    expected.push((name, book.last_seq));
                    now += i64::from(gap);
                }
            }
            Step::Info => {
                book.publish(now, Fact::Test { text: "x".into() });
            }
            Step::GivenUp => {
                book.publish(now, restart_failed());
                book.publish(now, unmonitored());
            }
            Step::Wait(millis) => now += i64::from(millis),
            Step::Clock(seconds) => now = (now + i64::from(seconds) * 1000).max(1_600_000_000_000),
            Step::Poll => {
                // As often as it takes: the limit is for each answer.
                for _ in 0..200 {
                    let output = ask(&book, &mut memory, &server, now, limit);
                    let again = ask(&book, &mut memory, &server, now, limit);
                    assert_eq!(output, again, "the same question has the same answer");
                    let before = server.stored.clone();
                    assert!(server.take(&output), "the server refuses {output}");
                    if output == "No Alerts" {
                        break;
                    }
                    assert!(server.stored > before, "{} after {before}", server.stored);
                }
            }
            Step::PollInVain => {
                ask(&book, &mut memory, &server, now, limit);
            }
            Step::Trim(part) => {
                let count = book.events.len() * usize::from(part) / 255;
                for event in book.events.drain(..count) {
                    gone.push((book.generation, event.seq));
                }
            }
            Step::Wipe => {
                for event in &book.events {
                    gone.push((book.generation, event.seq));
                }
                let generation = book.generation + 1;
                book = Book {
                    generation,
                    ..Book::default()
                };
            }
            Step::Forget => memory = Memory::default(),
        }
    }
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for (name, seq) in expected {
        let heard = server
            .alerts
            .iter()
            .filter(|alert| alert.contains(&name))
            .count();
        let generation: u32 = name[1..].split('-').next().unwrap().parse().unwrap();
        if heard == 0 && gone.contains(&(generation, seq)) {
            continue;
        }
        times.insert(name, heard);
    }
    times
}

fn dial(twelve: bool) -> Dial {
    if twelve {
        Dial::Twelve
    } else {
        Dial::TwentyFour
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_alert_reaches_the_server_once_whatever_clock_and_journal_do(
        steps in steps(&[3, 2, 1, 0]), twelve: bool, limit in 1..20_usize,
    ) {
        for (name, times) in play(&steps, dial(twelve), limit) {
            prop_assert_eq!(times, 1, "{}", name);
        }
    }

    #[test]
    fn while_the_journal_is_whole_the_stamps_alone_are_enough(
        steps in steps(&[3, 0, 0, 3]), twelve: bool, limit in 1..20_usize,
    ) {
        for (name, times) in play(&steps, dial(twelve), limit) {
            prop_assert_eq!(times, 1, "{}", name);
        }
    }

    #[test]
    fn without_memory_and_with_a_part_of_the_journal_gone_a_clock_that_runs_forward_is_enough(
        steps in steps(&[0, 2, 0, 2]),
    ) {
        // One event a second at most: then its stamp is its time, whatever came before.
        let steps: Vec<Step> = steps
            .into_iter()
            .filter(|step| !matches!(step, Step::GivenUp))
            .flat_map(|step| match step {
                Step::Alerts(..) => [Step::Wait(1000), Step::Alerts(1, 0)],
                step => [Step::Wait(1000), step],
            })
            .collect();
        for (name, times) in play(&steps, Dial::TwentyFour, 20) {
            prop_assert_eq!(times, 1, "{}", name);
        }
    }
}
