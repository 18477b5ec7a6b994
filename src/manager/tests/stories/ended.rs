//! What two managers that were killed in turn leave behind: looked at when nobody is killed any more.

use std::collections::{BTreeSet, HashMap};

use manager::store::{Page, Push, PushFilter, PushState, Store};

use crate::couple::{Couple, times};
use crate::fleet::Fleet;
use crate::harness::Peer;
use crate::harness::receivers::Catcher;
use crate::harness::receivers::exim::Exim;
use crate::stored;

/// What is left to look at when nobody is killed any more.
pub(crate) struct Ended {
    pub(crate) store: Store,
    pub(crate) told_before: HashMap<String, usize>,
    pub(crate) turns_killed: usize,
    pub(crate) couple: Couple,
    /// They can be visited as long as this is there.
    pub(crate) fleets: [Fleet; 2],
}

impl Ended {
    /// All of these, and besides only that one router was `away` for a while.
    pub(crate) async fn each_is_stored_once(&self, ids: &BTreeSet<String>, away: &str) {
        let alerts = stored::alerts(&self.store, None).await;
        let times = stored::times_stored(&alerts);
        for id in ids {
            assert_eq!(times.get(id.as_str()), Some(&1), "{id}");
        }
        let mut others: Vec<(&str, &str)> = alerts
            .iter()
            .filter(|alert| !ids.contains(&alert.event.id))
            .map(|alert| (alert.event.router.as_str(), alert.event.fact.kind()))
            .collect();
        others.reverse();
        let expected = ["router_unreachable", "router_reachable"].map(|kind| (away, kind));
        assert_eq!(others, expected);

        let outages = stored::outages(&self.store, None).await;
        let mut named: HashMap<(&str, &str), i64> = HashMap::new();
        for alert in &alerts {
            if let Some(outage) = &alert.event.outage {
                *named.entry((&alert.event.router, outage)).or_default() += 1;
            }
        }
        assert_eq!(outages.len(), named.len());
        for outage in &outages {
            let alerts = named[&(outage.router.as_str(), outage.outage.as_str())];
            assert!(
                outage.alerts == alerts && outage.ended.is_some(),
                "{outage:?}"
            );
        }
        for router in self.fleets.iter().flat_map(|fleet| &fleet.routers) {
            router.was_visited_by_one_at_a_time();
        }
        let (page, filter) = (
            Page {
                before: None,
                limit: 1000,
            },
            PushFilter::default(),
        );
        let pushes = self.store.pushes(&filter, page).await.unwrap().rows;
        let done = |push: &&Push| push.state == PushState::Done;
        let failed: Vec<&Push> = pushes.iter().filter(|push| !done(push)).collect();
        assert!(failed.is_empty(), "{failed:#?}");
    }

    /// Every alert at least once, and once more only when who told it was killed.
    pub(crate) async fn each_is_told(&self, counter: &Catcher<'_>, mails: &Exim<'_>) {
        let alerts = stored::alerts(&self.store, None).await;
        let told = times(&counter.ids());
        for alert in &alerts {
            let id = &alert.event.id;
            assert!(told.contains_key(id), "never told: {alert:?}");
        }
        assert_eq!(told.len(), alerts.len(), "told and not stored");
        let most = told.values().max().unwrap();
        let repeated: usize = told.values().map(|times| times - 1).sum();
        println!(
            "{} alerts told, {repeated} of them again, the most {most} times, by {} who were killed",
            told.len(),
            self.turns_killed
        );
        assert!(*most <= 1 + self.turns_killed);
        for (id, times) in &self.told_before {
            assert_eq!(
                told[id], *times,
                "{id} was told again after it was saved as told"
            );
        }
        let mailed = times(&mails.ids());
        let of_dnsmasq = alerts
            .iter()
            .filter(|alert| alert.event.service.as_deref() == Some(Peer::Dnsmasq.section()));
        for alert in of_dnsmasq {
            assert!(
                mailed.contains_key(&alert.event.id),
                "never mailed: {alert:?}"
            );
        }
    }
}
