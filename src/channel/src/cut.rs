//! Keeps every text of an event within a length, so that one event always fits its record and no
//! publisher can fill the memory or the disk with a single alert.

use contract::{Cause, Event, Fact, UnmonitoredReason};

/// Names: router, service, process, outage, sink. In bytes.
pub(crate) const MAX_NAME: usize = 256;
/// Names in a list.
const MAX_NAMES: usize = 20;
/// Reasons and problems, in bytes.
const MAX_REASON: usize = 1024;
/// The output of a command and the text of a test, in bytes.
const MAX_OUTPUT: usize = 4096;
/// The detail of a kind that this version does not know, as JSON, in bytes.
const MAX_DETAIL: usize = 16 * 1024;

/// Cuts every text of the event to its length.
pub(crate) fn cut(event: &mut Event) {
    let maybe = [
        &mut event.service,
        &mut event.process,
        &mut event.outage,
        &mut event.zone,
        &mut event.storm,
    ];
    for name in [&mut event.id, &mut event.router]
        .into_iter()
        .chain(maybe.into_iter().flatten())
    {
        keep_start(name, MAX_NAME);
    }
    match &mut event.fact {
        Fact::ServiceDown { cause, .. } => match cause {
            Cause::OtherProcess { name, .. } => keep_start(name, MAX_NAME),
            Cause::BadPidFile { problem } => keep_start(problem, MAX_REASON),
            Cause::Gone { .. } | Cause::Zombie { .. } | Cause::NoPidFile | Cause::Unknown => {}
        },
        Fact::RestartFailed { failure, .. } => {
            keep_start(&mut failure.reason, MAX_REASON);
            keep_end(&mut failure.output, MAX_OUTPUT);
        }
        Fact::Unmonitored {
            reason: UnmonitoredReason::Held { reason },
            ..
        }
        | Fact::RouterUnreachable { reason, .. } => keep_start(reason, MAX_REASON),
        Fact::AlertsDropped { sink, reason, .. } => {
            if let Some(sink) = sink {
                keep_start(sink, MAX_NAME);
            }
            keep_start(reason, MAX_REASON);
        }
        Fact::StormBegan { zone, .. } => keep_start(zone, MAX_NAME),
        Fact::StormEnded {
            zone,
            still_down_first,
            ..
        } => {
            keep_start(zone, MAX_NAME);
            still_down_first.truncate(MAX_NAMES);
            for name in still_down_first {
                keep_start(name, MAX_NAME);
            }
        }
        Fact::Test { text } => keep_start(text, MAX_OUTPUT),
        Fact::Unknown { kind, detail } => {
            keep_start(kind, MAX_NAME);
            let too_long = serde_json::to_vec(detail).map_or(true, |json| json.len() > MAX_DETAIL);
            if too_long {
                *detail = None;
            }
        }
        Fact::Unmonitored { .. }
        | Fact::Restarted { .. }
        | Fact::Recovered { .. }
        | Fact::Remonitored { .. }
        | Fact::RouterReachable { .. } => {}
    }
}

/// Keeps the first `length` bytes, to a whole character.
pub(crate) fn keep_start(text: &mut String, length: usize) {
    if text.len() > length {
        text.truncate(text.floor_char_boundary(length));
        text.shrink_to_fit();
    }
}

/// Keeps the last `length` bytes, to a whole character: a command says last why it failed.
fn keep_end(text: &mut String, length: usize) {
    if text.len() > length {
        let start = text.ceil_char_boundary(text.len() - length);
        *text = text.split_off(start);
    }
}

#[cfg(test)]
mod tests {
    use contract::{Draft, Failure, Timestamp};

    use super::*;

    #[test]
    fn the_end_of_an_output_and_the_start_of_a_name_are_kept_to_whole_characters() {
        let draft = Draft {
            service: Some("é".repeat(1000)),
            process: None,
            outage: None,
            time: Timestamp::EPOCH,
            fact: Fact::RestartFailed {
                attempts: 1,
                failure: Failure {
                    reason: "r".repeat(9999),
                    exit: None,
                    output: format!("é{}the end", "é".repeat(9999)),
                },
            },
        };
        let mut event = Event::new(draft, "i".repeat(999), 1, "r".repeat(999));
        cut(&mut event);
        assert_eq!((event.id.len(), event.router.len()), (MAX_NAME, MAX_NAME));
        assert_eq!(event.service, Some("é".repeat(MAX_NAME / 2)));
        let Fact::RestartFailed { failure, .. } = event.fact else {
            panic!("the kind stays");
        };
        assert_eq!(failure.reason.len(), MAX_REASON);
        assert!(failure.output.ends_with("éthe end") && failure.output.len() <= MAX_OUTPUT);
    }
}
