//! What `[push]` may say.

use std::time::Duration;

use serde::Deserialize;

use crate::routers::ssh::config::{FilePath, Span};

/// The `[push]` table: how routers are sent what they watch. Absent keys have their defaults.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "the table [push]")]
pub struct Push {
    /// How many routers are sent to at a time.
    pub concurrency: Concurrency,
    /// How long one router may take.
    pub limit: Span,
    /// How long one program on a router may take.
    pub call_timeout: Span,
    /// How long a router's daemon may take to have the new files in force.
    pub settle: Span,
    /// CloudStack's list of services, on routers.
    pub services: FilePath,
    /// CloudStack's `monitorservice.json`, on routers.
    pub monitorservice: FilePath,
    /// The configuration of vrwatch, on routers.
    pub config: FilePath,
    /// What to do about a router where nothing can check the files.
    pub without_vrwatch: WithoutDaemon,
}

/// What to do about a router without vrwatch, or without a configuration of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithoutDaemon {
    /// Send the files unchecked, and say so: CloudStack's own monitor reads them.
    #[default]
    Send,
    /// Leave it as it is.
    Refuse,
}

/// How many at a time: 1 to 1024.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "usize")]
pub struct Concurrency(usize);

impl Concurrency {
    /// The number.
    #[must_use]
    pub const fn get(self) -> usize {
        self.0
    }
}

impl TryFrom<usize> for Concurrency {
    type Error = &'static str;

    fn try_from(number: usize) -> Result<Self, Self::Error> {
        if (1..=1024).contains(&number) {
            Ok(Self(number))
        } else {
            Err("write a number between 1 and 1024")
        }
    }
}

impl Default for Push {
    fn default() -> Self {
        Self {
            concurrency: Concurrency(64),
            limit: Span::fixed(Duration::from_mins(2)),
            call_timeout: Span::fixed(Duration::from_secs(30)),
            settle: Span::fixed(Duration::from_secs(20)),
            services: FilePath::fixed("/etc/monitor.conf"),
            monitorservice: FilePath::fixed("/etc/cloudstack/monitorservice.json"),
            config: FilePath::fixed("/etc/vrwatch/vrwatch.toml"),
            without_vrwatch: WithoutDaemon::default(),
        }
    }
}
