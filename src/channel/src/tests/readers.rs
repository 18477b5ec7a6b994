//! Readers beside a writer: they see every event once and in order, whatever is being written,
//! started or deleted meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

#[test]
fn a_reader_keeps_up_with_a_writer_across_segments_without_a_gap() {
    let folder = folder();
    let (channel, _) = open(&folder);
    let mut reader = Reader::open(folder.path()).unwrap();
    let mut fresh_eyes = Vec::new();
    std::thread::scope(|scope| {
        let writer = scope.spawn(move || {
            for n in 0..1500 {
                channel.publish(events(n % 4 + 1));
            }
            channel.status().journal.last_seq
        });
        let mut seen: u64 = 0;
        while !writer.is_finished() {
            for event in reader.after(seen, 7).unwrap() {
                assert_eq!(event.seq, seen + 1);
                seen = event.seq;
            }
            let other = Reader::open(folder.path())
                .unwrap()
                .after(seen / 2, 3)
                .unwrap();
            fresh_eyes.push((seen / 2, seqs(&other)));
        }
        let last = writer.join().unwrap();
        while let [first, .., end] | [first @ end] = reader.after(seen, 100).unwrap().as_slice() {
            assert_eq!(first.seq, seen + 1);
            seen = end.seq;
        }
        assert_eq!(seen, last);
    });
    for (after, seqs) in fresh_eyes {
        let expected: Vec<u64> = (after + 1..=after + seqs.len() as u64).collect();
        assert_eq!(seqs, expected);
    }
}

#[test]
fn a_reader_survives_the_deletion_of_the_segments_it_reads() {
    let folder = folder();
    let mut settings = settings(&folder);
    settings.max_size = 8 * 1024;
    let (channel, _) = Channel::open_within(settings, "r".into(), small()).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for pause in [0, 1, 5] {
            let (folder, done) = (&folder, &done);
            scope.spawn(move || {
                let mut reader = Reader::open(folder.path()).unwrap();
                let mut seen = 0;
                while !done.load(Ordering::Relaxed) {
                    for event in reader.after(seen, 5).unwrap() {
                        assert!(event.seq > seen);
                        seen = event.seq;
                    }
                    std::thread::sleep(Duration::from_millis(pause));
                }
                let rest = reader.after(seen, usize::MAX).unwrap();
                assert_eq!(rest.last().map_or(seen, |event| event.seq), 3000);
            });
        }
        for _ in 0..1000 {
            channel.publish(events(3));
        }
        channel.sync();
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn reading_works_with_the_daemon_stopped_and_says_so_when_there_is_no_journal() {
    let folder = folder();
    assert!(Reader::open(folder.path()).is_err());
    let (channel, _) = open(&folder);
    assert!(
        Reader::open(folder.path())
            .unwrap()
            .after(0, 10)
            .unwrap()
            .is_empty()
    );
    let published = channel.publish(events(25));
    drop(channel);
    let mut reader = Reader::open(folder.path()).unwrap();
    assert_eq!(reader.after(0, 10).unwrap(), published[..10]);
    assert_eq!(reader.after(10, 10).unwrap(), published[10..20]);
    assert_eq!(reader.after(3, 2).unwrap(), published[3..5]);
    assert_eq!(reader.after(24, 10).unwrap(), published[24..]);
    assert_eq!(reader.after(25, 10).unwrap(), []);
    assert_eq!(reader.after(u64::MAX, 10).unwrap(), []);
    assert_eq!(reader.after(0, 0).unwrap(), []);
}

#[test]
fn a_record_of_a_newer_version_is_read_and_what_is_strange_in_it_passed_on_or_over() {
    let folder = folder();
    let (channel, _) = open(&folder);
    channel.publish(events(1));
    drop(channel);
    let journal = folder.path().join("journal");
    let name = *crate::segment::list(&journal).unwrap().last().unwrap();
    let event = |seq: u64, severity: &str| {
        format!(
            r#"{{"id":"x{seq}","seq":{seq},"router":"r","time":"2030-01-01T00:00:00Z","severity":"{severity}","kind":"service_tired","detail":{{"yawns":3}},"colour":"green"}}"#
        )
    };
    let payload = format!(
        r#"{{"era":5,"events":[{},{}],"notes":{{"a":{{"b":[1,null]}}}},"more":{{}}}}"#,
        event(2, "minor"),
        event(3, "apocalyptic"),
    );
    let mut sealed = Vec::new();
    assert!(crate::frame::seal(payload.as_bytes(), &mut sealed));
    let path = name.path(&journal);
    let bytes = [std::fs::read(&path).unwrap(), sealed].concat();
    std::fs::write(&path, bytes).unwrap();
    let (channel, opened) = open(&folder);
    assert_eq!(opened.report, crate::Recovery::default());
    assert_eq!(opened.notes["a"]["b"][0], 1);
    assert_eq!(channel.publish(events(1))[0].seq, 4);
    let all = read_all(&folder);
    assert_eq!(seqs(&all), [1, 2, 4]);
    assert_eq!(all[1].fact.kind(), "service_tired");
}
