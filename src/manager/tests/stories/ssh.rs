//! The keys that the tests about ssh have.

#[allow(unused_imports, reason = "what is included looks for it here")]
pub(crate) use manager::routers::ssh::config;

#[path = "../../src/routers/ssh/sshd.rs"]
#[allow(
    dead_code,
    reason = "sshds of machines with a network of their own are started by those"
)]
mod sshd;

pub(crate) use sshd::Keys;
