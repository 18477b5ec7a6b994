//! A sink as the forwarder sees it, and what stands between it and the journal: the rules.

use std::collections::{HashMap, HashSet};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use channel::Flood;
use contract::{DeliverError, Draft, Event, Fact, Sink, Timestamp};
use document::SinkSpec;

use super::rules::Rules;

/// How a sink is made, for each turn anew.
type Build = dyn Fn() -> Result<Box<dyn Sink>, String> + Send + Sync;

/// A sink that is told.
#[derive(Clone)]
pub struct Target {
    /// Its name in the configuration.
    pub name: String,
    /// From when on the outages of a service that flaps are summed up for it.
    pub flood: Option<Flood>,
    /// Whether it is told of a storm alone, and not of what belongs to it.
    pub sums_storms: bool,
    /// Makes it.
    pub build: Arc<Build>,
}

impl From<SinkSpec> for Target {
    fn from(spec: SinkSpec) -> Self {
        Self {
            name: spec.name.clone(),
            flood: spec.filter().flood(),
            sums_storms: spec.for_people,
            build: Arc::new(move || spec.build().map_err(|problems| problems.to_string())),
        }
    }
}

/// The most routers whose zones are remembered; far more than a management server has.
const MOST_ROUTERS: usize = 200_000;

/// What is known of the routers whose events are in the journal.
#[derive(Debug, Default)]
pub(super) struct Zones(Mutex<HashMap<String, Option<String>>>);

impl Zones {
    pub(super) fn learn(&self, router: &str, zone: Option<&str>) {
        let mut zones = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match zones.get_mut(router) {
            Some(known) if known.as_deref() == zone => {}
            Some(known) => *known = zone.map(str::to_owned),
            None => {
                if zones.len() >= MOST_ROUTERS {
                    zones.clear();
                }
                zones.insert(router.to_owned(), zone.map(str::to_owned));
            }
        }
    }
}

/// The most outages that are remembered of storms.
const MOST_OUTAGES: usize = 100_000;

/// The outages of storms. What is fed before anybody knows of a storm carries no mark.
#[derive(Debug, Default)]
pub(super) struct Stormy(Mutex<HashSet<(String, String)>>);

impl Stormy {
    pub(super) fn learn(&self, router: &str, outage: &str) {
        let mut outages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if outages.len() >= MOST_OUTAGES {
            outages.clear();
        }
        outages.insert((router.to_owned(), outage.to_owned()));
    }

    fn has(&self, event: &Event) -> bool {
        let Some(outage) = &event.outage else {
            return false;
        };
        let outages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        !outages.is_empty() && outages.contains(&(event.router.clone(), outage.clone()))
    }
}

/// What stands for any storm when a sink is asked whether it is told of them.
pub(super) fn any_storm() -> Event {
    let draft = Draft {
        service: None,
        process: None,
        outage: None,
        time: Timestamp::EPOCH,
        fact: Fact::StormBegan {
            zone: String::new(),
            routers: 0,
            services: 0,
            since: Timestamp::EPOCH,
        },
    };
    Event::new(draft, String::new(), 0, String::new())
}

/// A sink behind the rules.
pub(super) struct Ruled {
    pub(super) sink: Box<dyn Sink>,
    pub(super) name: String,
    pub(super) rules: Arc<Rules>,
    pub(super) zones: Arc<Zones>,
    /// Absent: it is told everything, also of storms.
    pub(super) stormy: Option<Arc<Stormy>>,
    pub(super) any_storm: Event,
}

impl Ruled {
    fn is_sent(&self, event: &Event) -> bool {
        // What is known of no router is the manager's own: it goes to everybody.
        let zones = self.zones.0.lock().unwrap_or_else(PoisonError::into_inner);
        event.sums_up()
            || zones
                .get(&event.router)
                .is_none_or(|zone| self.rules.send(&self.name, zone.as_deref(), event))
    }
}

