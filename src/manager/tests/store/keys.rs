//! Router keys: sealed at rest, shown once, and useless without the key file.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use manager::store::{Store, StoreError};

use crate::world::{World, on_both};

on_both!(
    a_routers_keys_are_issued_read_and_retired,
    another_key_file_is_noticed_when_the_store_is_opened,
    a_key_file_that_others_may_read_is_refused,
);

async fn a_routers_keys_are_issued_read_and_retired(world: World) {
    world.add_routers(&["r-1-VM", "r-2-VM"]).await;
    let store = &world.store;
    assert!(store.keys("r-3-VM").await.unwrap().is_none());
    assert!(store.keys("r-1-VM ").await.unwrap().is_none());
    assert_eq!(store.keys("r-1-VM").await.unwrap(), Some(vec![]));
    let old = store.issue_key("anna", "r-1-VM").await.unwrap();
    let new = store.issue_key("anna", "r-1-VM").await.unwrap();
    assert_eq!(old.secret.len(), 32);
    assert!(old.reveal().starts_with("whsec_"));
    assert!(!format!("{old:?}").contains(&format!("{:?}", old.secret)));
    let other = world.another_manager().await;
    assert_eq!(
        other.keys("r-1-VM").await.unwrap(),
        Some(vec![old, new.clone()])
    );
    assert!(matches!(
        store.retire_keys("anna", "r-2-VM", new.id).await,
        Err(StoreError::Refused(_))
    ));
    assert_eq!(
        store.retire_keys("anna", "r-1-VM", new.id).await.unwrap(),
        1
    );
    assert_eq!(store.keys("r-1-VM").await.unwrap(), Some(vec![new]));
    assert!(matches!(
        store.issue_key("anna", "r-3-VM").await,
        Err(StoreError::NoSuchRouter(_))
    ));
}

async fn another_key_file_is_noticed_when_the_store_is_opened(world: World) {
    let file = world.key_file();
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let right = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    let words = |error: StoreError| error.to_string();
    let missing = words(Store::open(&world.url, &file).await.unwrap_err());
    assert!(missing.contains("restore it from a backup"), "{missing}");
    assert!(
        !file.exists(),
        "a new key would hide that the old one is gone"
    );
    let elsewhere = world.directory.path().join("elsewhere");
    fs::write(&file, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let wrong = words(Store::open(&world.url, &file).await.unwrap_err());
    assert!(wrong.contains("is not the one"), "{wrong}");
    for garbage in [&b"short"[..], b"", &[0xff; 10_000]] {
        fs::write(&file, garbage).unwrap();
        let told = words(Store::open(&world.url, &file).await.unwrap_err());
        assert!(told.contains("sealing.key"), "{told}");
    }
    let told = words(
        Store::open(&world.url, world.directory.path())
            .await
            .unwrap_err(),
    );
    assert!(told.contains("no ordinary file"), "{told}");
    let told = words(Store::open(&world.url, &elsewhere).await.unwrap_err());
    assert!(told.contains("elsewhere"), "{told}");
    fs::write(&file, right).unwrap();
    Store::open(&world.url, &file).await.unwrap();
}

async fn a_key_file_that_others_may_read_is_refused(world: World) {
    let file = world.key_file();
    for mode in [0o640, 0o604, 0o620] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let told = Store::open(&world.url, &file)
            .await
            .unwrap_err()
            .to_string();
        assert!(told.contains("chmod 600"), "{told}");
    }
}

/// The command line as root, beside a server that runs as a user of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_root_makes_in_the_servers_folder_is_the_servers_and_root_may_use_it() {
    const SERVER: u32 = 65_534;
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::chown(folder.path(), Some(SERVER), Some(SERVER)).unwrap();
    let key = folder.path().join("sealing.key");
    let url = format!("sqlite:{}", folder.path().join("manager.db").display());
    for _ in 0..2 {
        let store = Store::open(&url, &key).await.unwrap();
        store.check_writing().await.unwrap();
        for entry in fs::read_dir(folder.path()).unwrap() {
            let entry = entry.unwrap();
            let metadata = entry.metadata().unwrap();
            assert_eq!(metadata.uid(), SERVER, "{:?}", entry.file_name());
            assert_eq!(metadata.mode() & 0o077, 0, "{:?}", entry.file_name());
        }
        store.close().await;
    }
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(Store::open(&url, &key).await.is_err());
}
