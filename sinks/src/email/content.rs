//! What a mail says, before it is laid out as text and as HTML: a headline and a section an outage.
//! All of it is harmless text here; whoever lays it out only escapes.

use contract::{Event, Fact, Failure};

use super::headline;
use super::plan::{self, Group};
use crate::clean;
use crate::clock::LocalTime;
use crate::wording;

/// The most of a command's output that is shown: lines and bytes, for a mail about one outage.
const OUTPUT: (usize, usize) = (60, 4096);
/// The same in a mail about several: lines, and bytes that these share.
const OUTPUT_IN_DIGEST: (usize, usize) = (10, 16 * 1024);
/// The most bytes of any other text from elsewhere.
const MOST_TEXT: usize = 200;

/// What a mail says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) headline: String,
    pub(super) sections: Vec<Section>,
    /// Which clock the times are read from.
    pub(super) clock: String,
}

/// What it says about one outage.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Section {
    /// Empty where the headline says it.
    pub(super) title: String,
    /// When, and what happened then.
    pub(super) events: Vec<(String, String)>,
    /// Why the last restart failed.
    pub(super) reason: Option<String>,
    /// The last lines that the restart command wrote.
    pub(super) output: Vec<String>,
    /// What it is about: labels and values.
    pub(super) about: Vec<(&'static str, String)>,
}

impl Content {
    pub(super) fn new(events: &[&Event], zone: &LocalTime) -> Self {
        let mut groups = plan::groups(events);
        // Whoever reads no further knows the worst.
        groups.sort_by_key(|group| !headline::is_about_a_zone(group));
        let most = match groups.len() {
            0 | 1 => OUTPUT,
            several => (OUTPUT_IN_DIGEST.0, (OUTPUT_IN_DIGEST.1 / several).min(1024)),
        };
        let clock = match events.last() {
            Some(last) => {
                // Only a management server knows of zones, and it tells its own time.
                let whose = match last.zone {
                    Some(_) => "management server",
                    None => "router",
                };
                format!("Times are the {whose}'s, {}.", offset(last, zone))
            }
            None => String::new(),
        };
        Self {
            headline: headline::summary(events),
            sections: groups
                .iter()
                .map(|group| Section::new(group, zone, groups.len() > 1, most))
                .collect(),
            clock,
        }
    }
}

impl Section {
    fn new(group: &Group<'_>, zone: &LocalTime, several: bool, most: (usize, usize)) -> Self {
        let failure = group.iter().rev().find_map(|event| match &event.fact {
            Fact::RestartFailed { failure, .. } => Some(failure),
            _ => None,
        });
        Self {
            title: if several {
                format!("{}: {}", headline::place(group), headline::story(group))
            } else {
                String::new()
            },
            events: group
                .iter()
                .map(|event| (stamp(event, zone), wording::sentence(event, zone)))
                .collect(),
            reason: failure.map(reason).filter(|reason| !reason.is_empty()),
            output: failure.map_or_else(Vec::new, |failure| last_lines(&failure.output, most)),
            about: about(group),
        }
    }
}

/// `2026-11-22 12:47:33`.
fn stamp(event: &Event, zone: &LocalTime) -> String {
    let time = zone.at(event.time);
    let (hour, minute, second) = time.to_hms();
    format!("{} {hour:02}:{minute:02}:{second:02}", time.date())
}

/// `UTC+01:00`.
fn offset(event: &Event, zone: &LocalTime) -> String {
    let (hours, minutes, _) = zone.at(event.time).offset().as_hms();
    let sign = if hours < 0 || minutes < 0 { '-' } else { '+' };
    format!("UTC{sign}{:02}:{:02}", hours.abs(), minutes.abs())
}

fn reason(failure: &Failure) -> String {
    let reason = text(&failure.reason);
    match failure.exit {
        Some(status) if reason.is_empty() => format!("exit {status}"),
        // It is the reason already.
        Some(status) if reason.starts_with(&format!("exit {status}")) => reason,
        Some(status) => format!("{reason} (exit {status})"),
        None => reason,
    }
}

fn about(group: &Group<'_>) -> Vec<(&'static str, String)> {
    let Some(first) = group.first() else {
        return Vec::new();
    };
    let zone = headline::zone(first);
    let is_about_a_zone = headline::is_about_a_zone(group);
    let ids: Vec<String> = group.iter().map(|event| text(&event.id)).collect();
    [
        ("Router", (!is_about_a_zone).then(|| text(&first.router))),
        ("Zone", zone),
        ("Service", first.service.as_deref().map(text)),
        ("Process", first.process.as_deref().map(text)),
        ("Outage", first.outage.as_deref().map(text)),
        ("Events", Some(ids.join(" "))),
    ]
    .into_iter()
    .filter_map(|(label, value)| Some((label, value?)))
    .collect()
}