impl Sink for Ruled {
    // What `#[async_trait]` makes of `async fn deliver`.
    fn deliver<'sink, 'batch, 'future>(
        &'sink mut self,
        batch: &'batch [Event],
    ) -> Pin<Box<dyn Future<Output = Result<(), DeliverError>> + Send + 'future>>
    where
        'sink: 'future,
        'batch: 'future,
        Self: 'future,
    {
        self.sink.deliver(batch)
    }

    fn wants(&self, event: &Event) -> bool {
        self.is_sent(event) && self.sink.wants(event)
    }

    fn leaves_out(&self, event: &Event) -> bool {
        let Some(stormy) = &self.stormy else {
            return false;
        };
        if event.fact.is_about_a_zone() || !(event.storm.is_some() || stormy.has(event)) {
            return false;
        }
        // Where filters keep the storm itself away, nothing else tells what this one says.
        let zones = self.zones.0.lock().unwrap_or_else(PoisonError::into_inner);
        let zone = zones.get(&event.router).and_then(Option::as_deref);
        self.rules.send(&self.name, zone, &self.any_storm) && self.sink.wants(&self.any_storm)
    }

    fn gathers_for(&self) -> Duration {
        self.sink.gathers_for()
    }

    fn refreshes_every(&self) -> Option<Duration> {
        self.sink.refreshes_every()
    }

    fn refresh<'sink, 'future>(
        &'sink mut self,
    ) -> Pin<Box<dyn Future<Output = Result<(), DeliverError>> + Send + 'future>>
    where
        'sink: 'future,
        Self: 'future,
    {
        self.sink.refresh()
    }

    fn recall(&mut self, open: &[Event]) {
        let sent: Vec<Event> = open
            .iter()
            .filter(|event| self.is_sent(event) && !self.leaves_out(event))
            .cloned()
            .collect();
        self.sink.recall(&sent);
    }
}

#[cfg(test)]
mod tests {
    use contract::Cause;

    use super::*;

    /// Takes everything, or only what is about a service.
    struct Quiet {
        wants_storms: bool,
    }

    #[async_trait::async_trait]
    impl Sink for Quiet {
        async fn deliver(&mut self, _batch: &[Event]) -> Result<(), DeliverError> {
            Ok(())
        }

        fn wants(&self, event: &Event) -> bool {
            self.wants_storms || !event.fact.is_about_a_zone()
        }
    }

    fn ruled(rules: &str, wants_storms: bool, sums: bool) -> Ruled {
        #[derive(serde::Deserialize)]
        struct File {
            #[serde(default)]
            rule: Vec<super::super::rules::Rule>,
        }
        let file: File = toml::from_str(rules).unwrap();
        let (zones, stormy) = (Zones::default(), Stormy::default());
        zones.learn("r", Some("z"));
        stormy.learn("r", "of a storm");
        Ruled {
            sink: Box::new(Quiet { wants_storms }),
            name: "a".into(),
            rules: Arc::new(Rules::from(file.rule)),
            zones: Arc::new(zones),
            stormy: sums.then(|| Arc::new(stormy)),
            any_storm: any_storm(),
        }
    }

    fn down(outage: &str, storm: Option<&str>) -> Event {
        let draft = Draft {
            service: Some("dhcp".into()),
            process: None,
            outage: Some(outage.into()),
            time: Timestamp::EPOCH,
            fact: Fact::ServiceDown {
                noticed: Timestamp::EPOCH,
                last_pid: None,
                cause: Cause::NoPidFile,
                ended: contract::Ended::Unknown,
            },
        };
        let mut event = Event::new(draft, "e".into(), 1, "r".into());
        event.storm = storm.map(str::to_owned);
        event
    }

    #[test]
    fn what_belongs_to_a_storm_is_left_out_where_the_storm_itself_is_told() {
        let everything = ruled("", true, true);
        assert!(everything.leaves_out(&down("o", Some("s"))));
        // Fed before anybody knew of the storm.
        assert!(everything.leaves_out(&down("of a storm", None)));
        assert!(!everything.leaves_out(&down("o", None)));
        assert!(!everything.leaves_out(&any_storm()));
    }

    #[test]
    fn whoever_is_not_told_of_the_storm_is_told_all_of_it() {
        let of_storm = down("o", Some("s"));
        assert!(!ruled("", true, false).leaves_out(&of_storm));
        assert!(!ruled("", false, true).leaves_out(&of_storm));
        let rule = |words: &str| format!("[[rule]]\n{words}\nsinks = [\"a\"]\n");
        let other = rule("kinds = [\"service_down\"]");
        assert!(!ruled(&other, true, true).leaves_out(&of_storm));
        let elsewhere = rule("zones = [\"y\"]");
        assert!(!ruled(&elsewhere, true, true).leaves_out(&of_storm));
        let here = rule("zones = [\"z\"]\nmin_severity = \"critical\"");
        assert!(ruled(&here, true, true).leaves_out(&of_storm));
    }
}
