//! Several managers that start at the same moment on a database in which there is nothing yet.

use manager::store::Store;

use super::mariadb::MariaDb;

const MANAGERS: usize = 6;

#[test]
fn managers_that_start_at_once_on_an_empty_mariadb_all_begin_to_work() {
    let server = MariaDb::start();
    all_start(&server.url());
}

#[test]
fn managers_that_start_at_once_on_an_empty_sqlite_all_begin_to_work() {
    let folder = tempfile::tempdir().unwrap();
    all_start(&format!("sqlite:{}/manager.db", folder.path().display()));
}

fn all_start(url: &str) {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("sealing.key");
    std::thread::scope(|managers| {
        for _ in 0..MANAGERS {
            managers.spawn(|| {
                let runtime = tokio::runtime::Runtime::new().unwrap();
                runtime.block_on(async {
                    let store = Store::open(url, &key).await.unwrap();
                    store.check_writing().await.unwrap();
                });
            });
        }
    });
}
