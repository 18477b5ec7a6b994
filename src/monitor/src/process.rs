//! Who a process is: a pid alone is reused, a pid with its start time is not.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::brief;

/// The identity of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Process {
    /// Its process id.
    pub pid: u32,
    /// When it started, since boot; the kernel keeps it in clock ticks of 10 ms.
    ///
    /// Source: field 22 of `/proc/<pid>/stat`, proc(5).
    #[serde(serialize_with = "brief::time")]
    pub started: Duration,
}
