//! Which mails a batch becomes: one an outage while these are few, else one for all of it; and what
//! each is called, so that a repetition can be told and a thread be followed.

use std::fmt::Write as _;

use contract::Event;
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

/// The most mails that one batch becomes, unless it becomes a single one.
pub(super) const MOST_MAILS: usize = 5;

/// One mail: what it is called, what it tells, and how far it has got.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mail {
    /// The left side of its Message-ID.
    pub(super) name: String,
    /// The left side of the Message-ID that it answers.
    pub(super) answers: Option<String>,
    /// The ids of its events, in their order.
    pub(super) events: Vec<String>,
    /// Whether the server owns it for at least one recipient.
    #[serde(default)]
    pub(super) taken: bool,
    /// The recipients for whom nothing remains to be done.
    #[serde(default)]
    pub(super) settled: Vec<String>,
    /// How it ended.
    #[serde(default)]
    pub(super) end: Option<End>,
}

/// How a mail ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum End {
    /// Every recipient is settled.
    Sent,
    /// The server wants it for nobody; says why.
    Refused(String),
    /// The server does not want what is in it: each of its events is tried in a mail of its own
    /// when it comes again.
    Apart,
}

/// Events that belong together: those of one outage, or of one service outside any outage.
pub(super) type Group<'batch> = Vec<&'batch Event>;

/// The events in groups, in the order in which these begin.
pub(super) fn groups<'batch>(events: &[&'batch Event]) -> Vec<Group<'batch>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for event in events {
        let known = groups.iter_mut().find(|group| {
            group
                .first()
                .is_some_and(|first| belong_together(first, event))
        });
        match known {
            Some(group) => group.push(event),
            None => groups.push(vec![event]),
        }
    }
    groups
}

fn belong_together(one: &Event, other: &Event) -> bool {
    one.router == other.router
        && one.outage == other.outage
        && (one.outage.is_some() || one.service == other.service)
}

/// The mails for these events. `allowance`: how many may go out now. `recorded`: whether the plan
/// outlives this process.
///
/// A mail that opens an outage is named after the outage, and later ones answer it; but only when
/// the plan is recorded. A receiver may drop a mail whose Message-ID it has seen, so one name must
/// never stand for more events than it did before. Every other mail is named after its events.
pub(super) fn mails(events: &[&Event], allowance: usize, recorded: bool) -> Vec<Mail> {
    let groups = groups(events);
    if groups.len() > allowance.clamp(1, MOST_MAILS) {
        return vec![mail(events, after_events(events), None)];
    }
    groups
        .iter()
        .map(|group| {
            let thread = group.first().and_then(|first| thread(first));
            let opens = group.first().is_some_and(|first| first.fact.opens_outage());
            match thread {
                Some(thread) if opens && recorded => mail(group, thread, None),
                thread => mail(group, after_events(group), thread),
            }
        })
        .collect()
}

fn mail(events: &[&Event], name: String, answers: Option<String>) -> Mail {
    Mail {
        name,
        answers,
        events: events.iter().map(|event| event.id.clone()).collect(),
        taken: false,
        settled: Vec::new(),
        end: None,
    }
}

/// What the mail that opens this event's outage is called.
fn thread(event: &Event) -> Option<String> {
    let outage = event.outage.as_deref()?;
    Some(name("outage", [event.router.as_str(), outage]))
}

fn after_events(events: &[&Event]) -> String {
    name("events", events.iter().map(|event| event.id.as_str()))
}

/// A name that differs where any of the parts does: they are texts from elsewhere, so only their
/// digest stands in a header.
fn name<'part>(kind: &str, parts: impl IntoIterator<Item = &'part str>) -> String {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    let digest = context.finish();
    let mut name = format!("vrwatch.{kind}.");
    for byte in &digest.as_ref()[..16] {
        let _ = write!(name, "{byte:02x}");
    }
    name
}

#[cfg(test)]
mod tests {
    use contract::Fact;

    use super::*;
    use crate::examples::{event, facts, restart_failed, restarted, service_down, unmonitored};

    fn of(seq: u64, outage: &str, fact: Fact) -> Event {
        let mut event = event(seq, fact);
        event.outage = Some(outage.into());
        event
    }

    fn plan(events: &[Event], allowance: usize) -> Vec<Mail> {
        mails(&events.iter().collect::<Vec<_>>(), allowance, true)
    }

    #[test]
    fn an_outage_is_one_mail_and_what_follows_answers_it() {
        let first = plan(
            &[
                of(1, "a", service_down()),
                of(2, "b", service_down()),
                of(3, "a", unmonitored()),
            ],
            10,
        );
        assert_eq!(first.len(), 2);
        assert_eq!(first[0].events, ["event-1", "event-3"]);
        assert_eq!(first[1].events, ["event-2"]);
        let later = plan(&[of(4, "a", restarted())], 10);
        assert_eq!(later[0].answers.as_ref(), Some(&first[0].name));
        assert_ne!(later[0].name, first[0].name);
        assert_eq!(later, plan(&[of(4, "a", restarted())], 10));
    }

    #[test]
    fn the_same_outage_of_another_router_is_another_thread() {
        let one = of(1, "a", service_down());
        let mut other = one.clone();
        other.router = "r-43-VM".into();
        let mails = plan(&[one, other], 10);
        assert_eq!(mails.len(), 2);
        assert_ne!(mails[0].name, mails[1].name);
    }

    #[test]
    fn a_plan_that_is_not_recorded_names_every_mail_after_all_its_events() {
        let down = of(1, "a", service_down());
        let failed = of(2, "a", restart_failed(""));
        let few = mails(&[&down], 10, false);
        let more = mails(&[&down, &failed], 10, false);
        assert_ne!(few[0].name, more[0].name);
        let recorded = mails(&[&down], 10, true);
        assert_eq!(few[0].answers.as_ref(), Some(&recorded[0].name));
    }

    #[test]
    fn many_outages_or_a_used_up_allowance_become_one_mail() {
        let outages = |count: u64| -> Vec<_> {
            (1..=count)
                .map(|seq| of(seq, &format!("o{seq}"), service_down()))
                .collect()
        };
        assert_eq!(plan(&outages(5), 10).len(), 5);
        let digest = plan(&outages(6), 10);
        assert_eq!(digest.len(), 1);
        assert_eq!(digest[0].events.len(), 6);
        assert_eq!(digest[0].answers, None);
        assert_eq!(plan(&outages(3), 2).len(), 1);
        assert_eq!(plan(&outages(1), 0).len(), 1);
    }

    #[test]
    fn events_outside_any_outage_are_grouped_by_service() {
        let events: Vec<_> = (1..)
            .zip(facts())
            .map(|(seq, fact)| {
                let mut event = event(seq, fact);
                event.outage = None;
                event.service = (seq > 4).then(|| "dhcp".into());
                event
            })
            .collect();
        let mails = plan(&events, 10);
        assert_eq!(mails.len(), 2);
        assert!(mails.iter().all(|mail| mail.answers.is_none()));
    }
}
