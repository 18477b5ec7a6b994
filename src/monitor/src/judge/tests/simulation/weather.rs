//! What befalls a week: drawn once, from the seed.

use std::time::Duration;

use fastrand::Rng;

use crate::judge::{Attempts, CrashLoop, Policy};

pub(super) const SECOND: u64 = 1000;
pub(super) const MINUTE: u64 = 60 * SECOND;
pub(super) const HOUR: u64 = 60 * MINUTE;
pub(super) const WEEK: u64 = 7 * 24 * HOUR;
/// The longest hold-off that any policy of a simulated week has.
pub(super) const LONGEST_HOLD_OFF: u64 = 2 * HOUR;

/// Something that comes from outside.
#[derive(Clone, Debug)]
pub(super) enum Mishap {
    /// The service dies.
    Death,
    /// It hands over to a successor, as a reload does.
    Reload,
    /// For so long, whatever is started fails.
    Curse(u64),
    DaemonCrash,
    Reboot,
    /// The wall clock jumps by so many milliseconds.
    WallStep(i64),
    Reconfigure(Policy),
    Remove,
    Hold(Option<u64>),
    Release,
    /// The safety net looks at the service.
    Sweep,
}

/// Mishaps gather in storms: alone they are no challenge.
pub(super) fn of_a_week(rng: &mut Rng) -> Vec<(u64, Mishap)> {
    let storms: Vec<u64> = (0..rng.u64(1..4)).map(|_| rng.u64(HOUR..WEEK)).collect();
    let width = *[10 * SECOND, MINUTE, 10 * MINUTE, HOUR]
        .get(rng.usize(0..4))
        .unwrap_or(&MINUTE);
    (0..rng.u64(5..40))
        .map(|_| {
            let time = if rng.u8(0..10) < 7 {
                let storm = storms[rng.usize(0..storms.len())];
                (storm + rng.u64(0..width)).min(WEEK)
            } else {
                rng.u64(0..WEEK)
            };
            (time, mishap(rng))
        })
        .collect()
}

fn mishap(rng: &mut Rng) -> Mishap {
    match rng.u8(0..100) {
        0..42 => Mishap::Death,
        42..50 => Mishap::Reload,
        50..57 => Mishap::Curse(rng.u64(SECOND..2 * HOUR)),
        57..67 => Mishap::DaemonCrash,
        67..71 => Mishap::Reboot,
        71..78 => Mishap::WallStep(wall_step(rng)),
        78..83 => Mishap::Reconfigure(policy(rng)),
        83..86 => Mishap::Remove,
        86..91 => Mishap::Hold(rng.bool().then(|| rng.u64(0..3 * HOUR))),
        91..95 => Mishap::Release,
        _ => Mishap::Sweep,
    }
}

fn wall_step(rng: &mut Rng) -> i64 {
    const YEAR: i64 = 365 * 24 * 3_600_000;
    match rng.u8(0..3) {
        0 => rng.i64(-3000..3000),
        1 => rng.i64(-7_200_000..7_200_000),
        _ => rng.i64(-30 * YEAR..30 * YEAR),
    }
}

pub(super) fn policy(rng: &mut Rng) -> Policy {
    let millis = |rng: &mut Rng, most: u64| {
        let all = rng.u64(0..=most);
        Duration::from_millis(if rng.u8(0..5) == 0 { 0 } else { all })
    };
    Policy {
        recheck: Attempts {
            attempts: rng.u32(0..6),
            every: millis(rng, 2000),
        },
        restart: Attempts {
            attempts: rng.u32(0..6),
            every: millis(rng, 4000),
        },
        settle: millis(rng, 4000),
        hold_off: Duration::from_millis(rng.u64(MINUTE..LONGEST_HOLD_OFF)),
        crash_loop: CrashLoop {
            restarts: rng.u32(0..5),
            within: Duration::from_millis(rng.u64(MINUTE..HOUR)),
        },
    }
}
