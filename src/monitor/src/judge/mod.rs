//! The judge: a pure function from what was seen to what is to be done. No clock, no I/O, no
//! runtime; every rule about outages, restarts and hold-offs lives here.

mod policy;
mod vocabulary;

pub use policy::{Attempts, CrashLoop, Policy};
pub use state::State;
pub use vocabulary::{Decision, Observation, Outcome, Phase};

mod state;
