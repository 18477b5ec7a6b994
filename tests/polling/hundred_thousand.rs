//! A hundred thousand alerts: right, and how long it takes. The times are printed, not asserted.

use std::time::{Duration, Instant};

use crate::world::{World, now};

#[test]
fn a_hundred_thousand_alerts_are_handed_over_once_each() {
    const COUNT: i64 = 100_000;
    let world = World::new();
    let start = now() - COUNT * 1000;
    world.publish((0..COUNT).map(|index| (start + index * 1000, format!("alert {index:06}."))));
    let ask = |after: &[&str], options: &[&str]| {
        let begin = Instant::now();
        let said = world.says(&[&["legacy-alerts"], options, &["--"], after].concat());
        (said, begin.elapsed())
    };
    let mut number = 0;
    let mut slowest = Duration::ZERO;
    let mut stamp = "1970-01-01 00:00:00".to_owned();
    loop {
        let words: Vec<&str> = stamp.split(' ').collect();
        let (said, took) = ask(&words, &[]);
        slowest = slowest.max(took);
        if said == "No Alerts\n" {
            println!("nothing new behind {COUNT} alerts: {took:?}");
            break;
        }
        let mut last = "";
        for entry in said.trim_end().split_terminator("\\n") {
            assert!(
                entry.contains(&format!("alert {number:06}.")),
                "{number}: {entry}"
            );
            number += 1;
            last = entry;
        }
        stamp = last[..19].to_owned();
    }
    assert_eq!(number, COUNT);
    println!("slowest of all answers that a server gets: {slowest:?}");
    // A stamp that nobody remembers: all of the journal is looked at.
    std::fs::remove_file(world.path("state/legacy-alerts.json")).unwrap();
    let words: Vec<&str> = stamp.split(' ').collect();
    let (said, took) = ask(&words, &[]);
    assert_eq!(said, "No Alerts\n");
    println!("nothing new, and nothing remembered: {took:?}");
    let (said, took) = ask(&[], &["--limit", "1"]);
    assert!(said.contains("alert 000000."));
    println!("the oldest: {took:?}");
}
