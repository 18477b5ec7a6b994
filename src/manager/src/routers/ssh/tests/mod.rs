//! Sessions with real sshds: one for the host, one for the router.

mod calls;
mod hops;
mod killed;
mod trust;

use std::time::Duration;

use super::sshd::{Keys, Sshd};
use super::{Session, Ssh, Way, config};
use crate::routers::shell::{Answer, ReachError, Shell as _};

/// More than any call here takes.
const LONG: Duration = Duration::from_mins(1);

/// A manager, a host and a router behind it.
struct World {
    keys: Keys,
    host: Sshd,
    router: Sshd,
}

impl World {
    /// The host lets the manager in; the router lets in who has the key on the host, and the manager.
    fn new() -> Self {
        let keys = Keys::new();
        Self {
            host: Sshd::start("host", &keys, &["manager"]),
            router: Sshd::start("router", &keys, &["on_host", "manager"]),
            keys,
        }
    }

    fn settings(&self, more: &str) -> config::Ssh {
        self.keys.settings(self.router.port, self.host.port, more)
    }

    fn direct(&self) -> Way {
        Way::Direct {
            address: self.router.address.into(),
        }
    }

    fn through(&self) -> Way {
        Way::Through {
            host: self.host.address.to_string(),
            address: self.router.address.into(),
        }
    }

    async fn visit(&self, way: &Way, more: &str) -> Result<Session, ReachError> {
        Ssh::new(self.settings(more)).visit("r-1-VM", way).await
    }
}

async fn run(session: &mut Session, program: &str, arguments: &[&str]) -> Answer {
    session.run(program, arguments, &[], LONG).await.unwrap()
}

fn refusal(result: Result<Session, ReachError>) -> String {
    match result {
        Err(ReachError::Refused(words)) => words,
        other => panic!("not refused: {other:?}"),
    }
}
