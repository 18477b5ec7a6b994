//! Events in the words of the script that CloudStack has on its routers, `monitorServices.py`, and
//! more after them: for its log, and for what its management server collects from there.

use contract::{Event, Fact, Severity};

use crate::clean;
use crate::clock::LocalTime;
use crate::wording;

/// The longest text, in bytes. Source: CloudStack keeps it in `alert.subject`, `varchar(999)`.
const MOST_TEXT: usize = 900;

/// Whether an event of this severity needs somebody, so that it is an `[ALERT]`. What does not is
/// `[INFO]`, and told only when asked for: the management server makes an alert of whatever it gets.
#[must_use]
pub fn is_alert(severity: Severity) -> bool {
    severity >= Severity::Warning
}

/// What stands behind the stamp: `[ALERT] [The process dnsmasq recover failed ] dnsmasq …`. With
/// `second`, the hold-off that follows a failed restart at once, in the same line.
///
/// One line of at most 900 bytes of ASCII without a backslash: the management server splits at
/// `\n` (these two characters) and decodes in whatever character set it runs with.
#[must_use]
pub fn text(event: &Event, second: Option<&Event>, zone: &LocalTime) -> String {
    let name = wording::subject(event);
    let said = second
        .and_then(|second| wording::joined(event, second, zone))
        .unwrap_or_else(|| wording::sentence(event, zone));
    let words = match &event.fact {
        Fact::ServiceDown { .. } => {
            format!("[The process {name} is not running trying recover ] {name} {said}")
        }
        Fact::RestartFailed { .. } => {
            format!("[The process {name} recover failed ] {name} {said}")
        }
        Fact::Unmonitored { .. } if wording::is_about_the_router(event) => {
            format!("[The router is unmonitored ] {name} {said}")
        }
        Fact::Unmonitored { .. } => format!("[The process {name} is unmonitored ] {name} {said}"),
        Fact::AlertsDropped { .. } if event.sums_up() => {
            format!("[The process {name} is flapping ] {name} {said}")
        }
        Fact::AlertsDropped { .. } => format!("[Alerts were lost ] {name} {said}"),
        Fact::Restarted { .. } | Fact::Recovered { .. } => {
            format!("[{name}] The process {name} is recovered successfully: {said}")
        }
        Fact::Remonitored { .. } => format!("[{name}] The process {name} is {said}"),
        Fact::RouterUnreachable { .. } => format!("[The router is unreachable ] {name} {said}"),
        Fact::StormBegan { .. } => format!("[Many routers failed ] {name} {said}"),
        Fact::RouterReachable { .. } | Fact::StormEnded { .. } => {
            format!("[{name}] The {name} {said}")
        }
        Fact::Test { .. } | Fact::Unknown { .. } => format!("[{name}] {said}"),
    };
    plain(&format!("[{}] {words}", wording::marker(event)))
}

/// The events of one line: two when the second only says what followed from the first at once.
#[must_use]
pub fn belong_together(first: &Event, second: &Event) -> bool {
    wording::joined(first, second, &LocalTime::utc()).is_some()
}

/// Cut, and in ASCII without a backslash.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in clean::cut(&clean::line(text), MOST_TEXT).chars() {
        match letter {
            '…' => plain.push_str("..."),
            '\\' => plain.push('/'),
            letter if letter.is_ascii() => plain.push(letter),
            _ => plain.push('?'),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::examples::{self, event};

    fn words(seq: u64, fact: Fact) -> String {
        text(&event(seq, fact), None, &LocalTime::utc())
    }

    #[test]
    fn every_kind_starts_with_cloudstacks_own_words_and_then_says_more() {
        let told: Vec<String> = examples::events()
            .iter()
            .map(|event| text(event, None, &LocalTime::utc()))
            .collect();
        assert_eq!(
            told,
            [
                "[ALERT] [The process dnsmasq is not running trying recover ] dnsmasq is down: process 812 is gone (ended by SIGKILL); noticed at 11:47:28",
                "[INFO] [dnsmasq] The process dnsmasq is recovered successfully: restarted as process 901 after 1 attempt; it was down for 5.1s",
                "[ALERT] [The process dnsmasq recover failed ] dnsmasq restart failed after 5 attempts (exit 1: \"dnsmasq: unknown option\")",
                "[ALERT] [The process dnsmasq is unmonitored ] dnsmasq unmonitored until 12:17:33 (restart failed)",
                "[INFO] [dnsmasq] The process dnsmasq is recovered successfully: came back by itself as process 901 after 1.2s; process 812 was gone (exit 0); noticed at 11:47:28",
                "[INFO] [dnsmasq] The process dnsmasq is monitored again: it runs as process 901",
                "[ALERT] [Alerts were lost ] dnsmasq 3 alerts lost (events 4 to 6): the journal is full; sink `local` did not get them",
                "[INFO] [dnsmasq] test alert: hello",
                "[INFO] [dnsmasq] event `service_tired` of a newer vrwatch: 3",
                "[ALERT] [The router is unreachable ] router is unreachable: 3 visits failed; last visited at 11:30:00; no answer within 10s",
                "[INFO] [router] The router is reachable again; the last visit before was 17m ago",
                "[ALERT] [Many routers failed ] zone zone-1 is in a storm: 200 routers, 611 services failed since 11:46:50; what belongs to it is summed up when it is over",
                "[INFO] [zone zone-1] The zone zone-1 is over its storm of 23m: 200 routers, 611 services failed, in 640 outages; 3 outages go on: r-7-VM dhcp, r-9-VM router and 1 more",
            ]
        );
        for event in examples::events() {
            let is_alert = wording::marker(&event) == "ALERT";
            assert_eq!(is_alert, super::is_alert(event.severity));
        }
    }

    #[test]
    fn a_failed_restart_and_its_hold_off_are_one_line() {
        let failed = event(3, examples::restart_failed("no such option"));
        let held_off = event(4, examples::unmonitored());
        assert!(belong_together(&failed, &held_off));
        assert!(!belong_together(&held_off, &failed));
        assert_eq!(
            text(&failed, Some(&held_off), &LocalTime::utc()),
            "[ALERT] [The process dnsmasq recover failed ] dnsmasq restart failed after 5 attempts (exit 1: \"no such option\"); unmonitored until 12:17:33"
        );
    }

    proptest! {
        #[test]
        fn whatever_a_command_prints_the_text_is_one_short_line_without_a_backslash(
            output in "(?s).{0,2000}",
        ) {
            let words = words(3, examples::restart_failed(&output));
            prop_assert!(words.starts_with("[ALERT] [The process dnsmasq recover failed ] dnsmasq "));
            prop_assert!(words.len() <= MOST_TEXT);
            prop_assert!(words.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b'\\'));
        }
    }
}
