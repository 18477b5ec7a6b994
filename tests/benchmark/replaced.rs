//! From the kill to the replacement running, by the replacement's own word: the same program under
//! vrwatch (the daemon itself, with re-checks off), `runsv` and monit. vrwatch and runit in turns;
//! monit after them, since its cycle keeps a processor busy.

use std::path::Path;
use std::time::Duration;

use crate::Effort;
use crate::peers::monit::Monit;
use crate::peers::runit::Runsv;
use crate::peers::vrwatch::{Vrwatch, Watched};
use crate::samples::Samples;
use crate::services::Restartables;
use crate::table::{Mark, Table, time};

const FIGURE: &str = "kill → replacement runs";

/// Services of each, killed in turns.
const SERVICES: usize = 16;

/// `runsv` starts a service that ran for less than a second only after a second.
const RUNIT_PATIENCE: Duration = Duration::from_millis(1100);

pub(crate) fn measure(folder: &Path, effort: Effort, table: &mut Table) -> anyhow::Result<()> {
    vrwatch_and_runit(folder, effort, table)?;
    monit(folder, effort, table)
}

fn vrwatch_and_runit(folder: &Path, effort: Effort, table: &mut Table) -> anyhow::Result<()> {
    let mut ours = Restartables::set_up(&folder.join("ours"), SERVICES)?;
    let mut theirs = Restartables::set_up(&folder.join("theirs"), SERVICES)?;
    // Nothing runs yet, so the first restarts are the first starts.
    let mut vrwatch = Vrwatch::start(&folder.join("vrwatch"), "3m", &Watched::Restartables(&ours))?;
    let _runsv = Runsv::start(&theirs)?;
    ours.until_all_run()?;
    theirs.until_all_run()?;

    let mut told = Samples::default();
    let mut replaced = [Samples::default(), Samples::default()];
    let pause = RUNIT_PATIENCE / u32::try_from(SERVICES * 2)?;
    std::thread::sleep(RUNIT_PATIENCE);
    for kill in 0..effort.kills {
        let number = kill % SERVICES;
        vrwatch.until_restarted(number, kill / SERVICES + 1)?;
        std::thread::sleep(pause);
        let killed = ours.kill(number)?;
        let heard = vrwatch.until_told_down(number)?;
        told.push(heard.saturating_sub(killed));
        let began = ours.until_it_runs(number)?;
        replaced[0].push(began.at.saturating_sub(killed));

        std::thread::sleep(pause);
        let killed = theirs.kill(number)?;
        let began = theirs.until_it_runs(number)?;
        replaced[1].push(began.at.saturating_sub(killed));
    }
    table.add_times("kill → told to syslog", "vrwatch, the daemon", &told, None);
    let [ours, theirs] = replaced;
    let words = format!("< runit's {}", time(theirs.median()));
    let mark = Mark::below(ours.median(), theirs.median(), words);
    table.add_times(FIGURE, "vrwatch, the daemon", &ours, Some(mark));
    table.add_times(FIGURE, "runit", &theirs, None);
    Ok(())
}

fn monit(folder: &Path, effort: Effort, table: &mut Table) -> anyhow::Result<()> {
    let mut services = Restartables::set_up(&folder.join("monits"), 1)?;
    let monit = Monit::over_restartables(&folder.join("monit"), &services)?;
    services.until_all_run()?;
    let mut noticed = Samples::default();
    let mut replaced = Samples::default();
    for _ in 0..effort.kills_for_monit {
        // Believed up, and somewhere in the next cycle.
        std::thread::sleep(Duration::from_micros(fastrand::u64(1_500_000..2_500_000)));
        monit.log.clear();
        let killed = services.kill(0)?;
        let heard = monit.log.first("monit notices a death", |line| {
            line.contains("process is not running").then_some(())
        })?;
        noticed.push(heard.at.saturating_sub(killed));
        let began = services.until_it_runs(0)?;
        replaced.push(began.at.saturating_sub(killed));
    }
    table.add_times(
        "kill → noticed",
        "monit, 1 s cycle, in its log",
        &noticed,
        None,
    );
    table.add_times(FIGURE, "monit, 1 s cycle", &replaced, None);
    Ok(())
}
