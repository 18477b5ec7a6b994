//! A storm: all routers at once, each on a connection of its own and with four alerts, one by one,
//! coming again as long as it is not told that they are stored.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::ensure;
use manager::store::Store;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::task::JoinSet;

use crate::load::{self, Line};
use crate::manager_process::{self, Manager};
use crate::mariadb::MariaDb;
use crate::table::{Table, time};
use crate::{Effort, alerts, process};

/// Alerts of each router.
const ALERTS: usize = 4;

pub(crate) fn measure(effort: Effort, table: &mut Table) -> anyhow::Result<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: maximum,
            maximum,
        },
    )?;
    let runtime = load::runtime()?;
    let folder = manager_process::folder()?;
    let sqlite = format!("sqlite:{}", folder.path().join("manager.db").display());
    let mariadb = MariaDb::start();
    for (name, url) in [("SQLite", sqlite), ("MariaDB", mariadb.url())] {
        let store = runtime.block_on(Store::open(&url, &folder.path().join("sealing.key")))?;
        let keys = runtime.block_on(manager_process::add_routers(&store, effort.routers))?;
        let manager = Manager::start(&url, folder.path())?;
        let requests: Vec<Vec<Vec<u8>>> = (0_u64..)
            .zip(&keys)
            .enumerate()
            .map(|(router, (number, key))| {
                let numbers = number * ALERTS as u64..(number + 1) * ALERTS as u64;
                let name = alerts::router(router);
                numbers
                    .map(|number| alerts::signed(&name, key, number, 1))
                    .collect()
            })
            .collect();
        let again = Arc::new(AtomicUsize::new(0));
        let took = runtime.block_on(storm(manager.address, requests, Arc::clone(&again)))?;
        let most = process::most_resident(manager.pid())?;
        drop(manager);
        let stored = runtime.block_on(manager_process::count_stored(&store))?;
        let sent = effort.routers * ALERTS;
        ensure!(stored == sent, "{stored} of {sent} alerts are stored");
        let figure = format!(
            "{} routers × {ALERTS} alerts at once → last stored",
            effort.routers
        );
        let nanoseconds = u64::try_from(took.as_nanos())?;
        let again = again.load(Ordering::Relaxed);
        let words = format!("{}, none lost, {again} came again", time(nanoseconds));
        table.add_words(&figure, name, words, None);
        table.add_size("RSS in the storm, the most", name, most, None);
    }
    Ok(())
}

async fn storm(
    address: SocketAddr,
    requests: Vec<Vec<Vec<u8>>>,
    again: Arc<AtomicUsize>,
) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let mut routers = JoinSet::new();
    for requests in requests {
        let again = Arc::clone(&again);
        routers.spawn(async move {
            let mut line = None;
            for request in requests {
                while !delivered(address, &mut line, &request).await? {
                    again.fetch_add(1, Ordering::Relaxed);
                    let wait = Duration::from_millis(fastrand::u64(50..500));
                    tokio::time::sleep(wait).await;
                }
            }
            anyhow::Ok(())
        });
    }
    while let Some(router) = routers.join_next().await {
        router??;
    }
    Ok(start.elapsed())
}

/// Whether a request was answered with 200; what cannot heal is an error.
async fn delivered(
    address: SocketAddr,
    line: &mut Option<Line>,
    request: &[u8],
) -> anyhow::Result<bool> {
    let mut open = match line.take() {
        Some(line) => line,
        None => match Line::open(address).await {
            Ok(line) => line,
            Err(_) => return Ok(false),
        },
    };
    let Ok(status) = open.ask(request).await else {
        return Ok(false);
    };
    ensure!(status == 200 || status == 503, "{status}");
    *line = (status == 200).then_some(open);
    Ok(status == 200)
}
