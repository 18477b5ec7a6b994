//! What CloudStack is told: only what needs somebody, packed into as few alerts as hold it. A
//! recovery cannot archive the alert that it ends, and would only be one more.

use contract::{Event, Fact};

use crate::{LocalTime, clean, wording};

/// The most that `description` may hold, in characters; counted in bytes here, to be safe.
const MOST: usize = 999;
/// What stands between two events.
const BETWEEN: &str = " | ";

/// The description of one alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Description(pub(super) String);

/// The alerts that tell a batch, in its order.
pub(super) fn descriptions(batch: &[Event]) -> Vec<Description> {
    // As the event's own time.
    let zone = LocalTime::utc().naming_its_offset();
    let mut packed: Vec<Description> = Vec::new();
    for event in batch.iter().filter(|event| is_told(event)) {
        let text = described(event, &zone);
        match packed.last_mut() {
            Some(last) if last.0.len() + BETWEEN.len() + text.len() <= MOST => {
                last.0.push_str(BETWEEN);
                last.0.push_str(&text);
            }
            _ => packed.push(Description(text)),
        }
    }
    packed
}

fn is_told(event: &Event) -> bool {
    wording::marker(event) == "ALERT" || matches!(event.fact, Fact::Test { .. })
}

/// `2026-11-22T11:47:33.207Z r-42-VM dnsmasq is down: … (event 0192…)`: an alert may come late, so
/// its own time stands in it.
fn described(event: &Event, zone: &LocalTime) -> String {
    let id = format!(" (event {})", clean::cut(&clean::line(&event.id), 64));
    let text = format!(
        "{} {} {} {}",
        event.time,
        clean::name(&event.router, 64),
        wording::subject(event),
        wording::sentence(event, zone)
    );
    format!("{}{id}", clean::cut(&text, MOST - id.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examples::{event, events, restart_failed, restarted, service_down};

    #[test]
    fn only_what_needs_somebody_is_told_and_a_test() {
        let told = descriptions(&events());
        assert_eq!(told.len(), 1, "{told:?}");
        for id in [1, 3, 4, 7, 8, 10] {
            assert!(
                told[0].0.contains(&format!("(event event-{id})")),
                "{told:?}"
            );
        }
        assert!(!told[0].0.contains("restarted as"), "{told:?}");
        assert!(descriptions(&[event(1, restarted())]).is_empty());
    }

    #[test]
    fn no_alert_is_longer_than_cloudstack_takes_and_no_id_is_lost() {
        let batch: Vec<_> = (1..=100)
            .map(|seq| match seq % 2 {
                0 => event(seq, restart_failed(&"é".repeat(4000))),
                _ => event(seq, service_down()),
            })
            .collect();
        let told = descriptions(&batch);
        assert!(told.len() <= 60, "{}", told.len());
        assert!(told.iter().all(|alert| alert.0.len() <= MOST));
        let all: String = told.iter().map(|alert| alert.0.as_str()).collect();
        for event in &batch {
            assert!(
                all.contains(&format!("(event {})", event.id)),
                "{}",
                event.id
            );
        }
    }
}
