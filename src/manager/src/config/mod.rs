//! `manager.toml` as a whole: each part's own table composed, and every mistake told with file,
//! line, key and what to do. Every key has a default; without a file all of them are taken.

mod database;
mod load;
mod metrics;
mod retention;
mod secrets;
mod sound;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use document::SinkSpec;

pub use self::database::Database;
pub use self::load::{DEFAULT_PATH, Loaded, load};
pub use self::metrics::Metrics;
pub use self::retention::Retention;
pub use self::secrets::Secrets;
use crate::api::{receive, server};
use crate::forward;
use crate::plan::Policy;
use crate::routers::{push, ssh, visit};

/// Everything the management server is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it answers.
    pub http: server::Config,
    /// How much each router may send.
    pub receive: receive::Limits,
    /// Who may read the metrics.
    pub metrics: Metrics,
    /// Where everything is kept.
    pub database: Database,
    /// Where its secrets are.
    pub secrets: Secrets,
    /// What is decided for all routers.
    pub policy: Policy,
    /// How routers are reached.
    pub ssh: ssh::config::Ssh,
    /// How they are sent what they watch.
    pub push: push::config::Push,
    /// How they are visited.
    pub poll: visit::Poll,
    /// How long things are kept.
    pub retention: Retention,
    /// How stored alerts are forwarded.
    pub forward: forward::Config,
    /// Which of them go where.
    pub rules: forward::Rules,
    /// Where stored alerts are forwarded to.
    pub sinks: Vec<SinkSpec>,
    /// Where the forwarder may keep things that can be lost.
    pub state: PathBuf,
}
