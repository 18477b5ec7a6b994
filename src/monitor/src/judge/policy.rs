//! What the configuration has to say about judging: how often to look again, how often to restart,
//! how long to leave a hopeless service alone.
//!
//! Any value is safe: absurd ones make an absurd but bounded monitor, never a panic or a busy loop.

use std::time::Duration;

/// How one service is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Looks again after a death was noticed, before it is told. No attempts: told at once.
    pub recheck: Attempts,
    /// Restarts before the service is given up for a while. No attempts: only told, never restarted.
    pub restart: Attempts,
    /// How long a restarted process must live before the restart counts as done.
    pub settle: Duration,
    /// How long a service that could not be restarted is left alone; at least 100 ms.
    pub hold_off: Duration,
    /// When restarting is futile although every restart succeeds.
    pub crash_loop: CrashLoop,
}

/// So many, so far apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempts {
    /// How many.
    pub attempts: u32,
    /// How far apart; at least 10 ms.
    pub every: Duration,
}

/// This many restarts within this time, and dead again, is a crash loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrashLoop {
    /// How many restarts; 0: there is no such limit. More than 256 count as 256.
    pub restarts: u32,
    /// Within how long.
    pub within: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            recheck: Attempts::default(),
            restart: Attempts::default(),
            settle: Duration::from_secs(2),
            hold_off: Duration::from_mins(30),
            crash_loop: CrashLoop::default(),
        }
    }
}

impl Default for Attempts {
    fn default() -> Self {
        Self {
            attempts: 5,
            every: Duration::from_secs(1),
        }
    }
}

impl Default for CrashLoop {
    fn default() -> Self {
        Self {
            restarts: 5,
            within: Duration::from_mins(10),
        }
    }
}