/// The last lines of an output, at most so many lines and bytes; a line too long is cut.
fn last_lines(output: &str, (lines, mut bytes): (usize, usize)) -> Vec<String> {
    let mut kept = Vec::new();
    for line in output.trim_end().lines().rev().take(lines) {
        let line = clean::cut(clean::line(line).trim_end(), bytes);
        if line.is_empty() && bytes < 8 {
            break;
        }
        bytes = bytes.saturating_sub(line.len() + 1);
        kept.push(line);
        if bytes == 0 {
            break;
        }
    }
    kept.reverse();
    kept
}

fn text(text: &str) -> String {
    clean::cut(clean::line(text).trim(), MOST_TEXT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examples::{event, restart_failed, service_down, storm_began, unmonitored};

    #[test]
    fn an_outage_is_told_with_times_reason_output_and_ids() {
        let berlin = LocalTime::named("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let events = [
            event(1, service_down()),
            event(2, restart_failed("line 1\n\tbad\u{1b}[0m\n\n")),
            event(3, unmonitored()),
        ];
        let content = Content::new(&events.iter().collect::<Vec<_>>(), &berlin);
        assert_eq!(content.headline, "r-42-VM: dnsmasq down, restart failed");
        assert_eq!(content.clock, "Times are the router's, UTC+01:00.");
        let [section] = content.sections.as_slice() else {
            panic!("{content:?}")
        };
        assert_eq!(section.title, "");
        assert_eq!(section.events[0].0, "2026-11-22 12:47:33");
        assert!(section.events[2].1.contains("unmonitored until 13:17:33"));
        assert_eq!(
            section.reason.as_deref(),
            Some("the command failed (exit 1)")
        );
        assert_eq!(section.output, ["line 1", " bad"]);
        assert_eq!(
            section.about,
            [
                ("Router", "r-42-VM".to_owned()),
                ("Service", "dhcp".to_owned()),
                ("Process", "dnsmasq".to_owned()),
                ("Outage", "outage-1".to_owned()),
                ("Events", "event-1 event-2 event-3".to_owned()),
            ]
        );
    }

    #[test]
    fn the_zone_is_told_where_it_is_known_and_a_storm_comes_first() {
        let mut down = event(1, service_down());
        down.zone = Some("zone-1".into());
        let mut storm = event(2, storm_began());
        (storm.service, storm.process) = (None, None);
        storm.outage = Some("storm-1".into());
        storm.zone = Some("zone-1".into());
        let content = Content::new(&[&down, &storm], &LocalTime::utc());
        assert_eq!(
            content.headline,
            "zone zone-1: storm: 200 routers, 611 services failed; r-42-VM (zone-1): dnsmasq down"
        );
        assert_eq!(
            content.clock,
            "Times are the management server's, UTC+00:00."
        );
        let [first, second] = content.sections.as_slice() else {
            panic!("{content:?}")
        };
        assert!(first.title.starts_with("zone zone-1: storm"));
        assert_eq!(
            first.about,
            [
                ("Zone", "zone-1".to_owned()),
                ("Outage", "storm-1".to_owned()),
                ("Events", "event-2".to_owned()),
            ]
        );
        assert_eq!(second.about[1], ("Zone", "zone-1".to_owned()));
    }

    #[test]
    fn the_end_of_an_output_is_kept_within_bounds() {
        let lines: Vec<_> = (0..1000).map(|line| format!("line {line}")).collect();
        let output = lines.join(
            "
",
        );
        let kept = last_lines(&output, (10, 1024));
        assert_eq!(kept.len(), 10);
        assert_eq!(kept[9], "line 999");
        let kept = last_lines(&format!("first\n{}", "x".repeat(5000)), (10, 1024));
        assert_eq!(kept.len(), 1);
        assert_eq!(kept[0].len(), 1024);
        assert!(last_lines("\n\n", (10, 1024)).is_empty());
    }

    #[test]
    fn an_exit_status_is_told_once() {
        let told = |words: &str, exit| {
            reason(&Failure {
                reason: words.into(),
                exit,
                output: String::new(),
            })
        };
        assert_eq!(told("exit 3", Some(3)), "exit 3");
        assert_eq!(
            told("exit 0, but it is gone", Some(0)),
            "exit 0, but it is gone"
        );
        assert_eq!(told("it died", Some(3)), "it died (exit 3)");
        assert_eq!(told("", Some(3)), "exit 3");
        assert_eq!(told("no program", None), "no program");
    }
}
