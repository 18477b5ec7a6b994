//! Ten thousand random weeks: deaths, reloads, slow and lying restarts, clock steps, new
//! configurations, holds, crashes of the daemon at any point, reboots. After each week the weather
//! turns fair, and everything that was open must come to its end.

mod daemon;
mod machine;
mod weather;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};

use world::World;

const WEEKS: u64 = 10_000;
/// Threads that share the weeks.
const WORKERS: u64 = 2;

#[test]
fn ten_thousand_random_weeks_break_no_law() {
    let lived = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for worker in 0..WORKERS {
            let lived = &lived;
            scope.spawn(move || {
                for seed in (worker..WEEKS).step_by(usize::try_from(WORKERS).unwrap()) {
                    live(seed);
                    lived.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(lived.into_inner(), WEEKS);
}

/// A week in which nothing of a kind ever happens proves nothing.
#[test]
fn the_random_weeks_are_eventful_in_every_way() {
    let mut seen = std::collections::BTreeMap::<String, u64>::new();
    for seed in 0..300 {
        let mut world = World::new(seed, false);
        assert_eq!(world.live_a_week(), Ok(()), "seed {seed}");
        for (what, count) in world.seen {
            *seen.entry(what).or_default() += count;
        }
    }
    for what in [
        "service_down",
        "restarted",
        "restart_failed",
        "unmonitored",
        "recovered",
        "remonitored",
        "crash loop",
        "removed with an outage open",
        "removed without an outage",
        "hand-over",
        "daemon crash",
        "crash between decisions",
        "command lost with the daemon",
        "command outlived the daemon",
        "outage open when the daemon died",
        "daemon died knowing more than its note",
        "hold-off open at a reboot",
        "outage open at a reboot",
        "wall clock step during a hold-off",
    ] {
        let count = seen.get(what).copied().unwrap_or_default();
        assert!(count >= 10, "{what}: {count} of {seen:?}");
    }
}

/// Lives one week; if a law breaks, lives it again and shows its end.
fn live(seed: u64) {
    if let Err(law) = World::new(seed, false).live_a_week() {
        let mut again = World::new(seed, true);
        let _ = again.live_a_week();
        let tail = again.trace.iter().rev().take(25).rev();
        let trace = tail.cloned().collect::<Vec<_>>().join("\n");
        panic!("seed {seed}: {law}\n{trace}");
    }
}
