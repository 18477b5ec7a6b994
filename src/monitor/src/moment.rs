//! A point in time as both clocks show it. The monotonic one decides, the wall clock is only
//! printed (invariant 8).

use std::time::Duration;

use contract::Timestamp;
use serde::{Deserialize, Serialize};

use crate::brief;

/// One instant on both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// Time since boot, including suspend (`CLOCK_BOOTTIME`). Decides every deadline and order.
    #[serde(serialize_with = "brief::time")]
    pub monotonic: Duration,
    /// What the wall clock shows. Printed, never compared.
    pub wall: Timestamp,
}
