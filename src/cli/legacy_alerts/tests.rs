//! The management server, as CloudStack's source has it, against random journals: clocks that jump,
//! events that share a second, segments that go, memories that are lost, answers that never arrive.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Duration;

use contract::{Cause, Draft, Ended, Fact, Failure, UnmonitoredReason};
use proptest::prelude::*;

use super::answer::answer;
use super::*;

/// The server's half of the contract. Sources: `VirtualRoutingResource.execute(GetRouterAlertsCommand)` and
/// `VirtualNetworkApplianceManagerImpl.CheckRouterAlertsTask`, 4.4 to 4.22.
struct Server {
    dial: Dial,
    stored: String,
    alerts: Vec<String>,
}

impl Server {
    fn new(dial: Dial) -> Self {
        Self {
            dial,
            stored: "1970-01-01 00:00:00".to_owned(),
            alerts: Vec::new(),
        }
    }

    /// Takes an answer; false when it refuses it.
    fn take(&mut self, output: &str) -> bool {
        let details = output.trim();
        if details.is_empty() || details == "No Alerts" {
            return true;
        }
        // Java's split drops empty strings at the end.
        let mut alerts: Vec<&str> = details.split("\\n").collect();
        while alerts.last().is_some_and(|alert| alert.is_empty()) {
            alerts.pop();
        }
        let Some(last) = alerts.last() else {
            return false;
        };
        let stamp = last.split(',').next().unwrap_or_default();
        let format = match self.dial {
            Dial::TwentyFour => "[year]-[month]-[day] [hour]:[minute]:[second]",
            Dial::Twelve => "[year]-[month]-[day] [hour repr:12]:[minute]:[second] [period]",
        };
        let format = time::format_description::parse_borrowed::<2>(format).unwrap();
        let text = match self.dial {
            Dial::TwentyFour => stamp.to_owned(),
            Dial::Twelve => format!("{stamp} AM"),
        };
        if time::PrimitiveDateTime::parse(&text, &format).is_err() {
            return false;
        }
        stamp.clone_into(&mut self.stored);
        self.alerts.extend(alerts.into_iter().map(str::to_owned));
        true
    }
}

/// A journal in memory.
#[derive(Default)]
struct Book {
    events: Vec<Event>,
    last_seq: u64,
    generation: u32,
    looks: Cell<usize>,
}

impl Seen for Event {
    fn seq(&self) -> u64 {
        self.seq
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn time(&self) -> Timestamp {
        self.time
    }

    fn severity(&self) -> Severity {
        self.severity
    }

    fn event(&self) -> Option<Event> {
        Some(self.clone())
    }
}

impl Journal for Book {
    fn walk(
        &self,
        after: u64,
        look: &mut dyn FnMut(&dyn Seen) -> ControlFlow<()>,
    ) -> io::Result<()> {
        for event in self.events.iter().filter(|event| event.seq > after) {
            self.looks.set(self.looks.get() + 1);
            if look(event).is_break() {
                break;
            }
        }
        Ok(())
    }
}

fn down(name: &str) -> Fact {
    Fact::ServiceDown {
        noticed: Timestamp::EPOCH,
        last_pid: None,
        cause: Cause::BadPidFile {
            problem: name.to_owned(),
        },
        ended: Ended::Unknown,
    }
}

fn restart_failed() -> Fact {
    Fact::RestartFailed {
        attempts: 5,
        failure: Failure {
            reason: "it ended, with C:\\new".into(),
            exit: None,
            output: String::new(),
        },
    }
}

fn unmonitored() -> Fact {
    Fact::Unmonitored {
        until: None,
        reason: UnmonitoredReason::RestartFailed,
    }
}

impl Book {
    fn publish(&mut self, millis: i64, fact: Fact) -> String {
        self.last_seq += 1;
        let id = format!("g{}-e{}", self.generation, self.last_seq);
        let draft = Draft {
            service: Some("dhcp".into()),
            process: Some("dnsmasq".into()),
            outage: Some("o".into()),
            time: Timestamp::from_unix_millis(millis).unwrap(),
            fact,
        };
        self.events.push(Event::new(
            draft,
            id.clone(),
            self.last_seq,
            "r-42-VM".into(),
        ));
        id
    }

    /// An alert that is told apart by its words.
    fn alert(&mut self, millis: i64) -> String {
        let name = format!("g{}-e{}.", self.generation, self.last_seq + 1);
        self.publish(millis, down(&name));
        name
    }
}

/// The router's half, as `told` has it, without the disk.
fn ask(book: &Book, memory: &mut Memory, server: &Server, now: i64, limit: usize) -> String {
    let (date, time) = server.stored.split_once(' ').unwrap();
    let question = Question {
        after: Stamp::parse(date, time),
        dial: server.dial,
        info: false,
        limit,
        now: Stamp::of(Timestamp::from_unix_millis(now).unwrap()),
    };
    let answer = answer(book, memory, &question).unwrap();
    if let Some(last) = answer.last {
        memory.note(question.after, last);
    }
    line(&answer.entries)
}

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
fn garbage_for_a_stamp_is_the_beginning() {
    for words in [
        vec![],
        vec!["2026-11-22"],
        vec!["--", "11:47:33"],
        vec!["2026-11-22", "11:47:99"],
        vec!["$(reboot)", "x", "y"],
    ] {
        let words: Vec<OsString> = words.into_iter().map(OsString::from).collect();
        assert_eq!(asked(&words), Stamp::NOTHING_YET, "{words:?}");
    }
    let words = ["2026-11-22", "11:47:33", "more"].map(OsString::from);
    assert_eq!(asked(&words).to_string(), "2026-11-22 11:47:33");
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
