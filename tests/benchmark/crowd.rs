//! What it costs to watch so many services while nothing happens: CPU time, context switches and
//! memory. vrwatch and monit side by side over the same services; runit alone with its own.

use std::path::Path;

use crate::Effort;
use crate::peers::monit::Monit;
use crate::peers::runit::Runsvdir;
use crate::peers::vrwatch::{Vrwatch, Watched};
use crate::process::{self, Usage};
use crate::services::Sleepers;
use crate::table::{Mark, Table, size, time};

/// What vrwatch may hold resident, by the number of services.
const fn resident_mark(services: usize) -> u64 {
    if services > 4 { 9_000_000 } else { 6_000_000 }
}

pub(crate) fn measure(
    folder: &Path,
    services: usize,
    effort: Effort,
    table: &mut Table,
) -> anyhow::Result<()> {
    {
        let sleepers = Sleepers::start(&folder.join("services"), services)?;
        let vrwatch = Vrwatch::start(&folder.join("vrwatch"), "3m", &Watched::Sleepers(&sleepers))?;
        let monit = Monit::over_sleepers(&folder.join("monit"), &sleepers)?;
        watch_idle(
            services,
            effort,
            table,
            &[
                ("vrwatch", vec![vrwatch.pid()]),
                ("monit, 1 s cycle", vec![monit.pid()]),
            ],
        )?;
    }
    let runit = Runsvdir::start(&folder.join("runit"), services)?;
    watch_idle(services, effort, table, &[("runit", runit.pids()?)])
}

fn watch_idle(
    services: usize,
    effort: Effort,
    table: &mut Table,
    subjects: &[(&str, Vec<u32>)],
) -> anyhow::Result<()> {
    // What starting left to do is done by then.
    std::thread::sleep(effort.idle.min(std::time::Duration::from_secs(5)));
    let usage = || -> anyhow::Result<Vec<Usage>> {
        subjects
            .iter()
            .map(|(_, pids)| process::usage(pids))
            .collect()
    };
    let before = usage()?;
    std::thread::sleep(effort.idle);
    let after = usage()?;
    for (((name, pids), before), after) in subjects.iter().zip(before).zip(after) {
        let used = after.since(before);
        let ours = *name == "vrwatch";
        let of = match pids.len() {
            1 => (*name).to_owned(),
            count => format!("{name}, {count} processes"),
        };
        let seconds = effort.idle.as_secs();
        table.add_words(
            &format!("CPU in {seconds} s idle, {services} services"),
            &of,
            format!("{}, {} switches", time(used.cpu), used.switches),
            ours.then(|| Mark::at_most(used.cpu, 0, "none between sweeps".to_owned())),
        );
        let memory = process::memory(pids)?;
        let most = resident_mark(services);
        table.add_size(
            &format!("RSS, {services} services"),
            &of,
            memory.resident,
            ours.then(|| Mark::below(memory.resident, most, format!("< {}", size(most)))),
        );
        table.add_size(
            &format!("PSS, {services} services"),
            &of,
            memory.proportional,
            None,
        );
    }
    Ok(())
}
