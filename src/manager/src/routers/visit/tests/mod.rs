//! Visits to routers that exist in memory only: stories, crashes between any two steps, and a fleet
//! over hours.

mod crashes;
mod fleet;
mod model;
mod simulation;
mod stories;

use std::sync::Arc;
use std::time::Duration;

use contract::Timestamp;
use tokio::time::Instant;

use self::fleet::Fleet;
use self::model::Model;
use super::config::Poll;
use super::poller::Poller;
use crate::clock::Clock;
use crate::plan::inventory::{Hypervisor, Router};

/// 2026-11-24 12:00, and what has passed of the paused clock.
fn clock() -> Clock {
    let start = Instant::now();
    let noon: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
    Clock::of(move || noon.saturating_add(start.elapsed()))
}

fn settings(text: &str) -> Poll {
    toml::from_str(text).unwrap()
}

fn router(name: &str) -> Router {
    Router {
        name: name.into(),
        id: None,
        zone: "zone-1".into(),
        pod: None,
        hypervisor: Hypervisor::Vmware,
        host: None,
        address: None,
        vpc: None,
        redundant: false,
        running: true,
        nics: Vec::new(),
        excluded: std::collections::BTreeSet::new(),
        source: None,
    }
}

/// One manager, the routers it visits, and what is stored.
struct World {
    model: Arc<Model>,
    fleet: Arc<Fleet>,
    clock: Clock,
    settings: Poll,
}

impl World {
    fn of(names: &[&str]) -> Self {
        let clock = clock();
        Self {
            model: Arc::new(Model::of(
                names.iter().map(|name| router(name)),
                clock.clone(),
            )),
            fleet: Arc::new(Fleet::new(clock.clone())),
            clock,
            settings: Poll::default(),
        }
    }

    fn manager(&self, holder: &str) -> Poller {
        Poller::new(
            Arc::clone(&self.model) as _,
            Arc::clone(&self.fleet) as _,
            self.settings.clone(),
            self.clock.clone(),
            holder.to_owned(),
        )
    }
}

async fn pass(duration: Duration) {
    tokio::time::sleep(duration).await;
}
