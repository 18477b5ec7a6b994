//! A world with one database, and the words that the stories share.

use std::path::PathBuf;
use std::time::Duration;

use contract::{Cause, Draft, Ended, Event, Fact, Timestamp};
use manager::plan::inventory::{Change, Hypervisor, Router};
use manager::store::{Batch, Store, Stored, Via};
use tempfile::TempDir;

use super::mariadb::MariaDb;

/// Tells each story on `SQLite` and on `MariaDB`.
macro_rules! on_both {
    ($($story:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $story() {
                super::$story($crate::world::World::with_sqlite().await).await;
            })+
        }
        mod on_mariadb {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $story() {
                super::$story($crate::world::World::with_mariadb().await).await;
            })+
        }
    };
}
pub(crate) use on_both;

/// A database, and one manager's store in it.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) url: String,
    pub(crate) directory: TempDir,
    _server: Option<MariaDb>,
}

impl World {
    pub(crate) async fn with_sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", directory.path().join("manager.db").display());
        Self::open(url, directory, None).await
    }

    pub(crate) async fn with_mariadb() -> Self {
        let server = MariaDb::start();
        let directory = tempfile::tempdir().unwrap();
        Self::open(server.url(), directory, Some(server)).await
    }

    /// With its database there, and the key elsewhere.
    pub(crate) async fn at(url: String, server: Option<MariaDb>) -> Self {
        Self::open(url, tempfile::tempdir().unwrap(), server).await
    }

    async fn open(url: String, directory: TempDir, server: Option<MariaDb>) -> Self {
        let store = Store::open(&url, &directory.path().join("sealing.key"))
            .await
            .unwrap();
        Self {
            store,
            url,
            directory,
            _server: server,
        }
    }

    pub(crate) fn key_file(&self) -> PathBuf {
        self.directory.path().join("sealing.key")
    }

    /// Another manager on the same database.
    pub(crate) async fn another_manager(&self) -> Store {
        Store::open(&self.url, &self.key_file()).await.unwrap()
    }

    /// Does to the database what no manager does.
    pub(crate) async fn damage(&self, statement: &'static str) {
        use sqlx::Connection as _;
        if self.url.starts_with("sqlite:") {
            let mut database = sqlx::SqliteConnection::connect(&self.url).await.unwrap();
            sqlx::query(statement).execute(&mut database).await.unwrap();
        } else {
            let mut database = sqlx::MySqlConnection::connect(&self.url).await.unwrap();
            sqlx::query(statement).execute(&mut database).await.unwrap();
        }
    }

    pub(crate) async fn add_routers(&self, names: &[&str]) {
        let changes: Vec<Change> = names
            .iter()
            .map(|name| Change::SetRouter(router(name)))
            .collect();
        self.store.apply("test", &changes).await.unwrap();
    }

    pub(crate) async fn deliver(&self, router: &str, events: Vec<Event>) -> Stored {
        deliver(&self.store, router, events).await
    }
}

pub(crate) async fn deliver(store: &Store, router: &str, events: Vec<Event>) -> Stored {
    let batch = Batch {
        router: router.to_owned(),
        events,
        via: Via::Http,
    };
    store
        .store_batches(&[batch])
        .await
        .unwrap()
        .remove(0)
        .unwrap()
}

pub(crate) fn router(name: &str) -> Router {
    Router {
        name: name.into(),
        id: None,
        zone: "zone-1".into(),
        pod: None,
        hypervisor: Hypervisor::Kvm,
        host: Some("host-1".into()),
        address: Some("169.254.1.2".parse().unwrap()),
        vpc: None,
        redundant: false,
        running: true,
        nics: Vec::new(),
        excluded: std::collections::BTreeSet::new(),
        source: None,
    }
}

/// 2026-11-22, and some seconds.
pub(crate) fn at(seconds: u64) -> Timestamp {
    "2026-11-22T11:47:33.207Z"
        .parse::<Timestamp>()
        .unwrap()
        .saturating_add(Duration::from_secs(seconds))
}

pub(crate) fn event(router: &str, id: &str, seq: u64, outage: Option<&str>, fact: Fact) -> Event {
    Event::new(
        Draft {
            service: Some("dhcp".into()),
            process: Some("dnsmasq".into()),
            outage: outage.map(Into::into),
            time: at(seq),
            fact,
        },
        id.into(),
        seq,
        router.into(),
    )
}

pub(crate) fn down(router: &str, id: &str, seq: u64, outage: &str) -> Event {
    let fact = Fact::ServiceDown {
        noticed: at(seq),
        last_pid: Some(7),
        cause: Cause::NoPidFile,
        ended: Ended::Signal(9),
    };
    event(router, id, seq, Some(outage), fact)
}

pub(crate) fn restarted(router: &str, id: &str, seq: u64, outage: &str) -> Event {
    let fact = Fact::Restarted {
        pid: 8,
        attempts: 1,
        downtime: Duration::from_secs(5),
    };
    event(router, id, seq, Some(outage), fact)
}

pub(crate) fn test_event(router: &str, id: &str) -> Event {
    event(
        router,
        id,
        0,
        None,
        Fact::Test {
            text: "hello".into(),
        },
    )
}
