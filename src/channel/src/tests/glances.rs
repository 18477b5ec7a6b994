//! Glances: the same events as a reader sees, whatever happens to the journal, and at less cost.

use std::fs;
use std::ops::ControlFlow;

use super::*;
use crate::segment;

/// Everything behind `after`, at a glance.
fn seen(folder: &tempfile::TempDir, after: u64) -> Vec<Event> {
    let mut seen = Vec::new();
    crate::glance(folder.path(), after, |glance| {
        let event = glance.event().unwrap();
        assert_eq!(
            (glance.seq, glance.id.as_ref(), glance.time, glance.severity),
            (event.seq, event.id.as_str(), event.time, event.severity)
        );
        seen.push(event);
        ControlFlow::Continue(())
    })
    .unwrap();
    seen
}

#[test]
fn a_glance_shows_what_a_reader_reads_from_wherever_it_starts() {
    let folder = folder();
    let (channel, _) = open(&folder);
    for _ in 0..50 {
        channel.publish(events(3));
    }
    let all = read_all(&folder);
    assert!(
        segment::list(&segment::journal_folder(folder.path()))
            .unwrap()
            .len()
            > 5
    );
    for after in 0..=all.len() {
        assert_eq!(seen(&folder, after as u64), all[after..], "after {after}");
    }
    assert!(seen(&folder, u64::MAX).is_empty());
}

#[test]
fn a_glance_ends_when_enough_was_seen() {
    let folder = folder();
    let (channel, _) = open(&folder);
    channel.publish(events(10));
    let mut looks = 0;
    crate::glance(folder.path(), 4, |glance| {
        looks += 1;
        if glance.seq == 6 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })
    .unwrap();
    assert_eq!(looks, 2);
}

#[test]
fn damage_and_missing_segments_hide_only_what_they_held() {
    let folder = folder();
    let (channel, _) = open(&folder);
    for _ in 0..60 {
        channel.publish(events(1));
    }
    drop(channel);
    let journal = segment::journal_folder(folder.path());
    let names = segment::list(&journal).unwrap();
    fs::remove_file(names[0].path(&journal)).unwrap();
    let path = names[2].path(&journal);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 8].fill(0);
    fs::write(&path, bytes).unwrap();
    let all = read_all(&folder);
    assert!(all.len() < 60 && all.len() > 40);
    assert_eq!(seen(&folder, 0), all);
    assert_eq!(
        seen(&folder, 30),
        read_all(&folder).split_off(all.partition_point(|event| event.seq <= 30))
    );
}
