//! How fast it is; printed, never judged: a shared machine proves nothing.

use super::*;

#[tokio::test]
async fn the_way_of_events_to_a_sink_and_to_the_disk_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    let (channel, _) = Channel::open(settings(&folder), "r".into()).unwrap();
    let (heard, sink) = willing();
    channel.start_sink("null", sink, ON_DISK);
    let start = std::time::Instant::now();
    for _ in 0..5000 {
        channel.publish(events(1));
    }
    let published = start.elapsed();
    assert!(channel.drain(Duration::from_mins(1)).await);
    println!(
        "5000 events: published in {published:?}, delivered in {:?}",
        start.elapsed()
    );
    assert_eq!(heard.seqs().len(), 5000);
    let mut waits = Vec::new();
    for _ in 0..100 {
        let start = std::time::Instant::now();
        let seq = channel.publish(events(1))[0].seq;
        while channel.status().journal.synced_seq < seq {
            std::thread::yield_now();
        }
        waits.push(start.elapsed());
    }
    waits.sort_unstable();
    println!(
        "published to synced: median {:?}, worst {:?}",
        waits[50], waits[99]
    );
}
