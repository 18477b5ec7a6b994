//! rsyslogd is stopped and started again in the middle of a stream of batches: over TCP and TLS
//! nothing is lost.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use contract::DeliverError;

use crate::events::{numbered, sink, wait_for};
use crate::rsyslogd::Rsyslogd;

const RESTARTS: usize = 8;
/// Large enough that a stop hits the middle of one.
const BATCH: u64 = 1000;

/// Delivers batch after batch, each again until it is taken, while rsyslogd restarts. Gives how
/// many events were delivered and how often a batch was refused meanwhile.
async fn deliver_through_restarts(rsyslogd: Rsyslogd, transport: &str) -> (u64, u64, Rsyslogd) {
    let mut section = format!(
        "target = \"{}\"\nformat = \"rfc5424\"\ntimeout = \"20s\"\n",
        rsyslogd.target(transport)
    );
    if transport == "tls" {
        section += &rsyslogd.trusted();
    }
    let mut sink = sink(&section);
    let done = Arc::new(AtomicBool::new(false));
    let restarting = {
        let done = Arc::clone(&done);
        let mut rsyslogd = rsyslogd;
        tokio::task::spawn_blocking(move || {
            for _ in 0..RESTARTS {
                // As soon as a part of a batch is written, so that the rest is under way.
                let before = rsyslogd.bytes_written();
                wait_for("rsyslogd writes more", || {
                    (rsyslogd.bytes_written() > before).then_some(())
                });
                rsyslogd.stop();
                rsyslogd.start();
            }
            done.store(true, Ordering::Release);
            rsyslogd
        })
    };
    let (mut next, mut refusals) = (1, 0);
    while !done.load(Ordering::Acquire) {
        let batch: Vec<_> = (next..next + BATCH).map(numbered).collect();
        loop {
            match sink.deliver(&batch).await {
                Ok(()) => break,
                Err(DeliverError::Later { .. }) => {
                    refusals += 1;
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                Err(never) => panic!("{never}"),
            }
        }
        next += BATCH;
    }
    (next - 1, refusals, restarting.await.unwrap())
}

async fn nothing_is_lost_over(transport: &str) {
    let rsyslogd = Rsyslogd::started();
    let (delivered, refusals, mut rsyslogd) = deliver_through_restarts(rsyslogd, transport).await;
    rsyslogd.stop();
    let heard: BTreeSet<u64> = rsyslogd
        .received()
        .iter()
        .filter_map(|line| {
            let (_, rest) = line.text.split_once("<id")?;
            rest.get(..6)?.parse().ok()
        })
        .collect();
    let lost: Vec<u64> = (1..=delivered).filter(|seq| !heard.contains(seq)).collect();
    println!(
        "{transport}: {delivered} delivered, {refusals} refusals, {} lines",
        rsyslogd.received().len()
    );
    assert!(refusals > 0, "no stop was ever noticed");
    assert!(
        lost.is_empty(),
        "{} of {delivered} lost: {lost:?}",
        lost.len()
    );
}

#[tokio::test]
async fn nothing_is_lost_over_tcp_while_the_receiver_restarts() {
    nothing_is_lost_over("tcp").await;
}

#[tokio::test]
async fn nothing_is_lost_over_tls_while_the_receiver_restarts() {
    nothing_is_lost_over("tls").await;
}
