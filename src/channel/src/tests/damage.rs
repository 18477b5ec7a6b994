//! Whatever happens to the bytes: what lies before the damage is there once and in order, only what
//! was hit is lost, numbers rise, and nothing panics.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;
use crate::record::Payload;
use crate::scan::{Scanner, Step};

/// One transaction of the model: how many events, and which notes change.
type Model = (usize, Vec<(u8, Option<u16>)>);

fn transaction(model: &Model) -> Transaction {
    Transaction {
        notes: model
            .1
            .iter()
            .map(|(key, value)| (format!("service {key}"), value.map(Note::from)))
            .collect(),
        ..events(model.0)
    }
}

fn notes_after(models: &[Model]) -> BTreeMap<String, Note> {
    let mut notes = BTreeMap::new();
    for (key, value) in models.iter().flat_map(|model| &model.1) {
        match value {
            Some(value) => notes.insert(format!("service {key}"), Note::from(*value)),
            None => notes.remove(&format!("service {key}")),
        };
    }
    notes
}

fn models() -> impl Strategy<Value = Vec<Model>> {
    let notes = prop::collection::vec((0..4_u8, prop::option::of(any::<u16>())), 0..3);
    prop::collection::vec((0..4_usize, notes), 1..60)
}

/// Where each record lies, in which file, and which events it holds.
fn layout(journal: &Path) -> Vec<(PathBuf, u64, u64, Vec<u64>)> {
    let mut records = Vec::new();
    for name in crate::segment::list(journal).unwrap() {
        let path = name.path(journal);
        let mut scanner = Scanner::new(fs::File::open(&path).unwrap());
        while let Step::Record { offset, length } = scanner.step().unwrap() {
            let payload = Payload::parse(scanner.payload(offset, length).unwrap()).unwrap();
            records.push((
                path.clone(),
                offset,
                length as u64,
                payload.seqs().collect(),
            ));
        }
    }
    records
}

fn write(folder: &tempfile::TempDir, models: &[Model]) -> Vec<Event> {
    let (channel, _) = open(folder);
    let published = models
        .iter()
        .flat_map(|model| channel.publish(transaction(model)))
        .collect();
    assert!(channel.close());
    published
}

fn only_published(events: Vec<Event>) -> Vec<Event> {
    let own = |event: &Event| event.fact.kind() != "alerts_dropped";
    events.into_iter().filter(own).collect()
}

/// Opens what is left, checks that `expected` is there, and that life goes on above it.
fn check_survivors(folder: &tempfile::TempDir, expected: &[Event]) -> Opened {
    let (channel, opened) = open(folder);
    let survivors = read_all(folder);
    assert_eq!(only_published(survivors.clone()), expected);
    let highest = survivors.last().map_or(0, |event| event.seq);
    assert!(opened.last_seq >= highest);
    let next = channel.publish(events(2));
    assert_eq!(seqs(&next), [opened.last_seq + 1, opened.last_seq + 2]);
    assert!(channel.close());
    let mut all = survivors;
    all.extend(next);
    assert_eq!(read_all(folder), all);
    let (again, second) = open(folder);
    assert_eq!(second.report.truncated_bytes, 0);
    assert_eq!(second.report.quarantined, 0);
    assert_eq!(second.last_seq, opened.last_seq + 2);
    assert_eq!(second.notes, opened.notes);
    drop(again);
    opened
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_journal_cut_anywhere_keeps_all_before_the_cut(models in models(), place in any::<prop::sample::Index>()) {
        let folder = folder();
        let published = write(&folder, &models);
        let records = layout(&folder.path().join("journal"));
        let (path, ..) = records.last().unwrap();
        let length = fs::metadata(path).unwrap().len();
        let cut = place.index(usize::try_from(length).unwrap() + 1) as u64;
        fs::OpenOptions::new().write(true).open(path).unwrap().set_len(cut).unwrap();
        let lost: Vec<u64> = records
            .iter()
            .filter(|(file, offset, length, _)| file == path && offset + length > cut)
            .flat_map(|record| record.3.clone())
            .collect();
        let expected: Vec<Event> = published.iter().filter(|e| !lost.contains(&e.seq)).cloned().collect();
        let opened = check_survivors(&folder, &expected);
        prop_assert_eq!(opened.last_seq, expected.last().map_or(0, |event| event.seq));
        // The notes are those of a whole number of transactions, and of no fewer than the events.
        let mut seq = 0;
        let fitting = models.iter().enumerate().any(|(index, model)| {
            let before = seq == opened.last_seq && opened.notes == notes_after(&models[..index]);
            seq += model.0 as u64;
            before
        }) || (seq == opened.last_seq && opened.notes == notes_after(&models));
        prop_assert!(fitting, "{:?}", opened.notes);
    }

    #[test]
    fn a_flipped_bit_costs_no_more_than_the_record_it_hits(models in models(), place in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let folder = folder();
        let published = write(&folder, &models);
        let records = layout(&folder.path().join("journal"));
        let (path, offset, length, hit) = place.get(&records);
        let mut bytes = fs::read(path).unwrap();
        let at = usize::try_from(offset + place.index(usize::try_from(*length).unwrap()) as u64).unwrap();
        bytes[at] ^= 1_u8 << bit;
        fs::write(path, bytes).unwrap();
        let expected: Vec<Event> = published.iter().filter(|e| !hit.contains(&e.seq)).cloned().collect();
        let opened = check_survivors(&folder, &expected);
        prop_assert!(opened.report.quarantined + opened.report.truncated_bytes > 0);
    }

    #[test]
    fn any_bytes_at_all_are_survived(garbage in prop::collection::vec(any::<u8>(), 0..4096), models in models(), at in any::<prop::sample::Index>()) {
        let folder = folder();
        write(&folder, &models);
        let records = layout(&folder.path().join("journal"));
        let (path, ..) = at.get(&records);
        let mut bytes = fs::read(path).unwrap();
        let place = at.index(bytes.len());
        let end = (place + garbage.len()).min(bytes.len());
        bytes.splice(place..end, garbage);
        fs::write(path, bytes).unwrap();
        let (channel, opened) = open(&folder);
        let found = seqs(&read_all(&folder));
        prop_assert!(found.is_sorted_by(|a, b| a < b));
        let next = channel.publish(events(1));
        prop_assert!(next[0].seq > opened.last_seq && found.last().is_none_or(|last| *last < next[0].seq));
    }
}

