//! One line of the log: the stamp as Python's `logging` writes it, the text, and at the end which
//! events it tells, so that a line that is there already is never written again.

use std::fmt::Write as _;

use contract::Event;

use crate::clean;
use crate::clock::LocalTime;
use crate::legacy;

/// The longest id, in bytes. Ours have 36.
const MOST_ID: usize = 64;

/// The longest line, in bytes: the text, and what stands around it.
pub(super) const MOST_LINE: usize = 2048;

/// A line that is to be in the log once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// The ids of its events.
    pub(super) ids: Vec<String>,
    /// With the line break.
    pub(super) text: String,
}

/// The lines of a batch, in its order.
pub(super) fn lines(batch: &[Event], info: bool, zone: &LocalTime) -> Vec<Line> {
    let mut lines = Vec::with_capacity(batch.len());
    let mut rest = batch.iter().peekable();
    while let Some(event) = rest.next() {
        // Whoever tries the sinks out wants to see it arrive.
        let is_test = matches!(event.fact, contract::Fact::Test { .. });
        if !info && !is_test && !legacy::is_alert(event.severity) {
            continue;
        }
        let second = rest
            .next_if(|next| legacy::belong_together(event, next))
            .filter(|second| second.id != event.id);
        lines.push(line(event, second, zone));
    }
    lines
}

fn line(event: &Event, second: Option<&Event>, zone: &LocalTime) -> Line {
    let time = zone.at(event.time);
    let (hour, minute, second_of_minute) = time.to_hms();
    let mut text = format!(
        "{} {hour:02}:{minute:02}:{second_of_minute:02},{:03} {}",
        time.date(),
        time.millisecond(),
        legacy::text(event, second, zone)
    );
    let mut ids = Vec::with_capacity(2);
    let mut open = " [";
    for event in [Some(event), second].into_iter().flatten() {
        let id = word(&event.id);
        // Writing to a String cannot fail.
        let _ = write!(text, "{open}#{} {id}", event.seq);
        ids.push(id);
        open = " ";
    }
    text.push_str("]\n");
    Line { ids, text }
}

/// The ids of the events that a line of the log tells; none when it is not ours.
pub(super) fn ids(line: &str) -> impl Iterator<Item = &str> {
    line.strip_suffix(']')
        .and_then(|line| line.rsplit_once(" [#"))
        .map_or("", |(_, events)| events)
        .split(' ')
        .skip(1)
        .step_by(2)
}

/// An id as one word that ends no field.
fn word(id: &str) -> String {
    let word: String = clean::cut(id, MOST_ID)
        .chars()
        .map(|letter| match letter {
            '[' | ']' | '#' => '_',
            letter if letter.is_ascii_graphic() => letter,
            _ => '_',
        })
        .collect();
    if word.is_empty() { "-".into() } else { word }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examples::{self, event};

    #[test]
    fn a_line_has_cloudstacks_stamp_and_says_at_its_end_which_event_it_is() {
        let batch = [event(17, examples::service_down())];
        let lines = lines(&batch, false, &LocalTime::utc());
        assert_eq!(
            lines[0].text,
            "2026-11-22 11:47:33,207 [ALERT] [The process dnsmasq is not running trying recover ] dnsmasq is down: process 812 is gone (ended by SIGKILL); noticed at 11:47:28 [#17 event-17]\n"
        );
        assert_eq!(
            ids(lines[0].text.trim_end()).collect::<Vec<_>>(),
            ["event-17"]
        );
    }

    #[test]
    fn only_alerts_are_written_unless_more_is_asked_for_but_a_test_always() {
        let markers = |info| -> Vec<String> {
            lines(&examples::events(), info, &LocalTime::utc())
                .iter()
                .map(|line| line.text.split(' ').nth(2).unwrap().to_owned())
                .collect()
        };
        assert_eq!(
            markers(false),
            [
                "[ALERT]", "[ALERT]", "[ALERT]", "[INFO]", "[ALERT]", "[ALERT]"
            ]
        );
        assert_eq!(markers(true).len(), 12);
    }

    #[test]
    fn a_failed_restart_and_its_hold_off_share_a_line_that_names_both() {
        let batch = [
            event(3, examples::restart_failed("no")),
            event(4, examples::unmonitored()),
        ];
        let lines = lines(&batch, false, &LocalTime::utc());
        assert_eq!(lines.len(), 1);
        assert!(lines[0].text.ends_with(" [#3 event-3 #4 event-4]\n"));
        assert_eq!(
            ids(lines[0].text.trim_end()).collect::<Vec<_>>(),
            ["event-3", "event-4"]
        );
    }

    #[test]
    fn stamps_are_those_of_the_clock_on_the_wall() {
        let zone = LocalTime::named("CET-1").unwrap();
        let batch = [event(17, examples::service_down())];
        assert!(
            lines(&batch, false, &zone)[0]
                .text
                .starts_with("2026-11-22 12:47:33,207 ")
        );
    }

    #[test]
    fn a_strange_id_stays_one_word_and_a_foreign_line_names_no_event() {
        let mut strange = event(1, examples::service_down());
        strange.id = "a b]\n[#7 é".into();
        let lines = lines(&[strange], false, &LocalTime::utc());
        let text = lines[0].text.trim_end();
        assert_eq!(ids(text).collect::<Vec<_>>(), lines[0].ids);
        assert_eq!(text.lines().count(), 1);
        for foreign in ["", "]", "x [#", "[ALERT] [a] b", "x [y z]", "x [#1 2"] {
            assert_eq!(ids(foreign).count(), 0, "{foreign}");
        }
    }

    #[test]
    fn the_longest_line_is_below_the_bound() {
        let mut long = event(u64::MAX, examples::restart_failed(&"x\\é".repeat(5000)));
        long.process = Some("p".repeat(5000));
        long.id = "i".repeat(5000);
        let lines = lines(&[long], false, &LocalTime::utc());
        assert!(lines[0].text.len() < MOST_LINE / 2);
    }
}
