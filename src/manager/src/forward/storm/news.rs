//! What everybody is told of a storm, as the event that is stored and forwarded like any other. It
//! is the zone's, as if that were a router of its own.

use contract::{Draft, Event, Fact, Timestamp};

use super::{Millis, News, Told};
use crate::routers::visit::id;

/// The longest part of a zone's id in the name that stands for it; characters.
const LONGEST: usize = 200;

impl Told {
    /// Who tells it: the name that stands for the zone where a router's would.
    #[must_use]
    pub fn teller(&self) -> String {
        let zone: String = self.zone.chars().take(LONGEST).collect();
        format!("zone:{zone}")
    }

    /// The event; `zone` is the name that people know the zone by.
    #[must_use]
    pub fn event(&self, zone: &str) -> Event {
        let zone = zone.to_owned();
        let (routers, services) = (self.routers, self.services);
        let (what, fact) = match &self.news {
            News::Began { since } => {
                let since = timestamp(*since);
                let fact = Fact::StormBegan {
                    zone,
                    routers,
                    services,
                    since,
                };
                ("storm-began", fact)
            }
            News::Ended {
                outages,
                lasted,
                still_down,
                first,
            } => {
                let fact = Fact::StormEnded {
                    zone,
                    routers,
                    services,
                    outages: *outages,
                    duration: *lasted,
                    still_down: *still_down,
                    still_down_first: first.clone(),
                };
                ("storm-ended", fact)
            }
        };
        let draft = Draft {
            service: None,
            process: None,
            outage: Some(self.storm.clone()),
            time: timestamp(self.at),
            fact,
        };
        // Named after the storm: whoever tells it again says the same.
        Event::new(draft, id(what, &[&self.storm]), 0, self.teller())
    }
}

fn timestamp(at: Millis) -> Timestamp {
    Timestamp::from_unix_millis(at).unwrap_or(Timestamp::EPOCH)
}
