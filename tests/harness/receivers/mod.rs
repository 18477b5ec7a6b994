//! Those who are told: real receivers of every kind in the box, simple ones of the test's own where
//! it matters what exactly happens on the wire, and broken ones that take a receiver's place.

mod catcher;
pub(crate) mod exim;
pub(crate) mod fault;
pub(crate) mod poll_log;
mod server;
pub(crate) mod snmptrapd;
pub(crate) mod webhook;

pub(crate) use catcher::Catcher;
pub(crate) use exim::Exim;
pub(crate) use poll_log::PollLog;
pub(crate) use server::Server;
pub(crate) use snmptrapd::Snmptrapd;
pub(crate) use webhook::Webhook;

use std::collections::HashSet;

use contract::Event;

/// The ids without those that came before: what is left when a receiver removes equal ids.
pub(crate) fn without_repetitions(ids: &[String]) -> Vec<&str> {
    let mut seen = HashSet::new();
    let ids = ids.iter().map(String::as_str);
    ids.filter(|id| seen.insert(*id)).collect()
}

/// Those events whose ids are not there.
pub(crate) fn missing<'event>(events: &'event [Event], ids: &[String]) -> Vec<&'event Event> {
    let ids: HashSet<&str> = ids.iter().map(String::as_str).collect();
    let events = events.iter();
    events
        .filter(|event| !ids.contains(event.id.as_str()))
        .collect()
}
