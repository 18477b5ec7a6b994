//! The parts of a syslog line: severity, time stamp, header words, structured data.

use std::collections::BTreeMap;

use contract::{Event, Fact, Severity, UnmonitoredReason};
use time::OffsetDateTime;

use crate::{clean, wording};

/// The name of our own structured data. 32473 is the enterprise number that IANA keeps for
/// examples (RFC 5612); vrwatch has none of its own.
const OWN_DATA: &str = "vrwatch@32473";
/// The most bytes of one value before escaping. Ten values of this size, doubled by escapes, leave
/// room for the header and the text within 2048 octets.
const MOST_VALUE: usize = 64;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// The `syslog` crate's name for our severity's number.
pub(super) const fn severity(severity: Severity) -> syslog::Severity {
    match severity.syslog() {
        0 => syslog::Severity::LOG_EMERG,
        1 => syslog::Severity::LOG_ALERT,
        2 => syslog::Severity::LOG_CRIT,
        3 => syslog::Severity::LOG_ERR,
        4 => syslog::Severity::LOG_WARNING,
        5 => syslog::Severity::LOG_NOTICE,
        6 => syslog::Severity::LOG_INFO,
        _ => syslog::Severity::LOG_DEBUG,
    }
}

/// `Nov  2 12:47:33`: the day is padded with a blank. Source: RFC 3164 §4.1.2.
pub(super) fn stamp_3164(time: OffsetDateTime) -> String {
    let month = MONTHS[usize::from(u8::from(time.month())) - 1];
    let (hour, minute, second) = time.to_hms();
    format!(
        "{month} {:>2} {hour:02}:{minute:02}:{second:02}",
        time.day()
    )
}

/// A header word: printable ASCII without blanks, at most `limit` bytes; `-` when there is none.
pub(super) fn printable(text: &str, limit: usize) -> String {
    let word: String = text
        .chars()
        .take(limit)
        .map(|letter| {
            if letter.is_ascii_graphic() {
                letter
            } else {
                '?'
            }
        })
        .collect();
    if word.is_empty() { "-".into() } else { word }
}

/// The structured data of one line: RFC 5674's `alarm`, and what identifies the event. The second
/// event is the one whose words stand in the same line.
pub(super) fn structured(
    event: &Event,
    second: Option<&Event>,
) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut data = BTreeMap::new();
    if let Some(alarm) = alarm(event) {
        data.insert("alarm".into(), alarm);
    }
    let mut own = BTreeMap::new();
    let mut put = |name: &str, text: &str| {
        own.insert(name.to_owned(), value(text));
    };
    put("id", &event.id);
    put("seq", &event.seq.to_string());
    put("router", &event.router);
    put("kind", event.fact.kind());
    for (name, text) in [
        ("service", &event.service),
        ("process", &event.process),
        ("outage", &event.outage),
        ("zone", &event.zone),
        ("storm", &event.storm),
    ] {
        if let Some(text) = text {
            put(name, text);
        }
    }
    if let Some(second) = second {
        put("and_id", &second.id);
        put("and_seq", &second.seq.to_string());
        put("and_kind", second.fact.kind());
    }
    data.insert(OWN_DATA.into(), own);
    data
}

/// RFC 5674's `alarm`; absent for what is no alarm. The cause stays the same through an outage, so
/// that a receiver can match the clear with its raise (ITU-T X.733 §8.1.2.1).
fn alarm(event: &Event) -> Option<BTreeMap<String, String>> {
    let of_the_router = wording::is_about_the_router(event);
    let cause = match &event.fact {
        _ if of_the_router => "lossOfSignal",
        Fact::Test { .. } | Fact::Unknown { .. } => return None,
        Fact::AlertsDropped { .. } if !event.sums_up() => "queueSizeExceeded",
        Fact::Unmonitored {
            reason: UnmonitoredReason::Held { .. } | UnmonitoredReason::Removed,
            ..
        } => "other",
        Fact::StormBegan { .. } | Fact::StormEnded { .. } => "communicationsSubsystemFailure",
        _ => "softwareProgramAbnormallyTerminated",
    };
    let class = if of_the_router || event.fact.is_about_a_zone() {
        "communicationsAlarm"
    } else {
        "processingErrorAlarm"
    };
    let resource = event.service.as_deref().unwrap_or(&event.router);
    let mut alarm = BTreeMap::from([
        ("resource".into(), value(resource)),
        ("probableCause".into(), cause.into()),
        ("perceivedSeverity".into(), event.severity.name().into()),
        ("eventType".into(), class.into()),
    ]);
    // RFC 5674 §3.5: compared with the alarm that is outstanding, here the ServiceDown.
    if matches!(event.fact, Fact::RestartFailed { .. }) && event.outage.is_some() {
        alarm.insert("trendIndication".into(), "moreSevere".into());
    }
    Some(alarm)
}

/// A value, before the `syslog` crate escapes it.
fn value(text: &str) -> String {
    clean::cut(&clean::line(text), MOST_VALUE)
}
