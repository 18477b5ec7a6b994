//! All connections there are: how many, from where, and whose place is taken when there are too
//! many. Whoever has been idle longest goes first; a request that is being answered is never cut.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::watch::Watch;

/// Of so many connections one makes place at a time: looking for the oldest costs a look at each.
const SHARE: usize = 32;

/// The connections.
#[derive(Debug)]
pub(super) struct Crowd {
    most: usize,
    most_per_address: usize,
    list: Mutex<List>,
}

#[derive(Debug, Default)]
struct List {
    next: u64,
    present: HashMap<u64, Present>,
    /// Those of them that were asked to leave.
    leaving: usize,
    by_address: HashMap<IpAddr, Count>,
}

#[derive(Debug)]
struct Present {
    address: IpAddr,
    watch: Arc<Watch>,
    leaving: bool,
}

#[derive(Debug, Default)]
struct Count {
    all: usize,
    leaving: usize,
}

/// A connection's place; given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    crowd: Arc<Crowd>,
    number: u64,
    pub(super) watch: Arc<Watch>,
}

impl Crowd {
    pub(super) fn new(most: usize, most_per_address: usize) -> Arc<Self> {
        Arc::new(Self {
            most: most.max(1),
            most_per_address: most_per_address.max(1),
            list: Mutex::default(),
        })
    }

    /// A place for a connection from there; `None` when everybody is being answered.
    pub(super) fn admit(self: &Arc<Self>, from: IpAddr) -> Option<Place> {
        let address = neighbourhood(from);
        let mut list = self.list();
        let count = list.by_address.get(&address);
        let of_address = count.map_or(0, |count| count.all - count.leaving);
        if of_address >= self.most_per_address {
            list.make_place(self.most_per_address, Some(address))?;
        }
        if list.present.len() - list.leaving >= self.most {
            list.make_place(self.most, None)?;
        }
        // Those who are leaving have not left yet, but soon will.
        if list.present.len() >= self.most + self.most.div_ceil(4) {
            return None;
        }
        let watch = Arc::new(Watch::new(Instant::now()));
        let number = list.next;
        list.next += 1;
        list.by_address.entry(address).or_default().all += 1;
        let present = Present {
            address,
            watch: Arc::clone(&watch),
            leaving: false,
        };
        list.present.insert(number, present);
        Some(Place {
            crowd: Arc::clone(self),
            number,
            watch,
        })
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.list().present.len()
    }

    fn list(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl List {
    /// Asks the longest idle of at most `most` connections to leave; `None` when there is none.
    fn make_place(&mut self, most: usize, address: Option<IpAddr>) -> Option<()> {
        let mut idle: Vec<_> = self
            .present
            .iter()
            .filter(|(_, present)| !present.leaving)
            .filter(|(_, present)| address.is_none_or(|address| present.address == address))
            .filter_map(|(number, present)| {
                let (phase, since) = present.watch.state();
                Some((phase.worth()?, since, *number))
            })
            .collect();
        let wanted = most.div_ceil(SHARE).min(idle.len());
        if wanted == 0 {
            return None;
        }
        idle.select_nth_unstable(wanted - 1);
        for (.., number) in &idle[..wanted] {
            if let Some(present) = self.present.get_mut(number) {
                present.leaving = true;
                present.watch.evicted.notify_one();
                self.leaving += 1;
                if let Some(count) = self.by_address.get_mut(&present.address) {
                    count.leaving += 1;
                }
            }
        }
        Some(())
    }
}

impl Place {
    /// It was asked to leave, but a request has come in: it stays.
    pub(super) fn stay(&self) {
        let mut list = self.crowd.list();
        let list = &mut *list;
        if let Some(present) = list.present.get_mut(&self.number)
            && present.leaving
        {
            present.leaving = false;
            list.leaving -= 1;
            if let Some(count) = list.by_address.get_mut(&present.address) {
                count.leaving -= 1;
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut list = self.crowd.list();
        let list = &mut *list;
        let Some(present) = list.present.remove(&self.number) else {
            return;
        };
        let leaving = usize::from(present.leaving);
        list.leaving -= leaving;
        if let Some(count) = list.by_address.get_mut(&present.address) {
            count.all -= 1;
            count.leaving -= leaving;
            if count.all == 0 {
                list.by_address.remove(&present.address);
            }
        }
    }
}

/// Who counts as one client: an IPv4 address, or an IPv6 network of 64 bits, of which a single
/// machine can use every address.
pub(in crate::api) fn neighbourhood(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::from(address) >> 64 << 64;
            IpAddr::V6(Ipv6Addr::from(network))
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::watch::Phase;
    use super::*;

    fn from(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    async fn admitted(crowd: &Arc<Crowd>, last: u8, phase: Phase) -> Place {
        tokio::time::advance(Duration::from_secs(1)).await;
        let place = crowd.admit(from(last)).unwrap();
        place.watch.set(phase);
        place
    }

    async fn is_evicted(place: &Place) -> bool {
        tokio::time::timeout(Duration::from_millis(1), place.watch.evicted.notified())
            .await
            .is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_idle_makes_place_and_a_request_is_never_cut() {
        let crowd = Crowd::new(3, 10);
        let answered = admitted(&crowd, 1, Phase::Answer).await;
        let sending = admitted(&crowd, 2, Phase::Body).await;
        let idle = admitted(&crowd, 3, Phase::Idle).await;
        let newcomer = admitted(&crowd, 4, Phase::Answer).await;
        assert!(is_evicted(&idle).await);
        assert!(!is_evicted(&sending).await);
        drop(idle);
        let _another = admitted(&crowd, 5, Phase::Answer).await;
        assert!(is_evicted(&sending).await);
        drop(sending);
        assert!(crowd.admit(from(6)).is_none());
        assert!(!is_evicted(&answered).await);
        drop((answered, newcomer));
        assert!(crowd.admit(from(6)).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn one_address_cannot_take_the_places_of_all() {
        let crowd = Crowd::new(100, 2);
        let other = admitted(&crowd, 1, Phase::Idle).await;
        let first = admitted(&crowd, 2, Phase::Idle).await;
        let _second = admitted(&crowd, 2, Phase::Idle).await;
        let _third = admitted(&crowd, 2, Phase::Idle).await;
        assert!(is_evicted(&first).await);
        assert!(!is_evicted(&other).await);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_left_in_the_books_once_all_have_gone() {
        let crowd = Crowd::new(4, 2);
        let mut places = Vec::new();
        for number in 0..30 {
            if let Some(place) = crowd.admit(from(number % 3)) {
                places.push(place);
            }
        }
        places[0].stay();
        assert!(crowd.count() <= 5);
        drop(places);
        let list = crowd.list();
        assert_eq!((list.present.len(), list.leaving), (0, 0));
        assert!(list.by_address.is_empty());
    }

    #[test]
    fn an_ipv6_network_counts_as_one_client() {
        let one: IpAddr = "2001:db8::1".parse().unwrap();
        let other: IpAddr = "2001:db8::ffff:2".parse().unwrap();
        assert_eq!(neighbourhood(one), neighbourhood(other));
        let mapped: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
        assert_eq!(neighbourhood(mapped), from(1));
    }
}
