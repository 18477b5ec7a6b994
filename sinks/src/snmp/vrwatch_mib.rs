//! Our own MIB: one notification for every kind of event, and one for those that are told in sum. The names of the numbers here are in
//! `config/VRWATCH-MIB.txt`, and a test keeps the two together.

use contract::{Cause, Ended, Event, Fact, LookedAgain, Severity, Timestamp, UnmonitoredReason};

use super::notification::{Name, Notification, Value, enterprise};
use crate::clean;
use crate::clock::LocalTime;
use crate::wording;

/// `vrwatchMIB`. 32473 is the enterprise number that IANA keeps for examples (RFC 5612): vrwatch
/// has none of its own.
const MODULE: [u32; 2] = [32473, 9420];
const NOTIFICATIONS: u32 = 0;
const OBJECTS: u32 = 1;

/// The most of a name or an id; bytes. Both fit every id that vrwatch makes.
const MOST_NAME: usize = 64;
/// The most of the sentence; bytes.
const MOST_SENTENCE: usize = 480;
/// The most of a reason or of a command's output; bytes.
const MOST_REASON: usize = 160;

/// The objects, numbered as in the MIB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Object {
    EventId = 1,
    Seq,
    Router,
    Service,
    Process,
    Outage,
    Severity,
    Time,
    Sentence,
    LastPid,
    Pid,
    Attempts,
    Downtime,
    Noticed,
    Until,
    Reason,
    ExitStatus,
    Signal,
    Output,
    LostCount,
    FirstSeq,
    LastSeq,
    Sink,
    Kind,
    SummedCount,
    Misses,
    LastSeen,
    Zone,
    Routers,
    Services,
    Outages,
    StillDown,
}

/// The notification that tells this event.
pub(super) fn notification(event: &Event, zone: &LocalTime) -> Notification {
    let mut objects = common(event, zone);
    objects.extend(specific(event, zone));
    Notification {
        name: below(NOTIFICATIONS, &[number(event)]),
        values: objects
            .into_iter()
            // `.0`: the one instance of a scalar.
            .map(|(object, value)| (below(OBJECTS, &[object as u32, 0]), value))
            .collect(),
    }
}

fn below(branch: u32, rest: &[u32]) -> Name {
    enterprise(&[&MODULE, [branch].as_slice(), rest].concat())
}

/// The last number of the notification's name.
const fn number(event: &Event) -> u32 {
    match &event.fact {
        Fact::ServiceDown { .. } => 1,
        Fact::Restarted { .. } => 2,
        Fact::RestartFailed { .. } => 3,
        Fact::Unmonitored { .. } => 4,
        Fact::Recovered { .. } => 5,
        Fact::Remonitored { .. } => 6,
        Fact::AlertsDropped { .. } if event.sums_up() => 10,
        Fact::AlertsDropped { .. } => 7,
        Fact::Test { .. } => 8,
        Fact::Unknown { .. } => 9,
        Fact::RouterUnreachable { .. } => 11,
        Fact::RouterReachable { .. } => 12,
        Fact::StormBegan { .. } => 13,
        Fact::StormEnded { .. } => 14,
    }
}

/// What every notification carries.
fn common(event: &Event, zone: &LocalTime) -> Vec<(Object, Value)> {
    let optional = |text: &Option<String>| name(text.as_deref().unwrap_or_default());
    vec![
        (Object::EventId, name(&event.id)),
        (Object::Seq, Value::Counter(event.seq)),
        (Object::Router, name(&event.router)),
        (Object::Service, optional(&event.service)),
        (Object::Process, optional(&event.process)),
        (Object::Outage, optional(&event.outage)),
        (Object::Severity, severity(event.severity)),
        (Object::Time, date_and_time(event.time, zone)),
        (
            Object::Sentence,
            text(
                &format!(
                    "{} {}",
                    wording::subject(event),
                    wording::sentence(event, zone)
                ),
                MOST_SENTENCE,
            ),
        ),
    ]
}

