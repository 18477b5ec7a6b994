//! The CPU time of one sweep over every service, from the outside: a process that wakes once a second
//! uses its CPU time in bursts, and a burst is a sweep.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::peers::monit::Monit;
use crate::peers::vrwatch::{Vrwatch, Watched};
use crate::process;
use crate::samples::Samples;
use crate::services::Sleepers;
use crate::table::{Mark, Table, time};
use crate::{CROWDS, Effort};

/// How often the CPU time is read.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// So many looks without a change are the end of a burst.
const QUIET_LOOKS: u32 = 5;
/// The most that a sweep of a thousand services should take, in nanoseconds.
const MARK: u64 = 15_000_000;

/// So many services.
const SERVICES: usize = CROWDS[1];

pub(crate) fn measure(folder: &Path, effort: Effort, table: &mut Table) -> anyhow::Result<()> {
    let sleepers = Sleepers::start(&folder.join("services"), SERVICES)?;
    let figure = format!("CPU of a sweep, {SERVICES} services");
    {
        let watched = Watched::Listed(&sleepers);
        let vrwatch = Vrwatch::start(&folder.join("vrwatch"), "1s", &watched)?;
        let sweeps = bursts(vrwatch.pid(), effort.sweeps)?;
        let mark = Mark::below(sweeps.median(), MARK, format!("< {}", time(MARK)));
        table.add_times(&figure, "vrwatch", &sweeps, Some(mark));
    }
    let monit = Monit::over_sleepers(&folder.join("monit"), &sleepers)?;
    // Its first cycles learn what the later ones compare with.
    std::thread::sleep(Duration::from_secs(3));
    let cycles = bursts(monit.pid(), effort.sweeps)?;
    table.add_times(&figure, "monit", &cycles, None);
    Ok(())
}

/// The CPU time of each sweep that begins and ends within `span`.
fn bursts(pid: u32, span: Duration) -> anyhow::Result<Samples> {
    let mut bursts = Vec::new();
    let end = Instant::now() + span;
    let mut before = process::cpu(pid)?;
    let mut burst = 0;
    let mut quiet = 0;
    // The first may have begun already.
    let mut whole = false;
    while Instant::now() < end {
        std::thread::sleep(LOOK_EVERY);
        let now = process::cpu(pid)?;
        if now == before {
            quiet += 1;
        } else {
            burst += now - before;
            quiet = 0;
        }
        before = now;
        if quiet == QUIET_LOOKS {
            if whole && burst > 0 {
                bursts.push(burst);
            }
            burst = 0;
            whole = true;
        }
    }
    // A wake-up that only sets a timer anew is a burst too, a hundred times smaller than a sweep.
    let largest = bursts.iter().max().copied().unwrap_or(0);
    bursts.retain(|burst| *burst >= largest / 10);
    ensure!(!bursts.is_empty(), "no sweep came within {span:?}");
    Ok(Samples::from(bursts))
}
