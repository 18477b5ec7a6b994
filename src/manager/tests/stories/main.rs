//! The built `vrwatch-manager` as a whole: told as stories, with routers that are real or whose
//! reports are, and ended in the ways that a machine can end it.

#[path = "../../../../tests/harness/mod.rs"]
#[allow(
    dead_code,
    unused_imports,
    reason = "the stories about routers use the rest"
)]
mod harness;
#[path = "../peers/mariadb.rs"]
mod mariadb;
#[path = "../commands/program.rs"]
#[allow(dead_code, reason = "the stories about commands use the rest")]
mod program;
#[path = "../peers/reporter.rs"]
mod reporter;

mod a_booted_manager;
mod couple;
mod database;
mod end_to_end;
mod ended;
mod fleet;
mod full_disk;
mod jump;
mod kills;
mod network;
mod pair;
mod ssh;
mod stored;
mod storm;
mod visits;
