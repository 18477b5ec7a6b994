//! The management server in a process of its own, with everything that an alert passes through,
//! and what it has stored in the end.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use manager::api::clock::Clock;
use manager::api::receive::{self, Archive, Committer, Desk, Metrics};
use manager::api::server::{Config, Server};
use manager::api::signed::{Keyring, Verifier};
use manager::plan::inventory::{Change, Hypervisor, Router};
use manager::store::{Queue, Store};
use ring::hmac;

use crate::alerts;

/// The first argument of a process that serves.
pub(crate) const INSIDE: &str = "serve-in-the-benchmark";

/// A management server.
pub(crate) struct Manager {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Manager {
    pub(crate) fn start(url: &str, folder: &Path) -> anyhow::Result<Self> {
        let mut child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL"])
            .arg(std::env::current_exe()?)
            .args([INSIDE, url])
            .arg(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let stdout = child.stdout.take().context("it has no output")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let address = line.trim().parse().context("it does not start")?;
        Ok(Self { child, address })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves; says where on standard output.
pub(crate) fn serve(url: &str, folder: &Path) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let store = Store::open(url, &folder.join("sealing.key")).await?;
        let archive: Arc<dyn Archive> = Arc::new(store);
        let metrics = Arc::new(Metrics::default());
        let (committer, _) = Committer::start(Arc::clone(&archive), Arc::clone(&metrics));
        let verifier = Verifier::new(Keyring::new(archive))?;
        let desk = Desk::new(Arc::new(verifier), committer, metrics, Clock::system());
        let server = Server::bind(Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            connections_per_address: usize::MAX,
            ..Config::default()
        })?;
        let addresses = server.addresses();
        println!("{}", addresses.first().context("it does not listen")?);
        server
            .serve(receive::routes(Arc::new(desk)), std::future::pending())
            .await;
        Ok(())
    })
}

/// Adds so many routers; gives their keys.
pub(crate) async fn add_routers(store: &Store, count: usize) -> anyhow::Result<Vec<hmac::Key>> {
    let changes: Vec<Change> = (0..count)
        .map(|number| Change::SetRouter(router(alerts::router(number))))
        .collect();
    for changes in changes.chunks(1000) {
        store.apply("benchmark", changes).await?;
    }
    let mut keys = Vec::with_capacity(count);
    for number in 0..count {
        let key = store
            .issue_key("benchmark", &alerts::router(number))
            .await?;
        keys.push(hmac::Key::new(hmac::HMAC_SHA256, &key.secret));
    }
    Ok(keys)
}

/// How many alerts are stored, each once.
pub(crate) async fn count_stored(store: &Store) -> anyhow::Result<usize> {
    let lease = store
        .hold_job("forward", "benchmark", Duration::from_mins(10))
        .await?
        .context("somebody else counts")?;
    while store.number_outgoing(&lease, 5000, Queue::tell_all).await? > 0 {}
    let mut ids = std::collections::HashSet::new();
    let mut position = 0;
    loop {
        let page = store.outgoing_after(position, 5000).await?;
        let Some(last) = page.last() else {
            return Ok(ids.len());
        };
        position = last.position;
        for outgoing in page {
            let key = (outgoing.event.router, outgoing.event.id);
            anyhow::ensure!(ids.insert(key), "an alert is stored twice");
        }
    }
}

fn router(name: String) -> Router {
    Router {
        name,
        id: None,
        zone: "zone-1".into(),
        pod: None,
        hypervisor: Hypervisor::Kvm,
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

/// A folder on the disk that the build is on.
pub(crate) fn folder() -> anyhow::Result<tempfile::TempDir> {
    let target = env!("CARGO_TARGET_TMPDIR");
    fs::create_dir_all(target)?;
    Ok(tempfile::Builder::new()
        .prefix("benchmark-")
        .tempdir_in(target)?)
}
