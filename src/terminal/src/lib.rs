//! What both programs say to people and scripts: the log on stderr, which never waits, what commands
//! print on stdout, and the manual page. Nothing that is printed can steer a terminal.

#![forbid(unsafe_code)]

pub mod log;
pub mod manual;
pub mod output;
