//! Which sinks are told which events: the `[[rule]]` tables. Pure.

use contract::Event;
use document::filter::Filter;
use serde::{Deserialize, de};

/// One `[[rule]]`: what matches it goes to its sinks. Absent keys match everything.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub struct Rule {
    zones: Option<Vec<String>>,
    filter: Filter,
    sinks: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table [[rule]]")]
struct Written {
    zones: Option<Vec<String>>,
    min_severity: Option<toml::Value>,
    kinds: Option<toml::Value>,
    services: Option<toml::Value>,
    sinks: Vec<String>,
}

impl TryFrom<Written> for Rule {
    type Error = toml::de::Error;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        if written.sinks.is_empty() {
            return Err(de::Error::custom("`sinks` names no sink"));
        }
        let mut filters = toml::Table::new();
        for (key, value) in [
            ("min_severity", written.min_severity),
            ("kinds", written.kinds),
            ("services", written.services),
        ] {
            if let Some(value) = value {
                filters.insert(key.to_owned(), value);
            }
        }
        Ok(Self {
            zones: written.zones,
            filter: Filter::deserialize(filters)?,
            sinks: written.sinks,
        })
    }
}

/// All rules; without any everything goes to every sink.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules(Vec<Rule>);

impl From<Vec<Rule>> for Rules {
    fn from(rules: Vec<Rule>) -> Self {
        Self(rules)
    }
}

impl Rules {
    /// Whether a sink is told the event of a router in this zone.
    #[must_use]
    pub fn send(&self, sink: &str, zone: Option<&str>, event: &Event) -> bool {
        self.0.is_empty()
            || self
                .0
                .iter()
                .any(|rule| rule.sinks.iter().any(|name| name == sink) && rule.matches(zone, event))
    }
}

impl Rule {
    /// The names of its sinks, to be compared with those that exist.
    #[must_use]
    pub fn sinks(&self) -> &[String] {
        &self.sinks
    }

    fn matches(&self, zone: Option<&str>, event: &Event) -> bool {
        let zones = self.zones.as_ref();
        zones.is_none_or(|zones| zone.is_some_and(|zone| zones.iter().any(|name| name == zone)))
            && self.filter.admits(event)
    }
}

#[cfg(test)]
mod tests {
    use contract::{Draft, Fact, Severity, Timestamp};
    use proptest::prelude::*;

    use super::*;

    fn event(service: &str, severity: Severity) -> Event {
        let draft = Draft {
            service: Some(service.into()),
            process: None,
            outage: None,
            time: Timestamp::EPOCH,
            fact: Fact::Unknown {
                kind: "k".into(),
                detail: None,
            },
        };
        let mut event = Event::new(draft, "e".into(), 1, "r".into());
        event.severity = severity;
        event
    }

    fn rules(text: &str) -> Rules {
        #[derive(Deserialize)]
        struct File {
            rule: Vec<Rule>,
        }
        Rules::from(toml::from_str::<File>(text).unwrap().rule)
    }

    #[test]
    fn without_rules_everything_goes_everywhere() {
        let event = event("dhcp", Severity::Indeterminate);
        assert!(Rules::default().send("any", None, &event));
    }

    #[test]
    fn an_event_goes_to_the_sinks_of_every_rule_that_matches() {
        let rules = rules(
            "[[rule]]\nzones = [\"z1\"]\nmin_severity = \"major\"\nsinks = [\"night\"]\n\
             [[rule]]\nservices = [\"dhcp\"]\nsinks = [\"dns\", \"day\"]\n",
        );
        let told = |zone, event: &Event| {
            let sinks = ["night", "dns", "day", "other"].into_iter();
            sinks
                .filter(|sink| rules.send(sink, zone, event))
                .collect::<Vec<_>>()
        };
        let (bad, mild) = (Severity::Critical, Severity::Minor);
        assert_eq!(
            told(Some("z1"), &event("dhcp", bad)),
            ["night", "dns", "day"]
        );
        assert_eq!(told(Some("z1"), &event("dhcp", mild)), ["dns", "day"]);
        assert_eq!(told(Some("z2"), &event("dhcp", bad)), ["dns", "day"]);
        assert_eq!(told(None, &event("dhcp", bad)), ["dns", "day"]);
        assert_eq!(told(Some("z1"), &event("web", bad)), ["night"]);
        assert_eq!(told(Some("z2"), &event("web", bad)), [""; 0]);
    }

    #[test]
    fn a_rule_that_cannot_be_meant_is_refused_in_words() {
        for (text, words) in [
            ("sinks = []", "`sinks` names no sink"),
            ("zones = [\"z\"]", "missing field `sinks`"),
            (
                "sinks = [\"a\"]\nkinds = [\"restartet\"]",
                "no kind of event",
            ),
            ("sinks = [\"a\"]\nzone = \"z\"", "unknown field `zone`"),
        ] {
            let error = toml::from_str::<Rule>(text).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    proptest! {
        /// Another rule never takes anything away, but for the first, which ends that all goes everywhere.
        #[test]
        fn another_rule_only_adds(
            story in proptest::collection::vec((0..3_usize, 0..3_usize, 0..3_usize), 1..8),
            zone in 0..3_usize, service in 0..3_usize, sink in 0..3_usize,
        ) {
            let names = ["a", "b", "c"];
            let made: Vec<Rule> = story
                .iter()
                .map(|(zone, service, sink)| Rule {
                    zones: Some(vec![names[*zone].into()]),
                    filter: toml::from_str(&format!("services = [\"{}\"]", names[*service])).unwrap(),
                    sinks: vec![names[*sink].into()],
                })
                .collect();
            let event = event(names[service], Severity::Major);
            let send = |rules: &[Rule]| Rules::from(rules.to_vec()).send(names[sink], Some(names[zone]), &event);
            for count in 2..=made.len() {
                prop_assert!(send(&made[..count]) >= send(&made[..count - 1]));
            }
            prop_assert_eq!(send(&made), story.contains(&(zone, service, sink)));
        }
    }
}
