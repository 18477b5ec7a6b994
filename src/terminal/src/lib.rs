//! What both programs say to people and scripts: the log on stderr, which never waits, and what
//! commands print on stdout. Nothing that is printed can steer a terminal.

#![forbid(unsafe_code)]

pub mod log;
pub mod output;