/// What only this kind carries. What is not known stands as zero or as an empty text, because the
/// objects of a notification may not be left out (RFC 2578 §8.1).
fn specific(event: &Event, zone: &LocalTime) -> Vec<(Object, Value)> {
    match &event.fact {
        Fact::ServiceDown {
            noticed,
            last_pid,
            cause,
            ended,
        } => vec![
            (Object::LastPid, Value::Unsigned(last_pid.unwrap_or(0))),
            (Object::Noticed, date_and_time(*noticed, zone)),
            (Object::Reason, reason(&found(cause))),
            (Object::ExitStatus, Value::Integer(exit_status(*ended))),
            (Object::Signal, Value::Integer(signal(*ended))),
        ],
        Fact::Restarted {
            pid,
            attempts,
            downtime,
        } => vec![
            (Object::Pid, Value::Unsigned(*pid)),
            (Object::Attempts, Value::Unsigned(*attempts)),
            (Object::Downtime, milliseconds(*downtime)),
        ],
        Fact::RestartFailed { attempts, failure } => vec![
            (Object::Attempts, Value::Unsigned(*attempts)),
            (Object::Reason, reason(&failure.reason)),
            (
                Object::ExitStatus,
                Value::Integer(failure.exit.map_or(-1, |status| status.max(-1))),
            ),
            (
                Object::Output,
                Value::Text(clean::last_lines(&failure.output, MOST_REASON)),
            ),
        ],
        Fact::Unmonitored { until, reason: why } => vec![
            (
                Object::Until,
                until.map_or_else(no_date, |until| date_and_time(until, zone)),
            ),
            (Object::Reason, reason(&why_unmonitored(why))),
        ],
        Fact::Recovered {
            noticed,
            last_pid,
            pid,
            downtime,
            ended,
        } => vec![
            (Object::LastPid, Value::Unsigned(last_pid.unwrap_or(0))),
            (Object::Pid, Value::Unsigned(*pid)),
            (Object::Downtime, milliseconds(*downtime)),
            (Object::Noticed, date_and_time(*noticed, zone)),
            (Object::ExitStatus, Value::Integer(exit_status(*ended))),
            (Object::Signal, Value::Integer(signal(*ended))),
        ],
        Fact::Remonitored { found } => vec![(
            Object::Pid,
            Value::Unsigned(match found {
                LookedAgain::Up { pid } => *pid,
                LookedAgain::Down => 0,
            }),
        )],
        Fact::AlertsDropped {
            count,
            first_seq,
            last_seq,
            reason: why,
            ..
        } if event.sums_up() => vec![
            (Object::SummedCount, Value::Counter(*count)),
            (Object::FirstSeq, Value::Counter(*first_seq)),
            (Object::LastSeq, Value::Counter(*last_seq)),
            (Object::Reason, reason(why)),
        ],
        Fact::AlertsDropped {
            count,
            first_seq,
            last_seq,
            sink,
            reason: why,
        } => vec![
            (Object::LostCount, Value::Counter(*count)),
            (Object::FirstSeq, Value::Counter(*first_seq)),
            (Object::LastSeq, Value::Counter(*last_seq)),
            (Object::Sink, name(sink.as_deref().unwrap_or_default())),
            (Object::Reason, reason(why)),
        ],
        Fact::RouterUnreachable { .. } | Fact::RouterReachable { .. } => {
            of_the_router(&event.fact, zone)
        }
        Fact::StormBegan { .. } | Fact::StormEnded { .. } => of_the_zone(&event.fact, zone),
        Fact::Test { .. } => vec![],
        Fact::Unknown { kind, .. } => vec![(Object::Kind, name(kind))],
    }
}

/// What is told about the router as a whole.
fn of_the_router(fact: &Fact, zone: &LocalTime) -> Vec<(Object, Value)> {
    match fact {
        Fact::RouterUnreachable {
            misses,
            last_seen,
            reason: why,
        } => vec![
            (Object::Misses, Value::Unsigned(*misses)),
            (
                Object::LastSeen,
                last_seen.map_or_else(no_date, |seen| date_and_time(seen, zone)),
            ),
            (Object::Reason, reason(why)),
        ],
        Fact::RouterReachable { downtime } => {
            vec![(Object::Downtime, milliseconds(downtime.unwrap_or_default()))]
        }
        _ => vec![],
    }
}

