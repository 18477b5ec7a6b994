//! A real process is killed at random moments, again and again: what it acknowledged is there once.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use super::*;

const FOLDER: &str = "VRWATCH_TEST_VICTIM";
const ROUNDS: usize = 110;

/// A whole line is this long, so that few lie unread in the pipe.
const LINE: usize = 2048;

/// The other half of the test below: without the variable there is nothing to do.
#[test]
fn the_victim_publishes_until_it_is_killed() {
    let Some(directory) = std::env::var_os(FOLDER) else {
        return;
    };
    let settings = Settings {
        directory: directory.into(),
        ..Settings::default()
    };
    let (channel, _) = Channel::open(settings, "r".into()).unwrap();
    for n in 0.. {
        let size = n % 3 + 1;
        let first = channel.status().journal.last_seq + 1;
        let mut transaction = events(size);
        transaction.notes = vec![note("first", first), note("size", size)];
        let published = channel.publish(transaction);
        let words = published
            .iter()
            .map(|event| format!(" {}={}", event.seq, event.id));
        let told = words.collect::<Vec<_>>().concat();
        println!("told{told:LINE$}");
    }
}

#[test]
fn a_process_killed_at_any_moment_has_lost_nothing_that_it_acknowledged() {
    let folder = folder();
    let mut known: BTreeMap<u64, String> = BTreeMap::new();
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "tests::kill::the_victim_publishes_until_it_is_killed",
                "--nocapture",
            ])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // Some acknowledgements are heard, more are under way when the signal comes.
        let mut told = Vec::new();
        let wanted = fastrand::usize(0..40);
        while told.len() < wanted {
            told.push(lines.next().unwrap().unwrap());
            told.retain(|line| line.starts_with("told"));
        }
        std::thread::sleep(Duration::from_micros(fastrand::u64(0..2000)));
        child.kill().unwrap();
        child.wait().unwrap();
        told.extend(lines.map_while(Result::ok));
        // The kill may have cut the last line off.
        told.retain(|line| line.starts_with("told") && line.len() == LINE + 4);

        let last_before = known.last_key_value().map_or(0, |(seq, _)| *seq);
        let (channel, opened) = open(&folder);
        assert_eq!(opened.report.quarantined, 0, "round {round}");
        let mut reader = Reader::open(folder.path()).unwrap();
        for event in reader.after(last_before, usize::MAX).unwrap() {
            known.insert(event.seq, event.id);
        }
        assert_eq!(opened.last_seq, known.len() as u64, "no hole");
        for (seq, id) in told
            .iter()
            .flat_map(|line| line[4..].split_whitespace())
            .map(|word| word.split_once('=').unwrap())
        {
            let seq: u64 = seq.parse().unwrap();
            assert!(seq > last_before, "a number was given twice");
            assert_eq!(known[&seq], id, "round {round}");
        }
        if opened.last_seq > 0 {
            let noted = |key| opened.notes[key].as_u64().unwrap();
            assert_eq!(noted("first") + noted("size") - 1, opened.last_seq);
        }
        drop(channel);
    }
    let all = read_all(&folder);
    assert_eq!(seqs(&all), (1..=known.len() as u64).collect::<Vec<_>>());
    assert!(all.iter().all(|event| known[&event.seq] == event.id));
    assert!(known.len() > ROUNDS, "the victims did publish");
}
