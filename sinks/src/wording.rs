//! Says in plain words what an event tells: what happened, and why. Every sink that people read
//! uses these sentences, so that the same event reads the same everywhere.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

use contract::{Cause, Ended, Event, Fact, Failure, LookedAgain, Timestamp, UnmonitoredReason};

use crate::clean;
use crate::clock::LocalTime;

mod zone;

pub use self::zone::{extent, zone_itself};

/// The most of a command's output that stands in a sentence; bytes.
const MOST_OUTPUT: usize = 300;
/// The most of any other text from elsewhere that stands in a sentence; bytes.
const MOST_TEXT: usize = 200;

/// `ALERT` for what needs somebody, `INFO` for what is over or only worth knowing: the words that
/// the script of `CloudStack` uses.
#[must_use]
pub fn marker(event: &Event) -> &'static str {
    if event.severity >= contract::Severity::Warning {
        "ALERT"
    } else {
        "INFO"
    }
}

/// Whether it is about the router as a whole, as its management server sees it.
#[must_use]
pub const fn is_about_the_router(event: &Event) -> bool {
    match &event.fact {
        Fact::RouterUnreachable { .. } | Fact::RouterReachable { .. } => true,
        // It is to run no longer, or was removed.
        Fact::Unmonitored { .. } => event.service.is_none() && event.process.is_none(),
        _ => false,
    }
}

/// What the event is about, as `CloudStack` names it: the process, else the service, else vrwatch;
/// or the router itself, or a zone.
#[must_use]
pub fn subject(event: &Event) -> Cow<'_, str> {
    if is_about_the_router(event) {
        return Cow::Borrowed("router");
    }
    if let Some(zone) = zone_itself(&event.fact) {
        return Cow::Owned(zone);
    }
    event
        .process
        .as_deref()
        .or(event.service.as_deref())
        .map_or(Cow::Borrowed("vrwatch"), |name| {
            Cow::Owned(clean::name(name, 64))
        })
}

/// What happened and why: one line without control characters, which makes sense after the
/// subject's name. Times of day are the zone's; the day is named when it is not the event's own.
#[must_use]
pub fn sentence(event: &Event, zone: &LocalTime) -> String {
    let clock = |instant| time_of_day(instant, event.time, zone);
    match &event.fact {
        Fact::ServiceDown {
            noticed,
            last_pid,
            cause,
            ended,
        } => {
            let mut words = format!("is down: {}", found(cause));
            if let Some(pid) = last_pid.filter(|pid| !names_pid(cause, *pid)) {
                let _ = write!(words, "; it was process {pid}");
            }
            if let Some(ended) = how_it_ended(*ended) {
                let _ = write!(words, " ({ended})");
            }
            let _ = write!(words, "; noticed at {}", clock(*noticed));
            words
        }
        // From CloudStack's own script, which tells neither process nor attempts.
        Fact::Restarted {
            pid: 0, downtime, ..
        } => match *downtime {
            Duration::ZERO => "was restarted".into(),
            known => format!("was restarted; it was down for {}", seconds(known)),
        },
        Fact::Restarted {
            pid,
            attempts,
            downtime,
        } => format!(
            "restarted as process {pid} after {}; it was down for {}",
            count(u64::from(*attempts), "attempt"),
            seconds(*downtime)
        ),
        Fact::RestartFailed { attempts, failure } => restart_failed(*attempts, failure),
        Fact::Unmonitored { until, reason } => {
            format!(
                "{}{}",
                unmonitored(*until, reason, event.time, zone),
                because(reason)
            )
        }
        Fact::Recovered {
            noticed,
            last_pid,
            pid,
            downtime,
            ended,
        } => {
            let mut words = format!(
                "came back by itself as process {pid} after {}",
                seconds(*downtime)
            );
            let ended = how_it_ended(*ended);
            if last_pid.is_some() || ended.is_some() {
                let old = last_pid.map_or_else(
                    || "the old process".to_owned(),
                    |pid| format!("process {pid}"),
                );
                let _ = write!(words, "; {old} was gone");
                if let Some(ended) = ended {
                    let _ = write!(words, " ({ended})");
                }
            }
            let _ = write!(words, "; noticed at {}", clock(*noticed));
            words
        }
        Fact::Remonitored { found } => match found {
            LookedAgain::Up { pid } => format!("monitored again: it runs as process {pid}"),
            LookedAgain::Down => "monitored again: it is still down and is restarted now".into(),
        },
        Fact::AlertsDropped { .. } => dropped(event),
        Fact::RouterUnreachable { .. } | Fact::RouterReachable { .. } => of_the_router(event, zone),
        Fact::StormBegan { .. } | Fact::StormEnded { .. } => zone::storm(event, zone),
        Fact::Test { text: shown } => format!("test alert: {}", text(shown)),
        Fact::Unknown { kind, detail } => {
            let mut words = format!("event `{}` of a newer vrwatch", text(kind));
            if let Some(detail) = detail
                .as_ref()
                .and_then(|it| serde_json::to_string(it).ok())
            {
                let _ = write!(words, ": {}", text(&detail));
            }
            words
        }
    }
}

/// How the router as a whole stands.
fn of_the_router(event: &Event, zone: &LocalTime) -> String {
    match &event.fact {
        Fact::RouterUnreachable {
            misses,
            last_seen,
            reason,
        } => {
            let seen = last_seen.map_or_else(
                || "it has never been visited".to_owned(),
                |seen| format!("last visited at {}", time_of_day(seen, event.time, zone)),
            );
            format!(
                "is unreachable: {} failed; {seen}; {}",
                count(u64::from(*misses), "visit"),
                text(reason)
            )
        }
        Fact::RouterReachable { downtime } => match downtime {
            Some(downtime) => format!(
                "is reachable again; the last visit before was {} ago",
                seconds(*downtime)
            ),
            None => "is reachable for the first time".into(),
        },
        _ => String::new(),
    }
}

