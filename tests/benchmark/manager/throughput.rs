//! Alerts a second, one by one and a hundred at a time, and what that takes in memory.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::ensure;
use manager::store::Store;
use ring::hmac;

use crate::Effort;
use crate::alertmanager::Alertmanager;
use crate::manager_process::{self, Manager};
use crate::mariadb::MariaDb;
use crate::samples::Samples;
use crate::table::{Mark, Table};
use crate::{alerts, load, process};

/// Routers that the alerts are of.
const ROUTERS: usize = 1000;
/// Alerts in a batch.
const BATCH: usize = 100;

/// Makes the request with so many alerts from this number on.
type Make<'a> = &'a dyn Fn(u64, usize) -> Vec<u8>;

/// What came of one server.
struct Rates {
    single: Samples,
    batches: Samples,
    sent: usize,
}

pub(crate) fn measure(effort: Effort, table: &mut Table) -> anyhow::Result<()> {
    let runtime = load::runtime()?;
    let folder = manager_process::folder()?;
    let alertmanager = Alertmanager::start(folder.path())?;
    let make = |first: u64, count: usize| {
        alerts::for_alertmanager(&alerts::router(router_of(first)), first, count)
    };
    let theirs = runtime.block_on(rates(alertmanager.address, effort, &make))?;
    let their_memory = process::memory(&[alertmanager.pid()])?.resident;
    drop(alertmanager);
    let name = "prometheus-alertmanager, unsigned, in memory";
    table.add_rates("alerts per second, single", name, &theirs.single, None);
    table.add_rates(
        "alerts per second, batches of 100",
        name,
        &theirs.batches,
        None,
    );
    table.add_size("RSS after that", name, their_memory, None);

    let sqlite = format!("sqlite:{}", folder.path().join("manager.db").display());
    let mariadb = MariaDb::start();
    for (name, url) in [
        ("vrwatch-manager, signed, durable, SQLite", sqlite),
        ("vrwatch-manager, signed, durable, MariaDB", mariadb.url()),
    ] {
        let store = runtime.block_on(Store::open(&url, &folder.path().join("sealing.key")))?;
        let keys = runtime.block_on(manager_process::add_routers(&store, ROUTERS))?;
        let manager = Manager::start(&url, folder.path())?;
        let make = |first: u64, count: usize| signed(&keys, first, count);
        let ours = runtime.block_on(rates(manager.address, effort, &make))?;
        let memory = process::memory(&[manager.pid()])?.resident;
        let most = process::most_resident(manager.pid())?;
        drop(manager);
        let stored = runtime.block_on(manager_process::count_stored(&store))?;
        ensure!(
            stored == ours.sent,
            "{stored} of {} alerts are stored",
            ours.sent
        );
        let at_least = |ours: &Samples, theirs: &Samples| {
            let (ours, theirs) = (ours.median(), theirs.median());
            Some(Mark::at_most(theirs, ours, format!("≥ {theirs}")))
        };
        let mark = at_least(&ours.single, &theirs.single);
        table.add_rates("alerts per second, single", name, &ours.single, mark);
        let mark = at_least(&ours.batches, &theirs.batches);
        table.add_rates(
            "alerts per second, batches of 100",
            name,
            &ours.batches,
            mark,
        );
        let words = "less than alertmanager".to_owned();
        let mark = Mark::below(memory, their_memory, words);
        table.add_size("RSS after that", name, memory, Some(mark));
        table.add_size("RSS, the most so far", name, most, None);
    }
    Ok(())
}

fn router_of(first: u64) -> usize {
    usize::try_from(first).unwrap_or(0) / BATCH % ROUTERS
}

fn signed(keys: &[hmac::Key], first: u64, count: usize) -> Vec<u8> {
    let router = router_of(first);
    alerts::signed(&alerts::router(router), &keys[router], first, count)
}

async fn rates(address: SocketAddr, effort: Effort, make: Make<'_>) -> anyhow::Result<Rates> {
    let mut rates = Rates {
        single: Samples::default(),
        batches: Samples::default(),
        sent: 0,
    };
    for _ in 0..effort.rounds {
        for (requests, alerts) in [(effort.singles, 1), (effort.batches, BATCH)] {
            let numbers = (0..requests).map(|request| (rates.sent + request * alerts) as u64);
            let requests: Vec<Vec<u8>> = numbers.map(|first| make(first, alerts)).collect();
            let count = requests.len() * alerts;
            let took = load::all(address, Arc::new(requests)).await?;
            rates.sent += count;
            let rate = count as u128 * 1_000_000_000 / took.as_nanos().max(1);
            let samples = if alerts == 1 {
                &mut rates.single
            } else {
                &mut rates.batches
            };
            samples.push(u64::try_from(rate)?);
        }
    }
    Ok(rates)
}
