//! What a database holds, read back whole.

use std::collections::HashMap;

use manager::store::{Alert, AlertFilter, Outage, OutageFilter, Page, Store};

/// Every alert of one router, or of all of them, the last stored first.
pub(crate) async fn alerts(store: &Store, router: Option<&str>) -> Vec<Alert> {
    let filter = AlertFilter {
        router: router.map(str::to_owned),
        ..AlertFilter::default()
    };
    let (mut all, mut page) = (Vec::new(), first_page());
    loop {
        let found = store.alerts(&filter, page).await.unwrap();
        all.extend(found.rows);
        page.before = found.next;
        if page.before.is_none() {
            return all;
        }
    }
}

/// Every outage of one router, or of all of them, the last begun first.
pub(crate) async fn outages(store: &Store, router: Option<&str>) -> Vec<Outage> {
    let filter = OutageFilter {
        router: router.map(str::to_owned),
        ..OutageFilter::default()
    };
    let (mut all, mut page) = (Vec::new(), first_page());
    loop {
        let found = store.outages(&filter, page).await.unwrap();
        all.extend(found.rows);
        page.before = found.next;
        if page.before.is_none() {
            return all;
        }
    }
}

/// How often each event is there.
pub(crate) fn times_stored(alerts: &[Alert]) -> HashMap<&str, usize> {
    let mut times = HashMap::new();
    for alert in alerts {
        *times.entry(alert.event.id.as_str()).or_default() += 1;
    }
    times
}

fn first_page() -> Page {
    Page {
        before: None,
        limit: 1000,
    }
}