#[test]
fn a_journal_killed_at_any_byte_of_its_writing_goes_on_without_a_hole() {
    let whole = folder();
    let models: Vec<Model> = (0..5)
        .map(|n| (n % 3, vec![(0, Some(7)), (1, None)]))
        .collect();
    let published = write(&whole, &models);
    let records = layout(&whole.path().join("journal"));
    assert_eq!(
        records.first().map(|record| &record.0),
        records.last().map(|record| &record.0)
    );
    let path = &records[0].0;
    let bytes = fs::read(path).unwrap();
    for length in 0..=bytes.len() {
        let folder = folder();
        let journal = folder.path().join("journal");
        fs::create_dir(&journal).unwrap();
        fs::write(journal.join(path.file_name().unwrap()), &bytes[..length]).unwrap();
        let (channel, opened) = open(&folder);
        let next = channel.publish(events(1));
        assert_eq!(next[0].seq, opened.last_seq + 1);
        let all = read_all(&folder);
        assert_eq!(seqs(&all), (1..=next[0].seq).collect::<Vec<_>>());
        assert_eq!(all[..all.len() - 1], published[..all.len() - 1]);
    }
}

#[test]
fn a_broken_record_in_the_middle_is_set_aside_counted_and_told_once() {
    let folder = folder();
    let models: Vec<Model> = (0..9).map(|n| (2, vec![(n, Some(1))])).collect();
    write(&folder, &models);
    let records = layout(&folder.path().join("journal"));
    let (path, offset, length, hit) = &records[4];
    let mut bytes = fs::read(path).unwrap();
    bytes[usize::try_from(offset + 20).unwrap()] ^= 0x40;
    fs::write(path, &bytes).unwrap();
    let (channel, opened) = open(&folder);
    assert_eq!(opened.report.quarantined, 1);
    assert_eq!(opened.report.lost_events, 2);
    assert!(!opened.report.words.is_empty());
    let report = read_all(&folder).pop().unwrap();
    let Fact::AlertsDropped {
        count,
        first_seq,
        last_seq,
        sink: None,
        ..
    } = report.fact
    else {
        panic!("{report:?}");
    };
    assert_eq!((count, first_seq, last_seq), (2, hit[0], hit[1]));
    let kept: Vec<_> = fs::read_dir(folder.path().join("quarantine"))
        .unwrap()
        .collect();
    let kept = fs::read(kept[0].as_ref().unwrap().path()).unwrap();
    let start = usize::try_from(*offset).unwrap();
    assert_eq!(
        kept,
        bytes[start..start + usize::try_from(*length).unwrap()]
    );
    drop(channel);
    let (_, again) = open(&folder);
    assert_eq!(again.report, crate::Recovery::default());
}

#[test]
fn a_number_that_a_sink_had_is_not_given_again_when_the_end_was_broken() {
    let folder = folder();
    let (channel, _) = open(&folder);
    for _ in 0..3 {
        channel.publish(events(1));
    }
    drop(channel);
    crate::cursor::write(&crate::cursor::path(folder.path(), "remote"), 3).unwrap();
    let records = layout(&folder.path().join("journal"));
    let path = &records[0].0;
    let length = fs::metadata(path).unwrap().len();
    fs::OpenOptions::new()
        .write(true)
        .open(path)
        .unwrap()
        .set_len(length - 1)
        .unwrap();
    let (channel, opened) = open(&folder);
    assert_eq!(opened.report.lost_events, 1);
    assert!(channel.publish(events(1))[0].seq > 3);
}

#[test]
fn things_that_are_no_segments_are_passed_over() {
    let folder = folder();
    let journal = folder.path().join("journal");
    fs::create_dir(&journal).unwrap();
    fs::create_dir(journal.join("00000000000000000001.log")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", journal.join("00000000000000000002.log")).unwrap();
    rustix::fs::mkfifoat(
        rustix::fs::CWD,
        journal.join("00000000000000000003.log"),
        rustix::fs::Mode::RUSR,
    )
    .unwrap();
    fs::write(journal.join("notes.txt"), "hello").unwrap();
    let (channel, _) = open(&folder);
    channel.publish(events(3));
    assert_eq!(read_all(&folder).len(), 3);
    drop(channel);
    let (channel, opened) = open(&folder);
    assert_eq!(opened.report, crate::Recovery::default());
    assert_eq!(channel.publish(events(1))[0].seq, opened.last_seq + 1);
}
