//! The head of an event as this version writes it, read without parsing the rest. Most records hold one
//! event, and of a hundred thousand all but a few are passed over by their heads.

use std::borrow::Cow;

use contract::{Severity, Timestamp};
use memchr::memmem;
use time::{Date, Month, PrimitiveDateTime, Time};

use crate::glance::Glance;

/// The start of every event but the first.
const ANOTHER: &str = r#"},{"id":""#;
/// The start of an event's time.
const TIME: &str = r#","time":""#;

/// Reads heads.
///
/// In JSON a quotation mark inside a text stands behind a backslash, so what is searched for here with
/// its marks is never found inside a text.
#[derive(Debug)]
pub(crate) struct Heads {
    another: memmem::Finder<'static>,
    time: memmem::Finder<'static>,
}

impl Heads {
    pub(crate) fn new() -> Self {
        Self {
            another: memmem::Finder::new(ANOTHER),
            time: memmem::Finder::new(TIME),
        }
    }

    /// The only event of a payload; `None` when it has others too, or looks in any way different
    /// from what is expected: then it is to be read by the book.
    pub(crate) fn only_event<'a>(&self, payload: &'a [u8]) -> Option<Glance<'a>> {
        let json = payload.strip_prefix(br#"{"events":["#)?;
        if self.another.find(json).is_some() {
            return None;
        }
        let (id, rest) = until(json.strip_prefix(br#"{"id":""#)?, b'"')?;
        let (seq, rest) = until(rest.strip_prefix(br#","seq":"#)?, b',')?;
        let time = rest.get(self.time.find(rest)? + TIME.len()..)?;
        let (time, rest) = until(time, b'"')?;
        let (severity, _) = until(rest.strip_prefix(br#","severity":""#)?, b'"')?;
        if id.contains('\\') {
            return None;
        }
        Some(Glance {
            id: Cow::Borrowed(id),
            seq: seq.parse().ok()?,
            time: timestamp(time)?,
            severity: severity.parse::<Severity>().ok()?,
            json,
        })
    }
}

/// What stands before `end`, and what behind it.
fn until(bytes: &[u8], end: u8) -> Option<(&str, &[u8])> {
    let at = memchr::memchr(end, bytes)?;
    Some((std::str::from_utf8(&bytes[..at]).ok()?, &bytes[at + 1..]))
}

/// `2026-11-22T11:47:33.207Z`, as [`Timestamp`] prints itself.
fn timestamp(text: &str) -> Option<Timestamp> {
    let bytes: &[u8; 24] = text.as_bytes().try_into().ok()?;
    let signs = [4, 7, 10, 13, 16, 19, 23].map(|place| bytes[place]);
    if signs != *b"--T::.Z" {
        return None;
    }
    let number = |from: usize, to: usize| {
        bytes[from..to].iter().try_fold(0_u16, |number, digit| {
            digit
                .is_ascii_digit()
                .then(|| number * 10 + u16::from(digit - b'0'))
        })
    };
    let small = |from, to| u8::try_from(number(from, to)?).ok();
    let month = Month::try_from(small(5, 7)?).ok()?;
    let date = Date::from_calendar_date(i32::from(number(0, 4)?), month, small(8, 10)?).ok()?;
    let time = Time::from_hms_milli(
        small(11, 13)?,
        small(14, 16)?,
        small(17, 19)?,
        number(20, 23)?,
    );
    Some(PrimitiveDateTime::new(date, time.ok()?).assume_utc().into())
}

#[cfg(test)]
mod tests {
    use contract::{Draft, Event, Fact, UnmonitoredReason, Value};

    use super::*;
    use crate::record::Payload;

    fn event(text: &str) -> String {
        let draft = Draft {
            service: Some(text.into()),
            process: None,
            outage: Some(text.into()),
            time: "2026-11-22T11:47:33.207Z".parse().unwrap(),
            fact: Fact::Unmonitored {
                until: None,
                reason: UnmonitoredReason::Held {
                    reason: text.into(),
                },
            },
        };
        serde_json::to_string(&Event::new(draft, "e-1".into(), 17, "r".into())).unwrap()
    }

    #[test]
    fn a_head_says_what_the_book_says_whatever_the_texts_are() {
        let heads = Heads::new();
        for text in [
            "plain",
            r#"","time":"2001-01-01T00:00:00.000Z","severity":"minor""#,
            r#"},{"id":""#,
            "\\\"",
            "\u{0}é\u{1f600}",
        ] {
            let json = event(text);
            for payload in [
                format!(r#"{{"events":[{json}]}}"#),
                format!(r#"{{"events":[{json}],"notes":{{"a":{{"id":"x"}}}}}}"#),
            ] {
                let glance = heads.only_event(payload.as_bytes()).unwrap();
                assert_eq!((glance.id.as_ref(), glance.seq), ("e-1", 17));
                assert_eq!(glance.time.to_string(), "2026-11-22T11:47:33.207Z");
                assert_eq!(glance.severity, Severity::Critical);
                assert_eq!(
                    glance.event().unwrap(),
                    serde_json::from_str(&json).unwrap()
                );
            }
        }
    }

    #[test]
    fn what_looks_different_is_left_to_the_book() {
        let heads = Heads::new();
        let json = event("x");
        let mut unknown: Event = serde_json::from_str(&json).unwrap();
        unknown.fact = Fact::Unknown {
            kind: "k".into(),
            detail: serde_json::from_str::<Value>(r#"[{"a":1},{"id":"x"}]"#).ok(),
        };
        let unknown = serde_json::to_string(&unknown).unwrap();
        for payload in [
            String::new(),
            r#"{"events":[]}"#.into(),
            r#"{"snapshot":{"part":1,"of":1},"notes":{}}"#.into(),
            format!(r#"{{"events":[{json},{json}]}}"#),
            format!(r#"{{"events":[{unknown}]}}"#),
            format!(r#"{{"events":[{}]}}"#, json.replace("e-1", r"e\u0031")),
            format!(r#"{{"events":[{}]}}"#, json.replace(".207Z", ".2079Z")),
            format!(r#"{{"events":[{}]}}"#, json.replace("-22T", "-31T")),
            format!(r#"{{"events":[{}]}}"#, json.replace("critical", "dire")),
            format!(
                r#"{{"events":[{}]}}"#,
                json.replace("\"seq\"", "\"sequence\"")
            ),
        ] {
            assert!(heads.only_event(payload.as_bytes()).is_none(), "{payload}");
        }
        let escaped = format!(r#"{{"events":[{unknown}]}}"#);
        assert_eq!(Payload::parse(escaped.as_bytes()).unwrap().events.len(), 1);
    }
}
