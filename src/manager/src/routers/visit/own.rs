//! Events of the manager's own about a router: they are stored and forwarded like the router's.

use contract::{Draft, Event, Fact, Timestamp};

/// An event about the router as a whole.
pub(super) fn event(
    id: String,
    router: &str,
    outage: Option<String>,
    time: Timestamp,
    fact: Fact,
) -> Event {
    let draft = Draft {
        service: None,
        process: None,
        outage,
        time,
        fact,
    };
    // Zero: no journal has it.
    Event::new(draft, id, 0, router.to_owned())
}
