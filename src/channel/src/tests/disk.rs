//! Real full and read-only disks: small file systems in memory, mounted for the test. Needs root,
//! as the daemon does.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use super::*;
use crate::OpenError;

/// A small file system of its own, unmounted whatever happens.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn new(kib: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let disk = Self(folder);
        disk.run(Command::new("mount").args([
            "-t",
            "tmpfs",
            "-o",
            &format!("size={kib}k"),
            "vrwatch-test",
        ]));
        disk
    }

    fn run(&self, command: &mut Command) {
        let status = command.arg(self.0.path()).status().unwrap();
        assert!(status.success(), "{command:?}: mounting needs root");
    }

    fn mount_again(&self, how: &str) {
        self.run(Command::new("mount").args(["-o", &format!("remount,{how}")]));
    }

    /// Takes all the room there is.
    fn fill(&self) {
        let mut filler = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.filler())
            .unwrap();
        for size in [4096, 1] {
            while filler.write(&vec![0; size]).is_ok() {}
        }
    }

    fn filler(&self) -> std::path::PathBuf {
        self.0.path().join("filler")
    }

    fn settings(&self) -> Settings {
        Settings {
            directory: self.0.path().join("vrwatch"),
            ..Settings::default()
        }
    }

    fn read(&self) -> Vec<Event> {
        let mut reader = Reader::open(&self.settings().directory).unwrap();
        reader.after(0, usize::MAX).unwrap()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[tokio::test]
async fn on_a_full_disk_syslog_is_told_at_once_and_the_others_when_there_is_room() {
    let disk = SmallDisk::new(512);
    let (channel, _) = Channel::open_within(disk.settings(), "r".into(), small()).unwrap();
    let (syslog, sink) = willing();
    channel.start_sink("syslog", sink, AT_ONCE);
    let (remote, sink) = willing();
    channel.start_sink("remote", sink, ON_DISK);
    let mut published = channel.publish(Transaction {
        notes: vec![note("before", 1)],
        ..events(5)
    });
    assert!(channel.drain(Duration::from_mins(1)).await);
    disk.fill();
    for n in 0..200 {
        published.extend(channel.publish(Transaction {
            notes: vec![note("during", n)],
            ..events(1)
        }));
        tokio::task::yield_now().await;
    }
    let journal = channel.status().journal;
    assert!(
        !journal.on_disk && journal.waiting_in_memory > 100,
        "{journal:?}"
    );
    assert!(journal.error.is_some());
    soon("syslog hears all", || syslog.seqs().len() == 205).await;
    assert!(!channel.sync());
    assert!(remote.seqs().len() < 150);
    soon("the other hears what is on disk", || {
        remote.seqs().len() as u64 == channel.status().journal.synced_seq
    })
    .await;
    fs::remove_file(disk.filler()).unwrap();
    assert!(channel.drain(Duration::from_mins(1)).await);
    assert_eq!(remote.taken(), published);
    assert_eq!(syslog.taken(), published);
    assert!(channel.status().journal.on_disk);
    assert_eq!(disk.read(), published);
    assert!(channel.close());
    let (_, opened) = Channel::open_within(disk.settings(), "r".into(), small()).unwrap();
    assert_eq!(opened.report, crate::Recovery::default());
    assert_eq!(opened.last_seq, 205);
    assert_eq!(opened.notes["before"], 1);
    assert_eq!(opened.notes["during"], 199);
}

#[tokio::test]
async fn a_disk_that_stays_full_costs_the_oldest_events_and_the_count_is_exact() {
    let disk = SmallDisk::new(512);
    let limits = Limits {
        waiting_records: 50,
        ..small()
    };
    let (channel, _) = Channel::open_within(disk.settings(), "r".into(), limits).unwrap();
    let (remote, sink) = willing();
    channel.start_sink("remote", sink, ON_DISK);
    let first = channel.publish(events(5));
    assert!(channel.drain(Duration::from_mins(1)).await);
    disk.fill();
    let mut newest = Vec::new();
    for n in 0..400 {
        newest = channel.publish(Transaction {
            notes: vec![note("latest", n), note(&format!("key {n}"), n)],
            ..events(2)
        });
        tokio::task::yield_now().await;
    }
    assert_eq!(newest[1].seq, 805);
    fs::remove_file(disk.filler()).unwrap();
    soon("the disk is back", || channel.status().journal.on_disk).await;
    assert!(channel.drain(Duration::from_mins(1)).await);
    let all = disk.read();
    let lost = told_lost(&all, None);
    assert!((500..800).contains(&lost), "{lost}");
    assert_eq!(all.len() as u64 - 1, 805 - lost);
    assert_eq!(all[..5], first);
    assert_eq!(remote.taken(), all);
    let remote = channel.status().sinks.remove(0);
    assert_eq!((remote.dropped, remote.delivered), (lost, all.len() as u64));
    assert!(channel.close());
    let (_, opened) = Channel::open_within(disk.settings(), "r".into(), small()).unwrap();
    // No note is lost with the events.
    assert_eq!(opened.notes["latest"], 399);
    assert_eq!(opened.notes.len(), 401);
}

#[tokio::test]
async fn a_read_only_disk_keeps_what_is_known_and_catches_up_when_it_is_writable() {
    let disk = SmallDisk::new(512);
    let (channel, _) = Channel::open_within(disk.settings(), "r".into(), small()).unwrap();
    let (_, sink) = willing();
    channel.start_sink("remote", sink, ON_DISK);
    let mut published = channel.publish(Transaction {
        notes: vec![note("hold-off", "dhcp")],
        ..events(5)
    });
    assert!(channel.drain(Duration::from_mins(1)).await && channel.close());
    disk.mount_again("ro");
    let error = Channel::open_within(disk.settings(), "r".into(), small()).unwrap_err();
    let words = error.to_string();
    assert!(words.contains("mount the file system writable"), "{words}");
    assert!(
        words.contains(&disk.0.path().display().to_string()),
        "{words}"
    );
    let (channel, opened) = Channel::degraded_within(disk.settings(), "r".into(), &error, small());
    assert_eq!(
        (opened.last_seq, &opened.notes["hold-off"]),
        (5, &Note::from("dhcp"))
    );
    let (syslog, sink) = willing();
    channel.start_sink("syslog", sink, AT_ONCE);
    let (remote, sink) = willing();
    channel.start_sink("remote", sink, ON_DISK);
    published.extend(channel.publish(events(3)));
    soon("syslog hears it", || syslog.seqs() == [6, 7, 8]).await;
    assert!(remote.seqs().is_empty() && !channel.status().journal.on_disk);
    disk.mount_again("rw");
    assert!(channel.drain(Duration::from_mins(1)).await);
    assert_eq!(remote.taken(), published[5..]);
    assert_eq!(disk.read(), published);
    assert!(channel.close());
}

#[tokio::test]
async fn events_from_before_the_journal_could_be_opened_are_numbered_behind_its_last() {
    let folder = folder();
    let directory = folder.path().join("vrwatch");
    let settings = Settings {
        directory: directory.clone(),
        ..Settings::default()
    };
    let (channel, _) = Channel::open_within(settings.clone(), "r".into(), small()).unwrap();
    let (_, sink) = willing();
    channel.start_sink("remote", sink, ON_DISK);
    let old = channel.publish(Transaction {
        notes: vec![note("old", 1), note("both", 1)],
        ..events(7)
    });
    assert!(channel.drain(Duration::from_mins(1)).await && channel.close());
    // A folder that is not mounted yet: a file is in the way, then the journal appears.
    let away = folder.path().join("away");
    fs::rename(&directory, &away).unwrap();
    fs::write(&directory, "in the way").unwrap();
    let error = Channel::open_within(settings.clone(), "r".into(), small()).unwrap_err();
    assert!(error.to_string().contains("move it away"), "{error}");
    let limits = Limits {
        waiting_records: 10,
        ..small()
    };
    let (channel, opened) = Channel::degraded_within(settings.clone(), "r".into(), &error, limits);
    assert_eq!(opened, Opened::default());
    let (remote, sink) = willing();
    channel.start_sink("remote", sink, ON_DISK);
    let mut published = Vec::new();
    for n in 0..15 {
        published.extend(channel.publish(Transaction {
            notes: vec![note("both", 2), note(&format!("new {n}"), n)],
            ..events(1)
        }));
    }
    fs::remove_file(&directory).unwrap();
    fs::rename(&away, &directory).unwrap();
    soon("the journal opens", || channel.status().journal.on_disk).await;
    assert!(channel.drain(Duration::from_mins(1)).await);
    let all = Reader::open(&directory)
        .unwrap()
        .after(0, usize::MAX)
        .unwrap();
    assert_eq!(all[..7], old);
    let ids = |events: &[Event]| events.iter().map(|e| e.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&all[7..17]), ids(&published[5..]));
    assert_eq!(seqs(&all[7..]), (13..=23).collect::<Vec<_>>());
    assert_eq!(told_lost(&all, None), 5);
    assert_eq!(remote.taken(), all[7..]);
    assert!(channel.close());
    let (_, opened) = Channel::open_within(settings, "r".into(), small()).unwrap();
    assert_eq!(opened.notes.len(), 17);
    assert_eq!(
        (&opened.notes["old"], &opened.notes["both"]),
        (&1.into(), &2.into())
    );
}

#[test]
fn what_stands_in_the_way_is_named_with_what_to_do() {
    let folder = folder();
    let journal = folder.path().join("journal");
    fs::write(&journal, "a file").unwrap();
    let error = Channel::open(settings(&folder), "r".into()).unwrap_err();
    assert!(matches!(&error, OpenError::Unusable { path, .. } if Path::new(path) == journal));
    assert!(error.to_string().contains("move it away"), "{error}");
}
