//! What it costs to watch so many services while nothing happens: CPU time, context switches and
//! memory. vrwatch and monit side by side over the same services; runit alone with its own.

use std::path::Path;
use std::time::Duration;

use crate::peers;
use crate::peers::monit::Monit;
use crate::peers::runit::Runsvdir;
use crate::peers::vrwatch::{Vrwatch, Watched};
use crate::process::{self, Usage};
use crate::services::Sleepers;
use crate::table::{Mark, Table, size, time};
use crate::{CROWDS, Effort};

/// By then whatever starting left to do is done.
const SETTLING: Duration = Duration::from_secs(3);

/// What vrwatch may hold resident, by the number of services.
const fn resident_mark(services: usize) -> u64 {
    if services > 4 { 9_000_000 } else { 6_000_000 }
}

pub(crate) fn measure(folder: &Path, effort: Effort, table: &mut Table) -> anyhow::Result<()> {
    for services in CROWDS {
        let folder = folder.join(services.to_string());
        std::fs::create_dir(&folder)?;
        one(&folder, services, effort, table)?;
    }
    table.add_size("binary", "vrwatch", peers::vrwatch::size()?, None);
    table.add_size("binary", "monit", peers::monit::size()?, None);
    Ok(())
}

fn one(folder: &Path, services: usize, effort: Effort, table: &mut Table) -> anyhow::Result<()> {
    {
        let sleepers = Sleepers::start(&folder.join("services"), services)?;
        let vrwatch = Vrwatch::start(&folder.join("vrwatch"), "3m", &Watched::Listed(&sleepers))?;
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
        drop(vrwatch);
        // The same services as a person writes them: other text, other ways to read it.
        let tables = Watched::Sleepers(&sleepers);
        let vrwatch = Vrwatch::start(&folder.join("tables"), "3m", &tables)?;
        std::thread::sleep(SETTLING);
        let pids = [vrwatch.pid()];
        memory(services, "vrwatch, [[service]] tables", &pids, true, table)?;
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
    std::thread::sleep(SETTLING);
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
        memory(services, &of, pids, ours, table)?;
    }
    Ok(())
}

fn memory(
    services: usize,
    of: &str,
    pids: &[u32],
    ours: bool,
    table: &mut Table,
) -> anyhow::Result<()> {
    let memory = process::memory(pids)?;
    let (resident, most) = (memory.resident, resident_mark(services));
    let mark = ours.then(|| Mark::below(resident, most, format!("< {}", size(most))));
    table.add_size(&format!("RSS, {services} services"), of, resident, mark);
    let figure = format!("PSS, {services} services");
    table.add_size(&figure, of, memory.proportional, None);
    Ok(())
}