/// What became of alerts that were not handed over one by one.
fn dropped(event: &Event) -> String {
    let Fact::AlertsDropped {
        count: lost,
        first_seq,
        last_seq,
        sink,
        reason,
    } = &event.fact
    else {
        return String::new();
    };
    if event.sums_up() {
        return format!("{} (events {first_seq} to {last_seq})", text(reason));
    }
    let mut words = if *lost == 0 {
        format!("alerts may be lost: {}", text(reason))
    } else {
        format!(
            "{} lost (events {first_seq} to {last_seq}): {}",
            count(*lost, "alert"),
            text(reason)
        )
    };
    if let Some(sink) = sink {
        let _ = write!(words, "; sink `{}` did not get them", text(sink));
    }
    words
}

/// One sentence for a restart that failed and for what followed from it at once: the two events
/// that one decision makes. `None` when they do not belong together.
#[must_use]
pub fn joined(first: &Event, second: &Event, zone: &LocalTime) -> Option<String> {
    let same_outage = first.outage.is_some()
        && first.outage == second.outage
        && first.service == second.service
        && first.router == second.router;
    match (&first.fact, &second.fact) {
        (
            Fact::RestartFailed { attempts, failure },
            Fact::Unmonitored {
                until,
                reason: reason @ (UnmonitoredReason::RestartFailed | UnmonitoredReason::CrashLoop),
            },
        ) if same_outage => Some(format!(
            "{}; {}",
            restart_failed(*attempts, failure),
            unmonitored(*until, reason, second.time, zone)
        )),
        _ => None,
    }
}

fn restart_failed(attempts: u32, failure: &Failure) -> String {
    let why = match failure.exit {
        Some(status) if status != 0 => format!("exit {status}"),
        _ => text(&failure.reason),
    };
    let output = clean::last_lines(&failure.output, MOST_OUTPUT).replace('"', "'");
    let why = match (why.is_empty(), output.is_empty()) {
        (true, true) => String::new(),
        (false, true) => format!(" ({why})"),
        (true, false) => format!(" (\"{output}\")"),
        (false, false) => format!(" ({why}: \"{output}\")"),
    };
    if attempts == 0 {
        format!("was not restarted{why}")
    } else {
        format!(
            "restart failed after {}{why}",
            count(u64::from(attempts), "attempt")
        )
    }
}

fn unmonitored(
    until: Option<Timestamp>,
    reason: &UnmonitoredReason,
    decided: Timestamp,
    zone: &LocalTime,
) -> String {
    match (reason, until) {
        (UnmonitoredReason::Removed, _) => "no longer monitored".into(),
        (_, Some(until)) => format!("unmonitored until {}", time_of_day(until, decided, zone)),
        (_, None) => "unmonitored until released".into(),
    }
}

fn because(reason: &UnmonitoredReason) -> String {
    match reason {
        UnmonitoredReason::RestartFailed => " (restart failed)".into(),
        UnmonitoredReason::CrashLoop => " (it dies again after every restart)".into(),
        UnmonitoredReason::Held { reason } if reason.trim().is_empty() => {
            " (held by an operator)".into()
        }
        UnmonitoredReason::Held { reason } => format!(" (held by an operator: {})", text(reason)),
        UnmonitoredReason::Removed => " (the configuration no longer names it)".into(),
        UnmonitoredReason::Unknown => String::new(),
    }
}

fn found(cause: &Cause) -> String {
    clean::cut(&clean::line(&cause.to_string()), MOST_TEXT)
}

const fn names_pid(cause: &Cause, pid: u32) -> bool {
    match cause {
        Cause::Gone { pid: named }
        | Cause::Zombie { pid: named }
        | Cause::OtherProcess { pid: named, .. } => *named == pid,
        Cause::NoPidFile | Cause::BadPidFile { .. } | Cause::Unknown => false,
    }
}

fn how_it_ended(ended: Ended) -> Option<String> {
    match ended {
        Ended::Unknown => None,
        Ended::Exit(status) => Some(format!("exit {status}")),
        Ended::Signal(number) => Some(match signal_name(number) {
            Some(name) => format!("ended by {name}"),
            None => format!("ended by signal {number}"),
        }),
    }
}

/// The names of the signals that end processes, on Linux. Source: signal(7).
const fn signal_name(number: i32) -> Option<&'static str> {
    Some(match number {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        24 => "SIGXCPU",
        25 => "SIGXFSZ",
        31 => "SIGSYS",
        _ => return None,
    })
}

/// `12:17:33`, with the date before it when that is another day than the event's.
fn time_of_day(instant: Timestamp, event: Timestamp, zone: &LocalTime) -> String {
    let (instant, event) = (zone.at(instant), zone.at(event));
    let offset = zone.offset_of(instant);
    let mut words = String::new();
    if instant.date() != event.date() {
        let _ = write!(words, "{} ", instant.date());
    }
    let (hour, minute, second) = instant.to_hms();
    let _ = write!(words, "{hour:02}:{minute:02}:{second:02}{offset}");
    words
}

/// `5.1s` below a minute, `3m 2s` above it.
fn seconds(duration: Duration) -> String {
    if duration < Duration::from_mins(1) {
        let tenths = duration.as_millis() / 100;
        format!("{}.{}s", tenths / 10, tenths % 10)
    } else {
        contract::human::Duration(Duration::from_secs(duration.as_secs())).to_string()
    }
}

fn count(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

fn text(text: &str) -> String {
    clean::cut(clean::line(text).trim(), MOST_TEXT)
}

#[cfg(test)]
#[path = "wording_tests.rs"]
mod tests;
