//! A manager on loopback with a store in a database of its own, and somebody who asks it.

use std::sync::{Arc, LazyLock};

use reqwest::{Client, Method, StatusCode};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::super::{Api, routes};
use super::mariadb::MariaDb;
use crate::api::access::{Role, Token};
use crate::api::server::{Config, Server};
use crate::api::signed::{Keyring, Verifier};
use crate::clock::Clock;
use crate::plan::Policy;
use crate::routers::ssh::{self, Ssh};
use crate::routers::visit::{Poll, Poller};
use crate::store::Store;

/// Tells each story on `SQLite` and on `MariaDB`.
macro_rules! on_both {
    ($($story:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $story() {
                super::$story(super::World::with_sqlite().await).await;
            })+
        }
        mod on_mariadb {
            $(#[tokio::test]
            async fn $story() {
                super::$story(super::World::with_mariadb().await).await;
            })+
        }
    };
}
pub(super) use on_both;

pub(super) struct World {
    pub(super) api: Arc<Api>,
    base: String,
    client: Client,
    _stop: oneshot::Sender<()>,
    _server: JoinHandle<()>,
    _folder: TempDir,
    _database: Option<MariaDb>,
}

/// When everything happens, for guessers.
static HELD: LazyLock<Instant> = LazyLock::new(Instant::now);

pub(super) const PASSWORD: &str = "correct horse battery";

impl World {
    pub(super) async fn with_sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("manager.db").display());
        Self::over(&url, folder, None).await
    }

    pub(super) async fn with_mariadb() -> Self {
        let database = MariaDb::start();
        Self::over(
            &database.url(),
            tempfile::tempdir().unwrap(),
            Some(database),
        )
        .await
    }

    async fn over(url: &str, folder: TempDir, database: Option<MariaDb>) -> Self {
        // Whoever comes first; all install the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let store = Store::open(url, &folder.path().join("sealing.key"))
            .await
            .unwrap();
        let keyring = Keyring::new(Arc::new(store.clone()));
        let verifier = Arc::new(Verifier::new(keyring).unwrap());
        let ssh = Ssh::new(ssh::config::Ssh::default());
        let book = Arc::new(store.clone());
        let poller = Poller::new(
            book,
            Arc::new(ssh),
            Poll::default(),
            Clock::system(),
            "test".into(),
        );
        let mut api = Api::new(store, Policy::default(), verifier, poller)
            .await
            .unwrap();
        api.now = || *HELD;
        let api = Arc::new(api);
        let config = Config {
            listen: ([127, 0, 0, 1], 0).into(),
            ..Config::default()
        };
        let server = Server::bind(config).unwrap();
        let base = format!("http://{}", server.addresses()[0]);
        let (stop, stopped) = oneshot::channel::<()>();
        let serve = server.serve(routes(Arc::clone(&api)), async {
            let _ = stopped.await;
        });
        Self {
            base,
            client: Client::builder().no_proxy().build().unwrap(),
            _stop: stop,
            _server: tokio::spawn(serve),
            _folder: folder,
            _database: database,
            api,
        }
    }

    /// A user with [`PASSWORD`]; its hash as it is stored.
    pub(super) async fn user(&self, name: &str, role: Role) -> String {
        let kept = self.api.passwords.hash(PASSWORD.into(), false).await;
        let kept = kept.unwrap().written();
        let store = &self.api.store;
        store
            .add_user("test", name, &kept, role.name())
            .await
            .unwrap();
        kept
    }

    /// The token of a user who has just logged in, without the way through the log-in.
    pub(super) async fn token(&self, name: &str, role: Role) -> String {
        let kept = self.user(name, role).await;
        let token = Token::random().unwrap();
        let store = &self.api.store;
        store
            .begin_session(name, &kept, &token.hash(), super::super::SESSION)
            .await
            .unwrap();
        token.reveal().to_owned()
    }

    pub(super) async fn ask(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<&str>,
    ) -> (StatusCode, Value) {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_owned());
        }
        let response = request.send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        let value = match text.as_str() {
            "" => Value::Null,
            text => serde_json::from_str(text).unwrap_or_else(|_| panic!("no JSON: {text}")),
        };
        if !status.is_success() {
            assert!(
                value["error"].is_string(),
                "{status} without words: {value}"
            );
        }
        (status, value)
    }
}

pub(super) fn router(name: &str) -> String {
    serde_json::json!({
        "name": name, "zone": "z1", "hypervisor": "other",
        "nics": [{"traffic": "guest", "network": "n1"}],
    })
    .to_string()
}
