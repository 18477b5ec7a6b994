//! The key `storm` of `[forward]`: what is a storm, and which sinks are told of it alone.

use std::fmt;
use std::time::Duration;

use contract::human;
use serde::{Deserialize, Deserializer, de};

use super::Settings;
use crate::forward::config::within;

/// `false`, or a table whose absent keys have their defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storms {
    /// Absent: nothing is a storm.
    pub settings: Option<Settings>,
    /// The sinks that are told of a storm and not of what belongs to it; absent: those that people
    /// read.
    pub summed: Option<Vec<String>>,
}

impl Default for Storms {
    fn default() -> Self {
        Self {
            settings: Some(Settings::default()),
            summed: None,
        }
    }
}

/// The table as people write it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    #[serde(deserialize_with = "routers")]
    routers: u32,
    #[serde(deserialize_with = "duration")]
    within: Duration,
    #[serde(deserialize_with = "duration")]
    quiet: Duration,
    #[serde(deserialize_with = "longest")]
    longest: Duration,
    summed: Option<Vec<String>>,
}

impl Default for Written {
    fn default() -> Self {
        let Settings {
            routers,
            within,
            quiet,
            longest,
        } = Settings::default();
        Self {
            routers,
            within,
            quiet,
            longest,
            summed: None,
        }
    }
}

fn routers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let routers = within(i64::deserialize(deserializer)?, &2, &1000)?;
    u32::try_from(routers).map_err(de::Error::custom)
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    at_most(deserializer, 3_600_000)
}

fn longest<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    at_most(deserializer, 7 * 86_400_000)
}

fn at_most<'de, D: Deserializer<'de>>(deserializer: D, most: u64) -> Result<Duration, D::Error> {
    let duration = human::Duration::deserialize(deserializer)?;
    let (least, most) = (1000, most);
    within(
        duration,
        &human::Duration::from_millis(least),
        &human::Duration::from_millis(most),
    )
    .map(|duration| duration.0)
}

impl<'de> Deserialize<'de> for Storms {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StormsVisitor)
    }
}

struct StormsVisitor;

impl<'de> de::Visitor<'de> for StormsVisitor {
    type Value = Storms;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a table such as { routers = 20, within = \"1m\" }, or false")
    }

    fn visit_bool<E: de::Error>(self, on: bool) -> Result<Storms, E> {
        let mut storms = Storms::default();
        storms.settings = storms.settings.filter(|_| on);
        Ok(storms)
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Storms, A::Error> {
        let written = Written::deserialize(de::value::MapAccessDeserializer::new(map))?;
        let ordered = [written.within, written.quiet, written.longest];
        if !ordered.is_sorted() {
            let [within, quiet, longest] = ordered.map(human::Duration);
            return Err(de::Error::custom(format_args!(
                "`quiet` must be at least `within`, and `longest` at least `quiet`; they are {quiet}, {within} and {longest}"
            )));
        }
        Ok(Storms {
            settings: Some(Settings {
                routers: written.routers,
                within: written.within,
                quiet: written.quiet,
                longest: written.longest,
            }),
            summed: written.summed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forward::Config;

    fn read(text: &str) -> Result<Storms, String> {
        let config: Result<Config, _> = toml::from_str(text);
        config
            .map(|config| config.storm)
            .map_err(|error| error.message().to_owned())
    }

    #[test]
    fn absent_keys_have_their_defaults_and_false_is_never() {
        assert_eq!(read(""), Ok(Storms::default()));
        assert_eq!(read("storm = true"), Ok(Storms::default()));
        assert_eq!(read("storm = false").unwrap().settings, None);
        let some = read("storm = { routers = 5, quiet = \"20m\", summed = [\"a\"] }").unwrap();
        let settings = Settings {
            routers: 5,
            quiet: Duration::from_mins(20),
            ..Settings::default()
        };
        assert_eq!(some.settings, Some(settings));
        assert_eq!(some.summed, Some(vec!["a".to_owned()]));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_in_words() {
        for (text, words) in [
            (
                "storm = { routers = 1 }",
                "must be from 2 to 1000, and `1` is not",
            ),
            ("storm = { within = \"2h\" }", "must be from 1s to 1h"),
            (
                "storm = { within = \"20m\" }",
                "`quiet` must be at least `within`",
            ),
            (
                "storm = { quiet = \"30m\", longest = \"29m\" }",
                "`longest` at least `quiet`",
            ),
            ("storm = 20", "a table such as { routers = 20"),
            ("storm = { zone = \"z\" }", "unknown field `zone`"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
