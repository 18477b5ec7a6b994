//! Reaching routers: a shell on each, directly or through its host; what is sent, and what a visit
//! brings back.

pub mod import;
pub mod push;
pub mod shell;
pub mod ssh;
pub mod visit;
