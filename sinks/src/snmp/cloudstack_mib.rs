//! CloudStack's own MIB, for a network management system that knows it already: every event is the
//! trap of alert type 9, "domain router", with the line in `message`.

use contract::Event;

use super::config::Place;
use super::notification::{Name, Notification, Value, enterprise};
use crate::clean;
use crate::clock::LocalTime;
use crate::wording;

/// The enterprise number of the Apache Software Foundation, and `CloudStack` below it.
const ROOT: [u32; 3] = [18060, 15, 1];
/// `domainRouterVmState`: alert type 9, counted from 1.
const DOMAIN_ROUTER: [u32; 3] = [2, 0, 10];

/// `DisplayString` ends there. Source: RFC 2579 §2.
const MOST_MESSAGE: usize = 255;

/// The notification that tells this event.
pub(super) fn notification(event: &Event, place: Place, zone: &LocalTime) -> Notification {
    let values = [
        Value::Unsigned(place.data_center),
        Value::Unsigned(place.pod),
        Value::Unsigned(place.cluster),
        Value::Text(message(event, zone)),
        Value::Text(generation_time(event)),
    ];
    Notification {
        name: below(&DOMAIN_ROUTER),
        values: (1..)
            .zip(values)
            // `.0`: the one instance of a scalar.
            .map(|(object, value)| (below(&[1, object, 0]), value))
            .collect(),
    }
}

fn below(rest: &[u32]) -> Name {
    enterprise(&[&ROOT, rest].concat())
}

/// Router, process, what happened; at the end the outage, by which a clear finds its raise, and
/// the event, by which a repetition shows. `DisplayString` is ASCII.
fn message(event: &Event, zone: &LocalTime) -> String {
    let id = |text: &str| clean::name(text, 64);
    let mut ids = format!(" [event {}]", id(&event.id));
    if let Some(outage) = &event.outage {
        ids = format!(" [outage {}]{ids}", id(outage));
    }
    let words = format!(
        "{}: {} {}",
        clean::cut(&clean::line(&event.router), 64),
        wording::subject(event),
        wording::sentence(event, zone)
    );
    let ids = ascii(&ids);
    let words = ascii(&words);
    let room = MOST_MESSAGE.saturating_sub(ids.len());
    let words = if words.len() > room {
        format!("{}...", &words[..room.saturating_sub(3)])
    } else {
        words
    };
    words + &ids
}

/// What has no place in ASCII as `?`.
fn ascii(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '…' => "...".to_owned(),
            ' '..='~' => character.to_string(),
            _ => "?".to_owned(),
        })
        .collect()
}

/// As `CloudStack` prints it, which is how Java prints a `Date`: `Sun Nov 22 11:47:33 UTC 2026`.
fn generation_time(event: &Event) -> String {
    let time = event.time.to_utc();
    let short = |name: String| name.chars().take(3).collect::<String>();
    format!(
        "{} {} {:02} {:02}:{:02}:{:02} UTC {:04}",
        short(time.weekday().to_string()),
        short(time.month().to_string()),
        time.day(),
        time.hour(),
        time.minute(),
        time.second(),
        time.year()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examples;

    const PLACE: Place = Place {
        data_center: 1,
        pod: 2,
        cluster: 0,
    };

    fn texts(event: &Event) -> (String, String) {
        let notification = notification(event, PLACE, &LocalTime::utc());
        match &notification.values[3..] {
            [(_, Value::Text(message)), (_, Value::Text(time))] => (message.clone(), time.clone()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_event_is_the_trap_for_alert_type_9_with_the_five_objects_in_their_order() {
        let event = examples::event(1, examples::restarted());
        let notification = notification(&event, PLACE, &LocalTime::utc());
        let root = [1, 3, 6, 1, 4, 1, 18060, 15];
        assert_eq!(notification.name, [&root[..], &[1, 2, 0, 10]].concat());
        let names: Vec<_> = notification.values.iter().map(|it| it.0.clone()).collect();
        let expected: Vec<_> = (1..=5)
            .map(|object| [&root[..], &[1, 1, object, 0]].concat())
            .collect();
        assert_eq!(names, expected);
        assert_eq!(notification.values[0].1, Value::Unsigned(1));
        assert_eq!(notification.values[1].1, Value::Unsigned(2));
        assert_eq!(notification.values[2].1, Value::Unsigned(0));
        assert_eq!(
            texts(&event),
            (
                "r-42-VM: dnsmasq restarted as process 901 after 1 attempt; it was down for 5.1s \
                 [outage outage-1] [event event-1]"
                    .into(),
                "Sun Nov 22 11:47:33 UTC 2026".into()
            )
        );
    }

    #[test]
    fn a_clear_names_the_same_outage_as_its_raise() {
        for event in examples::events() {
            assert!(texts(&event).0.contains(" [outage outage-1] "));
        }
    }

    #[test]
    fn a_message_is_ascii_of_at_most_255_bytes_and_keeps_its_ids() {
        let mut event = examples::event(1, examples::restart_failed(&"né\u{1b}\n".repeat(4000)));
        event.router = "röuter".repeat(1000);
        event.process = Some("🔥".repeat(1000));
        let (message, _) = texts(&event);
        assert_eq!(message.len(), 255);
        assert!(message.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        assert!(message.ends_with("... [outage outage-1] [event event-1]"));
    }
}
