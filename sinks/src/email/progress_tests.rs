//! What is planned stays as it was planned, in this process and after a restart of it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::examples::{event, restart_failed, restarted, service_down};

fn names(progress: &Progress) -> Vec<&str> {
    progress
        .mails
        .iter()
        .map(|mail| mail.name.as_str())
        .collect()
}

fn sent(progress: &mut Progress) {
    for mut mail in progress.open() {
        mail.taken = true;
        mail.end = Some(End::Sent);
        progress.update(mail);
    }
}

#[tokio::test]
async fn a_larger_batch_after_a_restart_leaves_the_planned_mail_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state/admins/mails.json");
    let (down, failed) = (event(1, service_down()), event(2, restart_failed("")));
    let mut before = Progress::new(Some(file.clone()));
    before.prepare(std::slice::from_ref(&down), 10).await;
    let opening = names(&before)[0].to_owned();
    assert!(opening.starts_with("vrwatch.outage."));

    let mut after = Progress::new(Some(file.clone()));
    after.prepare(&[down.clone(), failed.clone()], 10).await;
    assert_eq!(after.mails.len(), 2);
    assert_eq!(after.mails[0].events, ["event-1"]);
    assert_eq!(after.mails[0].name, opening);
    assert_eq!(after.mails[1].answers, Some(opening));

    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&file), 0o600);
    assert_eq!(mode(file.parent().unwrap()), 0o700);
}

#[tokio::test]
async fn what_was_sent_is_not_sent_again_after_a_restart_but_again_when_it_was_answered_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mails.json");
    let batch = [event(1, service_down()), event(2, restarted())];
    let mut progress = Progress::new(Some(file.clone()));
    progress.prepare(&batch, 10).await;
    sent(&mut progress);
    assert!(progress.save().await);

    let mut restarted = Progress::new(Some(file));
    restarted.prepare(&batch, 10).await;
    assert!(restarted.open().is_empty());

    progress.forget(&batch);
    progress.prepare(&batch, 10).await;
    assert_eq!(progress.open().len(), 1);
}

#[tokio::test]
async fn without_a_file_or_a_disk_a_mail_is_named_after_all_its_events() {
    let batch = [event(1, service_down())];
    let mut nowhere = Progress::new(None);
    nowhere.prepare(&batch, 10).await;
    assert!(names(&nowhere)[0].starts_with("vrwatch.events."));
    let mut broken = Progress::new(Some("/dev/null/mails.json".into()));
    broken.prepare(&batch, 10).await;
    assert_eq!(names(&nowhere), names(&broken));
}

#[tokio::test]
async fn a_test_is_planned_without_touching_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mails.json");
    let mut progress = Progress::new(Some(file.clone()));
    progress.prepare(&[event(0, service_down())], 10).await;
    assert_eq!(progress.open().len(), 1);
    assert!(!file.exists());
}

#[tokio::test]
async fn a_file_that_is_damaged_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mails.json");
    fs::write(&file, "{\"mails\":[{\"name\":").unwrap();
    let mut progress = Progress::new(Some(file));
    progress.prepare(&[event(1, service_down())], 10).await;
    assert_eq!(progress.open().len(), 1);
}

#[tokio::test]
async fn an_unfinished_mail_whose_events_come_one_by_one_is_planned_afresh_under_other_names() {
    let folder = tempfile::tempdir().unwrap();
    let mut progress = Progress::new(Some(folder.path().join("mails.json")));
    let batch = [event(1, service_down()), event(2, restarted())];
    progress.prepare(&batch, 10).await;
    let opening = names(&progress)[0].to_owned();
    progress.prepare(&batch[..1], 10).await;
    assert_eq!(progress.mails.len(), 1);
    assert_eq!(progress.mails[0].events, ["event-1"]);
    assert_ne!(progress.mails[0].name, opening);
}

#[tokio::test]
async fn events_that_come_one_by_one_find_what_became_of_each() {
    let folder = tempfile::tempdir().unwrap();
    let mut progress = Progress::new(Some(folder.path().join("mails.json")));
    let mut batch: Vec<_> = (1..=4).map(|seq| event(seq, service_down())).collect();
    for (event, outage) in batch.iter_mut().zip(["a", "b", "b", "c"]) {
        event.outage = Some(outage.into());
    }
    progress.prepare(&batch, 10).await;
    let ends = [End::Sent, End::Apart, End::Refused("no".into())];
    for (mut mail, end) in progress.open().into_iter().zip(ends) {
        mail.end = Some(end);
        progress.update(mail);
    }
    let mut open = Vec::new();
    for event in &batch {
        let alone = std::slice::from_ref(event);
        progress.prepare(alone, 10).await;
        open.push(progress.open().len());
        sent(&mut progress);
        progress.forget(alone);
    }
    assert_eq!(open, [0, 1, 1, 0]);
    assert!(progress.mails.is_empty());
}
