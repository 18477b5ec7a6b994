//! Waiting for a condition instead of for a time: a story goes on as soon as what it waits for is
//! there, and fails only when that has not come within a limit no sane machine needs.

use std::time::{Duration, Instant};

/// How long anything may take on a machine that is busy with other things.
pub(crate) const LIMIT: Duration = Duration::from_secs(90);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Looks again and again until there is something to see.
///
/// # Panics
/// When there still is nothing after [`LIMIT`]; says `what` was waited for and what `otherwise` tells.
#[track_caller]
pub(crate) fn eventually<T>(
    what: &str,
    mut look: impl FnMut() -> Option<T>,
    otherwise: impl FnOnce() -> String,
) -> T {
    let start = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        if start.elapsed() > LIMIT {
            break;
        }
        std::thread::sleep(PAUSE);
    }
    panic!("waited in vain: {what}\n{}", otherwise());
}
