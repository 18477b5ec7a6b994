//! Watches services, judges what is seen, restarts what is down.
//!
//! `watch` turns the kernel's facts into observations, `judge` (pure) turns observations into
//! decisions, `restart` carries decisions out, and the engine ties the three together.

mod brief;
mod clock;
pub mod config;
mod engine;
mod file_limit;
mod judge;
mod kernel;
mod moment;
mod pid_file;
pub mod proc;
mod process;
pub mod restart;
mod service;
pub mod watch;

pub use clock::{Clock, SystemClock};
pub use engine::{Engine, Handle, Heartbeat, Record, RequestError, ServiceStatus, Summary};
pub use file_limit::raise_file_limit;
pub use judge::{Attempts, CrashLoop, Decision, Observation, Outcome, Phase, Policy, State};
pub use moment::Moment;
pub use process::Process;
pub use service::Service;
pub use watch::{FileWatch, Means, Target};
