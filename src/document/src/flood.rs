//! The key `flood` of a sink's section: from when on the outages of a service that flaps are summed
//! up for it.

use std::fmt;
use std::time::Duration;

use channel::Flood;
use contract::human;
use serde::{Deserialize, Deserializer, de};

/// `false`, or a table whose absent keys have their defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flooding(pub(crate) Option<Flood>);

impl Default for Flooding {
    fn default() -> Self {
        Self(Some(Flood::default()))
    }
}

impl Flooding {
    /// In words; absent when it is as everywhere.
    pub(crate) fn describe(self) -> Option<String> {
        match self.0 {
            None => Some("never summed up".to_owned()),
            Some(flood) if flood == Flood::default() => None,
            Some(flood) => Some(format!(
                "summed up beyond {} outages of a service within {}",
                flood.outages,
                human::Duration(flood.within)
            )),
        }
    }
}

/// The table as people write it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WrittenFlood {
    outages: Outages,
    within: Within,
}

impl Default for WrittenFlood {
    fn default() -> Self {
        let Flood { outages, within } = Flood::default();
        Self {
            outages: Outages(outages),
            within: Within(within),
        }
    }
}

struct Outages(u32);

impl Outages {
    const MOST: u32 = 1000;
}

struct Within(Duration);

impl Within {
    const LEAST: human::Duration = human::Duration::from_millis(10_000);
    const MOST: human::Duration = human::Duration::from_millis(86_400_000);
}

impl<'de> Deserialize<'de> for Outages {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let outages = i64::deserialize(deserializer)?;
        u32::try_from(outages)
            .ok()
            .filter(|outages| (1..=Self::MOST).contains(outages))
            .map(Self)
            .ok_or_else(|| {
                de::Error::custom(format_args!(
                    "must be from 1 to {}, and {outages} is not",
                    Self::MOST
                ))
            })
    }
}

impl<'de> Deserialize<'de> for Within {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let within = human::Duration::deserialize(deserializer)?;
        if within < Self::LEAST || within > Self::MOST {
            return Err(de::Error::custom(format_args!(
                "must be from {} to {}, and `{within}` is not",
                Self::LEAST,
                Self::MOST
            )));
        }
        Ok(Self(within.0))
    }
}

impl<'de> Deserialize<'de> for Flooding {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FloodingVisitor)
    }
}

struct FloodingVisitor;

impl<'de> de::Visitor<'de> for FloodingVisitor {
    type Value = Flooding;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a table such as { outages = 10, within = \"10m\" }, or false")
    }

    fn visit_bool<E: de::Error>(self, on: bool) -> Result<Flooding, E> {
        Ok(if on {
            Flooding::default()
        } else {
            Flooding(None)
        })
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Flooding, A::Error> {
        let written = WrittenFlood::deserialize(de::value::MapAccessDeserializer::new(map))?;
        Ok(Flooding(Some(Flood {
            outages: written.outages.0,
            within: written.within.0,
        })))
    }
}
