//! A store in memory, which can be away, slow or poisoned.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use contract::Event;

use crate::api::receive::Archive;
use crate::plan::examples;
use crate::plan::inventory::{Inventory, MonitoringService, NetworkKind};
use crate::store::{Batch, RouterKey, StoreError, Stored};

/// A store in memory.
#[derive(Debug, Default)]
pub(in crate::api) struct Memory {
    keys: Mutex<HashMap<String, Vec<[u8; 32]>>>,
    events: Mutex<BTreeMap<(String, String), Event>>,
    /// How many events each transaction had.
    pub(in crate::api) commits: Mutex<Vec<usize>>,
    pub(in crate::api) looks: AtomicUsize,
    /// How many transactions were begun.
    begun: AtomicUsize,
    /// Held to keep transactions from ending.
    pub(in crate::api) gate: tokio::sync::Mutex<()>,
    away: Mutex<bool>,
    /// Ids that make a whole transaction fail.
    poison: Mutex<HashSet<String>>,
    inventory: Mutex<Inventory>,
    services: Mutex<Vec<MonitoringService>>,
}

impl Memory {
    pub(in crate::api) fn set_keys(&self, router: &str, keys: &[[u8; 32]]) {
        self.keys.lock().unwrap().insert(router.into(), keys.into());
    }

    pub(in crate::api) fn is_storing(&self) -> bool {
        self.begun.load(Ordering::Relaxed) > 0
    }

    pub(in crate::api) fn set_away(&self, away: bool) {
        *self.away.lock().unwrap() = away;
    }

    pub(in crate::api) fn poison(&self, id: &str) {
        self.poison.lock().unwrap().insert(id.into());
    }

    pub(in crate::api) fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap().values().cloned().collect()
    }

    pub(in crate::api) fn ids(&self) -> Vec<String> {
        self.events().into_iter().map(|event| event.id).collect()
    }

    /// Gives `r-42-VM` a network whose DHCP it serves.
    pub(in crate::api) fn set_cloud(&self) {
        let offering = examples::offering("o", &[("Dhcp", "VirtualRouter")]);
        let mut inventory = examples::cloud(NetworkKind::AdvancedIsolated, offering);
        inventory.routers[0].name = "r-42-VM".into();
        *self.inventory.lock().unwrap() = inventory;
        *self.services.lock().unwrap() = examples::default_services();
    }

    pub(in crate::api) fn change_inventory(&self, change: impl FnOnce(&mut Inventory)) {
        change(&mut self.inventory.lock().unwrap());
    }

    pub(in crate::api) fn change_services(&self, change: impl FnOnce(&mut [MonitoringService])) {
        change(&mut self.services.lock().unwrap());
    }

    fn available(&self) -> Result<(), StoreError> {
        if *self.away.lock().unwrap() {
            return Err(StoreError::Unavailable("secret of the inside".into()));
        }
        Ok(())
    }
}

#[async_trait]
impl Archive for Memory {
    async fn keys(&self, router: &str) -> Result<Option<Vec<RouterKey>>, StoreError> {
        self.looks.fetch_add(1, Ordering::Relaxed);
        self.available()?;
        let keys = self.keys.lock().unwrap();
        Ok(keys.get(router).map(|keys| {
            let numbered = (1..).zip(keys);
            numbered
                .map(|(id, key)| RouterKey {
                    id,
                    secret: key.to_vec(),
                })
                .collect()
        }))
    }

    async fn store_batches(
        &self,
        batches: &[Batch],
    ) -> Result<Vec<Result<Stored, StoreError>>, StoreError> {
        self.begun.fetch_add(1, Ordering::Relaxed);
        let _open = self.gate.lock().await;
        self.available()?;
        let poison = self.poison.lock().unwrap();
        let mut all = batches.iter().flat_map(|batch| &batch.events);
        if all.any(|event| poison.contains(&event.id)) {
            return Err(StoreError::Broken("poison".into()));
        }
        let count = batches.iter().map(|batch| batch.events.len()).sum();
        self.commits.lock().unwrap().push(count);
        let mut events = self.events.lock().unwrap();
        let keys = self.keys.lock().unwrap();
        let one = |batch: &Batch| {
            if !keys.contains_key(&batch.router) {
                return Err(StoreError::NoSuchRouter(batch.router.clone()));
            }
            let mut stored = Stored { new: 0, known: 0 };
            for event in &batch.events {
                let key = (batch.router.clone(), event.id.clone());
                match events.insert(key, event.clone()) {
                    None => stored.new += 1,
                    Some(_) => stored.known += 1,
                }
            }
            Ok(stored)
        };
        Ok(batches.iter().map(one).collect())
    }

    async fn inventory_of(&self, _router: &str) -> Result<Inventory, StoreError> {
        self.available()?;
        Ok(self.inventory.lock().unwrap().clone())
    }

    async fn services(&self) -> Result<Vec<MonitoringService>, StoreError> {
        self.available()?;
        Ok(self.services.lock().unwrap().clone())
    }
}
