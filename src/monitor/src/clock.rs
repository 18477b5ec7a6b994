//! The clocks, behind a trait so that tests bring their own (invariant 6).

use std::time::Duration;

use contract::Timestamp;
use rustix::time::{ClockId, clock_gettime};

use crate::Moment;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The instant it is now.
    fn now(&self) -> Moment;

    /// What distinguishes this boot from every other; the monotonic clock means nothing beyond it.
    fn boot(&self) -> String;
}

/// The kernel's clocks: `CLOCK_BOOTTIME` and `CLOCK_REALTIME`.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Moment {
        let time = clock_gettime(ClockId::Boottime);
        Moment {
            monotonic: Duration::new(
                u64::try_from(time.tv_sec).unwrap_or(0),
                u32::try_from(time.tv_nsec).unwrap_or(0),
            ),
            wall: Timestamp::now(),
        }
    }

    /// Source: `/proc/sys/kernel/random/boot_id`, random(4). Empty where it cannot be read, so that
    /// every start counts as the same boot.
    fn boot(&self) -> String {
        std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
            .map(|id| id.trim().to_owned())
            .unwrap_or_default()
    }
}
