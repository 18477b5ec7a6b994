//! What is answered to which question.

mod simulation;
mod world;

use std::time::Duration;

use contract::Fact;

use self::world::{Book, Server, ask, down, restart_failed, unmonitored};
use super::answer::answer;
use super::*;

/// All that is told to a server that has nothing yet.
fn all(book: &Book, question: Question) -> Vec<String> {
    answer(book, &Memory::default(), &question).unwrap().entries
}

fn question() -> Question {
    Question {
        after: Stamp::NOTHING_YET,
        dial: Dial::TwentyFour,
        info: false,
        limit: 100,
        now: Stamp::of(Timestamp::now()),
    }
}

const NOON: i64 = 1_795_348_053_207;

#[test]
fn the_output_is_one_line_of_entries_each_ended_by_a_backslash_and_an_n() {
    let mut book = Book::default();
    book.publish(NOON, restart_failed());
    book.publish(NOON, unmonitored());
    book.publish(NOON, Fact::Test { text: "x".into() });
    book.publish(NOON, down("x"));
    assert_eq!(
        line(&all(&book, question())),
        "2026-11-22 11:47:34,207 [ALERT] [The process dnsmasq recover failed ] dnsmasq restart failed after 5 attempts (it ended, with C:/new); unmonitored until released\\n\
         2026-11-22 11:47:36,207 [ALERT] [The process dnsmasq is not running trying recover ] dnsmasq is down: the pid file cannot be used: x; noticed at 1970-01-01 00:00:00\\n"
    );
    assert_eq!(line(&[]), "No Alerts");
    let info = all(
        &book,
        Question {
            info: true,
            ..question()
        },
    );
    assert!(
        info[1].contains("[INFO] [dnsmasq] test alert: x"),
        "{info:?}"
    );
}

#[test]
fn where_the_stamp_is_not_the_time_the_time_is_told_too() {
    let mut book = Book::default();
    book.publish(NOON, down("x"));
    book.publish(NOON - 3_600_000, down("x"));
    let told = all(&book, question());
    assert!(!told[0].contains("(at "), "{told:?}");
    assert!(told[1].starts_with("2026-11-22 11:47:34,207 "), "{told:?}");
    assert!(told[1].ends_with(" (at 2026-11-22 10:47:33)"), "{told:?}");
    assert!(told[1].len() < 999);
}

#[test]
fn a_stamp_of_the_original_script_goes_on_where_that_ended() {
    let mut book = Book::default();
    let name = book.alert(NOON);
    book.alert(NOON - 60_000);
    let mut server = Server::new(Dial::TwentyFour);
    server.stored = "2026-11-22 11:47:00".into();
    let output = ask(&book, &mut Memory::default(), &server, NOON + 1000, 100);
    assert!(output.contains(&name));
    // The second one was judged while the clock stood before the first, but happened after it.
    assert_eq!(output.matches("\\n").count(), 2);
}

#[test]
fn a_stamp_from_a_future_that_nobody_remembers_hides_nothing() {
    let mut book = Book::default();
    let name = book.alert(NOON);
    let mut server = Server::new(Dial::TwentyFour);
    server.stored = "2031-01-01 00:00:00".into();
    let mut memory = Memory::default();
    let output = ask(&book, &mut memory, &server, NOON + 1000, 100);
    assert!(output.starts_with("2031-01-01 00:00:01,207 "), "{output}");
    assert!(output.contains(&name));
    assert!(server.take(&output));
    assert_eq!(
        ask(&book, &mut memory, &server, NOON + 2000, 100),
        "No Alerts"
    );
}

#[test]
fn a_known_stamp_is_answered_without_looking_at_what_came_before() {
    let mut book = Book::default();
    for index in 0..2000 {
        book.alert(NOON + index * 1000);
    }
    let mut memory = Memory::default();
    let mut server = Server::new(Dial::TwentyFour);
    assert!(server.take(&ask(&book, &mut memory, &server, NOON, 1990)));
    book.looks.set(0);
    assert!(server.take(&ask(&book, &mut memory, &server, NOON, 1990)));
    assert_eq!(server.alerts.len(), 2000);
    assert!(book.looks.get() <= 11, "{}", book.looks.get());
}

