//! The judge: a pure function from what was seen to what is to be done. No clock, no I/O, no
//! runtime; every rule about outages, restarts and hold-offs lives here.
//!
//! Three habits keep it simple. Time decides nothing: when a stage's time is up the judge asks for
//! a look, and what is seen then decides. An answer is told by its time, not by who gave it: what
//! is seen once a look is due counts as that look. And a restart is only ever the reply to `Down`.

mod hold;
mod outage;
mod policy;
mod reboot;
mod restarting;
mod stage;
mod state;
#[cfg(test)]
mod tests;
mod turn;
mod vocabulary;

pub use policy::{Attempts, CrashLoop, Policy};
pub use state::State;
pub use vocabulary::{Decision, Observation, Outcome, Phase};
