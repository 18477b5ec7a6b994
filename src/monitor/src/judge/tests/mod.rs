//! Tables (one test a rule), properties (any sequence, any policy) and simulation (weeks of a
//! world that misbehaves), the last two under the same laws.

mod checking;
mod court;
mod holding;
mod laws;
mod noting;
mod properties;
mod rebooting;
mod restarting;
mod settling;
mod simulation;
mod story;