/// What is told about a zone as a whole.
fn of_the_zone(fact: &Fact, clock: &LocalTime) -> Vec<(Object, Value)> {
    match fact {
        Fact::StormBegan {
            zone,
            routers,
            services,
            since,
        } => vec![
            (Object::Zone, name(zone)),
            (Object::Routers, Value::Unsigned(*routers)),
            (Object::Services, Value::Unsigned(*services)),
            (Object::Noticed, date_and_time(*since, clock)),
        ],
        Fact::StormEnded {
            zone,
            routers,
            services,
            outages,
            duration,
            still_down,
            ..
        } => vec![
            (Object::Zone, name(zone)),
            (Object::Routers, Value::Unsigned(*routers)),
            (Object::Services, Value::Unsigned(*services)),
            (Object::Outages, Value::Unsigned(*outages)),
            (Object::StillDown, Value::Unsigned(*still_down)),
            (Object::Downtime, milliseconds(*duration)),
        ],
        _ => vec![],
    }
}

fn text(text: &str, limit: usize) -> Value {
    Value::Text(clean::cut(clean::line(text).trim(), limit))
}

fn name(name: &str) -> Value {
    text(name, MOST_NAME)
}

fn reason(why: &str) -> Value {
    text(why, MOST_REASON)
}

/// Source: RFC 3877 §5.4, `ItuPerceivedSeverity`.
const fn severity(severity: Severity) -> Value {
    Value::Integer(match severity {
        Severity::Cleared => 1,
        Severity::Indeterminate => 2,
        Severity::Critical => 3,
        Severity::Major => 4,
        Severity::Minor => 5,
        Severity::Warning => 6,
    })
}

fn found(cause: &Cause) -> String {
    match cause {
        Cause::Unknown => String::new(),
        known => known.to_string(),
    }
}

fn why_unmonitored(reason: &UnmonitoredReason) -> String {
    match reason {
        UnmonitoredReason::RestartFailed => "every restart failed".into(),
        UnmonitoredReason::CrashLoop => "it dies again after every restart".into(),
        UnmonitoredReason::Held { reason } if reason.trim().is_empty() => {
            "held by an operator".into()
        }
        UnmonitoredReason::Held { reason } => format!("held by an operator: {reason}"),
        UnmonitoredReason::Removed => "the configuration no longer names it".into(),
        UnmonitoredReason::Unknown => String::new(),
    }
}

/// −1: not known, or a signal ended it.
const fn exit_status(ended: Ended) -> i32 {
    match ended {
        Ended::Exit(status) if status >= 0 => status,
        _ => -1,
    }
}

/// 0: not known, or it exited.
const fn signal(ended: Ended) -> i32 {
    match ended {
        Ended::Signal(number) if number > 0 => number,
        _ => 0,
    }
}

fn milliseconds(duration: std::time::Duration) -> Value {
    Value::Unsigned(u32::try_from(duration.as_millis()).unwrap_or(u32::MAX))
}

/// `DateAndTime` with the zone's offset; eleven octets. Source: RFC 2579 §2.
fn date_and_time(instant: Timestamp, zone: &LocalTime) -> Value {
    let local = zone.at(instant);
    let (hours, minutes, _) = local.offset().as_hms();
    let sign = if hours < 0 || minutes < 0 { b'-' } else { b'+' };
    let year = u16::try_from(local.year()).unwrap_or(0).to_be_bytes();
    let tenths = u8::try_from(local.millisecond() / 100).unwrap_or(0);
    Value::Octets(vec![
        year[0],
        year[1],
        u8::from(local.month()),
        local.day(),
        local.hour(),
        local.minute(),
        local.second(),
        tenths,
        sign,
        hours.unsigned_abs(),
        minutes.unsigned_abs(),
    ])
}

/// Eight zeros: there is no such time.
fn no_date() -> Value {
    Value::Octets(vec![0; 8])
}

#[cfg(test)]
#[path = "vrwatch_mib_tests.rs"]
mod tests;
