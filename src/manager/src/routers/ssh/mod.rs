//! Sessions with routers over the system's own `ssh`, directly or through the hypervisor host.
//!
//! The programs of OpenSSH are run as they are. The crate `openssh` drives the same programs, but
//! its master connection goes into the background and outlives a manager that is killed or a visit
//! that is given up, its later calls read the user's configuration, and it blocks the thread when a
//! session is dropped. Here the master is a child that ends with its standard input.

mod call;
mod complaint;
pub mod config;
mod hop;
pub mod known_hosts;
mod master;
mod options;
pub mod quote;
mod session;
mod way;

#[cfg(test)]
pub(crate) mod sshd;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use self::session::Session;
pub use self::way::Way;
use super::shell::{Reach, ReachError, Shell};
use crate::plan::inventory::Router;

/// Opens sessions as configured. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Ssh {
    settings: Arc<config::Ssh>,
}

impl Ssh {
    /// A way that is as configured.
    #[must_use]
    pub fn new(settings: config::Ssh) -> Self {
        Self {
            settings: Arc::new(settings),
        }
    }

    /// Opens a session with the router of this name.
    ///
    /// # Errors
    /// When it cannot be reached, or is not who it was.
    pub async fn visit(&self, name: &str, way: &Way) -> Result<Session, ReachError> {
        Session::open(Arc::clone(&self.settings), name, way).await
    }
}

#[async_trait::async_trait]
impl Reach for Ssh {
    async fn open(&self, router: &Router) -> Result<Box<dyn Shell>, ReachError> {
        let way = Way::to(router)?;
        Ok(Box::new(self.visit(&router.name, &way).await?))
    }
}
