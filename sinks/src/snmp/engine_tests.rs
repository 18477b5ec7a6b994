//! What must hold for an engine's file: the count only rises, and a lost one is never guessed low.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::PermissionsExt;

use super::*;

fn files() -> (tempfile::TempDir, EngineFile) {
    let folder = tempfile::tempdir().unwrap();
    let file = EngineFile::new(&folder.path().join("sinks"), "nms");
    (folder, file)
}

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(YEAR_2020 + 200_000_000)
}

fn configured() -> EngineId {
    EngineId::try_from("0x80007ed9056d79726f75746572".to_owned()).unwrap()
}

#[test]
fn an_engine_of_our_making_keeps_its_id_and_starts_once_more_each_time() {
    let (_folder, file) = files();
    let first = file.start(None, None, now()).unwrap();
    assert_eq!(first.boots, 1);
    for boots in 2..10 {
        let engine = file.start(None, None, now()).unwrap();
        assert_eq!((&engine.id, engine.boots), (&first.id, boots));
        assert_eq!(file.load().unwrap().unwrap(), engine);
    }
}

#[test]
fn the_file_and_its_folder_are_closed_to_others() {
    let (_folder, file) = files();
    file.start(None, None, now()).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&file.path), 0o600);
    assert_eq!(mode(file.path.parent().unwrap()), 0o700);
    let names: Vec<_> = fs::read_dir(file.path.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["nms.engine"]);
}

#[test]
fn a_lost_or_damaged_file_makes_a_new_engine_and_never_an_old_one_with_a_lower_count() {
    let (_folder, file) = files();
    let first = file.start(None, None, now()).unwrap();
    let good = fs::read(&file.path).unwrap();
    for length in 0..good.len() {
        fs::write(&file.path, &good[..length]).unwrap();
        assert_ne!(file.start(None, None, now()).unwrap().id, first.id);
    }
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(&file.path, bad).unwrap();
        assert_ne!(file.start(None, None, now()).unwrap().id, first.id, "{at}");
    }
    fs::write(&file.path, "x".repeat(100_000)).unwrap();
    assert_ne!(file.start(None, None, now()).unwrap().id, first.id);
    fs::remove_file(&file.path).unwrap();
    assert_ne!(file.start(None, None, now()).unwrap().id, first.id);
    fs::write(&file.path, good).unwrap();
    assert_eq!(file.start(None, None, now()).unwrap().id, first.id);
}

#[test]
fn a_running_engine_outlives_the_loss_of_its_file() {
    let (_folder, file) = files();
    let running = Engine {
        boots: 7,
        ..file.start(None, None, now()).unwrap()
    };
    fs::remove_file(&file.path).unwrap();
    let engine = file.start(None, Some(&running), now()).unwrap();
    assert_eq!((engine.id, engine.boots), (running.id, 8));
}

#[test]
fn an_engine_that_the_configuration_names_starts_from_the_clock_when_its_count_is_lost() {
    let (_folder, file) = files();
    let id = configured();
    let first = file.start(Some(&id), None, now()).unwrap();
    assert_eq!((&first.id, first.boots), (&id, 200_000_000));
    assert_eq!(
        file.start(Some(&id), None, now()).unwrap().boots,
        200_000_001
    );
    fs::remove_file(&file.path).unwrap();
    let later = now() + Duration::from_secs(10);
    assert_eq!(
        file.start(Some(&id), None, later).unwrap().boots,
        200_000_010
    );
}

#[test]
fn another_configured_engine_does_not_take_over_the_count_of_the_last_one() {
    let (_folder, file) = files();
    let made = file.start(None, None, now()).unwrap();
    let id = configured();
    let engine = file.start(Some(&id), Some(&made), now()).unwrap();
    assert_eq!((engine.id, engine.boots), (id.clone(), 200_000_000));
    // Named no longer: it stays as it is on disk.
    let engine = file.start(None, None, now()).unwrap();
    assert_eq!((engine.id, engine.boots), (id, 200_000_001));
}

#[test]
fn an_engine_that_has_started_as_often_as_it_may_is_replaced_or_told() {
    let (_folder, file) = files();
    let id = configured();
    let worn = Engine {
        id: id.clone(),
        boots: MOST_BOOTS,
    };
    DirBuilder::new()
        .create(file.path.parent().unwrap())
        .unwrap();
    file.save(&worn).unwrap();
    assert!(matches!(
        file.start(Some(&id), None, now()),
        Err(EngineError::WornOut(_))
    ));
    let new = file.start(None, None, now()).unwrap();
    assert_ne!(new.id, id);
    assert_eq!(new.boots, 1);
}

#[test]
fn a_folder_that_cannot_be_written_is_told_and_nothing_is_started() {
    let folder = tempfile::tempdir().unwrap();
    let no_folder = folder.path().join("file");
    fs::write(&no_folder, "").unwrap();
    let file = EngineFile::new(&no_folder.join("sinks"), "nms");
    let error = file.start(None, None, now()).unwrap_err().to_string();
    assert!(error.contains("nms.engine"), "{error}");
}

#[test]
fn the_clock_before_2020_and_beyond_the_limit_gives_a_count_that_is_allowed() {
    assert_eq!(seconds_since_2020(UNIX_EPOCH), 1);
    let far = UNIX_EPOCH + Duration::from_secs(u64::from(u32::MAX) * 1000);
    assert_eq!(seconds_since_2020(far), MOST_BOOTS);
}
