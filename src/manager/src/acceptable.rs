//! Which events of routers are taken, whichever way they come: what a router says is bounded before
//! it gets near a header, a page or the database.

use contract::{Event, Fact};

/// The longest name of a router, service or process; bytes.
const LONGEST_NAME: usize = 255;
/// The longest id of an event or outage; bytes.
const LONGEST_ID: usize = 128;

/// What the ids of the manager's own events and outages begin with, and no others.
pub(crate) const OWN_IDS: &str = "manager.";

/// Whether it can be an id: visible ASCII.
pub(crate) fn is_id(text: &str) -> bool {
    (1..=LONGEST_ID).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Whether it can be a name: text of bounded length without control characters.
pub(crate) fn is_name(text: &str) -> bool {
    text.len() <= LONGEST_NAME && !text.chars().any(char::is_control)
}

/// What is wrong with an event, besides whose it is; `None`: nothing.
pub(crate) fn problem(event: &Event) -> Option<&'static str> {
    if !is_id(&event.id) || !event.outage.as_deref().is_none_or(is_id) {
        return Some("an id is empty, too long, or holds more than visible ASCII");
    }
    if event.id.starts_with(OWN_IDS)
        || event
            .outage
            .as_deref()
            .is_some_and(|outage| outage.starts_with(OWN_IDS))
    {
        return Some("an id begins with `manager.`, as only the manager's own do");
    }
    if matches!(
        event.fact,
        Fact::RouterUnreachable { .. } | Fact::RouterReachable { .. }
    ) {
        return Some("its kind is one that only the manager may tell");
    }
    let names = [&event.service, &event.process];
    if !names.into_iter().flatten().all(|name| is_name(name)) {
        return Some("a name is too long or holds control characters");
    }
    if event.fact.is_about_a_zone() {
        return Some("only the management server tells of whole zones");
    }
    if let Fact::Unknown { kind, .. } = &event.fact
        && !is_id(kind)
    {
        return Some("its `kind` is empty, too long, or holds more than visible ASCII");
    }
    if i64::try_from(event.seq).is_err() {
        return Some("its `seq` is too large");
    }
    if !(0..=9999).contains(&event.time.to_utc().year()) {
        return Some("its `time` is out of all bounds");
    }
    None
}