#[test]
fn a_million_bytes_are_enough_for_one_answer() {
    let mut book = Book::default();
    for _ in 0..5000 {
        book.publish(NOON, down(&"x".repeat(190)));
    }
    let told = line(&all(
        &book,
        Question {
            limit: 100_000,
            ..question()
        },
    ));
    assert!(
        told.len() > 1_000_000 && told.len() < 1_100_000,
        "{}",
        told.len()
    );
}

#[test]
fn a_stamp_from_a_future_hides_nothing_that_somebody_else_was_told_before() {
    let mut book = Book::default();
    for index in 0..15 {
        book.alert(NOON + index * 1000);
    }
    let mut memory = Memory::default();
    let by_hand = Server::new(Dial::TwentyFour);
    let told = ask(&book, &mut memory, &by_hand, NOON + 20_000, 100);
    assert_eq!(told.matches("\\n").count(), 15);
    let mut server = Server::new(Dial::TwentyFour);
    server.stored = "2030-01-01 00:00:00".into();
    for _ in 0..2 {
        // An answer that gets lost is given again.
        let told = ask(&book, &mut memory, &server, NOON + 20_000, 100);
        assert_eq!(told.matches("\\n").count(), 15, "{told}");
    }
    let told = ask(&book, &mut memory, &server, NOON + 20_000, 100);
    assert!(server.take(&told));
    assert_eq!(server.stored, "2030-01-01 00:00:15");
    let told = ask(&book, &mut memory, &server, NOON + 20_000, 100);
    assert_eq!(told, "No Alerts");
}

/// What these words of a command line ask for.
fn arguments(words: &[&str]) -> Arguments {
    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }
    let words = std::iter::once(&"legacy-alerts").chain(words);
    <Line as clap::Parser>::try_parse_from(words)
        .unwrap()
        .arguments
}

fn stamp_of(words: &[&str]) -> Stamp {
    let arguments = arguments(words);
    asked(arguments.date.as_deref(), arguments.time.as_deref())
}

#[test]
fn garbage_for_a_stamp_is_the_beginning() {
    for words in [
        vec![],
        vec!["2026-11-22"],
        vec!["--", "11:47:33"],
        vec!["--date", "-x"],
        vec!["2026-11-22", "11:47:99"],
        vec!["$(reboot)", "x", "y"],
    ] {
        assert_eq!(stamp_of(&words), Stamp::NOTHING_YET, "{words:?}");
    }
    let words = ["2026-11-22", "11:47:33", "more"];
    assert_eq!(stamp_of(&words).to_string(), "2026-11-22 11:47:33");
}

#[test]
fn options_count_before_and_behind_the_stamp() {
    for words in [
        ["--limit", "7", "--info", "2026-11-22", "11:47:33"],
        ["2026-11-22", "11:47:33", "--limit", "7", "--info"],
    ] {
        assert_eq!(stamp_of(&words).to_string(), "2026-11-22 11:47:33");
        let arguments = arguments(&words);
        assert!(arguments.info && arguments.limit == 7);
    }
}

#[test]
fn a_memory_outlives_any_number_of_questions_by_hand() {
    let mut book = Book::default();
    let mut memory = Memory::default();
    let mut server = Server::new(Dial::TwentyFour);
    book.alert(NOON + Duration::from_hours(30_000).as_secs().cast_signed() * 1000);
    assert!(server.take(&ask(&book, &mut memory, &server, NOON, 100)));
    // The clock is put right, and somebody tries it out over and over, while the server's own
    // questions go on.
    for index in 0..200 {
        book.alert(NOON + index * 1000);
        let by_hand = Server::new(Dial::TwentyFour);
        ask(
            &book,
            &mut memory,
            &by_hand,
            NOON,
            1 + usize::try_from(index).unwrap(),
        );
        if index % 20 == 0 {
            assert!(server.take(&ask(&book, &mut memory, &server, NOON, 100)));
        }
    }
    book.events.clear();
    let name = book.alert(NOON);
    assert!(server.take(&ask(&book, &mut memory, &server, NOON, 100)));
    assert!(server.alerts.last().unwrap().contains(&name));
}
