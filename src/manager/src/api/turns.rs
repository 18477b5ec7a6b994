//! Who may have something large in memory, a body that comes in or an answer: so many at a time,
//! and of each client address only a share of them, so that whoever is slow keeps nobody else
//! waiting.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The turns there are.
#[derive(Debug)]
pub(super) struct Turns {
    all: Arc<Semaphore>,
    share: usize,
    by_address: Mutex<HashMap<IpAddr, Arc<Semaphore>>>,
}

/// A turn; given back when dropped.
#[derive(Debug)]
pub(super) struct Turn {
    turns: Arc<Turns>,
    from: IpAddr,
    own: Option<OwnedSemaphorePermit>,
    any: Option<OwnedSemaphorePermit>,
}

impl Turns {
    /// So many in all, of which one address can have `share`.
    pub(super) fn new(all: usize, share: usize) -> Arc<Self> {
        Arc::new(Self {
            all: Arc::new(Semaphore::new(all)),
            share,
            by_address: Mutex::default(),
        })
    }

    /// Waits for a turn.
    pub(super) async fn take(self: &Arc<Self>, from: IpAddr) -> Turn {
        let own = Arc::clone(
            self.addresses()
                .entry(from)
                .or_insert_with(|| Arc::new(Semaphore::new(self.share))),
        );
        // Made first, so that the address is forgotten also when the client goes away waiting.
        let mut turn = Turn {
            turns: Arc::clone(self),
            from,
            own: None,
            any: None,
        };
        // Neither is ever closed.
        turn.own = own.acquire_owned().await.ok();
        turn.any = Arc::clone(&self.all).acquire_owned().await.ok();
        turn
    }

    fn addresses(&self) -> MutexGuard<'_, HashMap<IpAddr, Arc<Semaphore>>> {
        self.by_address
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        (self.own, self.any) = (None, None);
        let mut addresses = self.turns.addresses();
        // Whoever else of this address has a turn, or waits for one, holds it too.
        if addresses
            .get(&self.from)
            .is_some_and(|own| Arc::strong_count(own) == 1)
        {
            addresses.remove(&self.from);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    async fn is_kept_waiting(turns: &Arc<Turns>, from: [u8; 4]) -> bool {
        timeout(Duration::from_secs(1), turns.take(from.into()))
            .await
            .is_err()
    }

    #[tokio::test(start_paused = true)]
    async fn one_address_has_its_share_and_others_do_not_wait_for_it() {
        let turns = Turns::new(4, 2);
        let first = turns.take([192, 0, 2, 1].into()).await;
        let _second = turns.take([192, 0, 2, 1].into()).await;
        assert!(is_kept_waiting(&turns, [192, 0, 2, 1]).await);
        assert!(!is_kept_waiting(&turns, [192, 0, 2, 2]).await);
        drop(first);
        assert!(!is_kept_waiting(&turns, [192, 0, 2, 1]).await);
    }

    #[tokio::test(start_paused = true)]
    async fn addresses_that_have_no_turn_are_forgotten() {
        let turns = Turns::new(1, 1);
        let turn = turns.take([192, 0, 2, 1].into()).await;
        assert!(is_kept_waiting(&turns, [192, 0, 2, 1]).await);
        assert!(is_kept_waiting(&turns, [192, 0, 2, 2]).await);
        assert_eq!(turns.addresses().len(), 1);
        drop(turn);
        assert!(turns.addresses().is_empty());
        assert!(!is_kept_waiting(&turns, [192, 0, 2, 2]).await);
    }
}
