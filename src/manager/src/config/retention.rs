//! The table `[retention]`: how long things are kept.

use std::time::Duration;

use contract::human;
use serde::Deserialize;

use crate::store;

/// The least that is kept of anything: a slip of the pen does not empty the database.
const LEAST: Duration = Duration::from_hours(1);

/// How long things are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub struct Retention {
    /// Alerts, and outages that have ended.
    pub alerts: Duration,
    /// Usage samples.
    pub usage: Duration,
    /// The audit trail, pushes and silences.
    pub audit: Duration,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "the table [retention]")]
struct Written {
    alerts: human::Duration,
    usage: human::Duration,
    audit: human::Duration,
}

const fn days(days: u64) -> human::Duration {
    human::Duration(Duration::from_hours(24 * days))
}

impl Default for Written {
    fn default() -> Self {
        Self {
            alerts: days(365),
            usage: days(30),
            audit: days(730),
        }
    }
}

impl Default for Retention {
    fn default() -> Self {
        let written = Written::default();
        Self {
            alerts: written.alerts.0,
            usage: written.usage.0,
            audit: written.audit.0,
        }
    }
}

impl From<Retention> for store::Retention {
    fn from(kept: Retention) -> Self {
        Self {
            alerts: kept.alerts,
            usage: kept.usage,
            audit: kept.audit,
        }
    }
}

impl TryFrom<Written> for Retention {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        for (key, kept) in [
            ("alerts", written.alerts),
            ("usage", written.usage),
            ("audit", written.audit),
        ] {
            if kept.0 < LEAST {
                return Err(format!(
                    "`{key}` is less than {}: nothing is kept for so short",
                    human::Duration(LEAST)
                ));
            }
        }
        Ok(Self {
            alerts: written.alerts.0,
            usage: written.usage.0,
            audit: written.audit.0,
        })
    }
}
