//! The built `vrwatch-manager` as a whole: told as stories, with routers that are real or whose
//! reports are, and ended in the ways that a machine can end it.

#[path = "../commands/program.rs"]
#[allow(dead_code, reason = "the stories about commands use the rest")]
mod program;
#[path = "../peers/reporter.rs"]
mod reporter;

mod kills;
mod stored;
