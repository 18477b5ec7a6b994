//! Watches services, judges what is seen, restarts what is down.
//!
//! `watch` turns the kernel's facts into observations, `judge` (pure) turns observations into
//! decisions, `restart` carries decisions out, and the engine ties the three together.

mod judge;
mod moment;
pub mod proc;
mod process;
pub mod restart;

pub use judge::{Attempts, CrashLoop, Decision, Observation, Outcome, Phase, Policy, State};
pub use moment::Moment;
pub use process::Process;
