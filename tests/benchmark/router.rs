//! The benchmark: how fast vrwatch notices, restarts and writes down, and what it costs, beside monit,
//! runit and a bare pidfd loop in the same run. Prints one table; a mark that is missed is printed
//! as missed, never asserted.
//!
//! `cargo bench --bench router` takes about ten minutes; `-- --quick` about one, with few rounds.

#![forbid(unsafe_code)]

mod cell;
mod clock;
mod crowd;
mod inbox;
mod journal;
mod machine;
mod noticed;
mod peers;
mod process;
mod replaced;
mod samples;
mod services;
mod sweep;
mod table;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;

use crate::services::restartable;
use crate::table::Table;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
struct Effort {
    /// Kills of a process that something waits for.
    kills: usize,
    /// Kills that monit has to find in its cycle of one second.
    kills_for_monit: usize,
    /// How long nothing happens.
    idle: Duration,
    /// How long sweeps are watched.
    sweeps: Duration,
    /// Events that are waited for until they are on disk, one by one.
    synced_events: usize,
    /// Events that go through the channel as fast as it takes them; how often.
    streamed_events: u64,
    streams: usize,
}

const FULL: Effort = Effort {
    kills: 300,
    kills_for_monit: 60,
    idle: Duration::from_mins(1),
    sweeps: Duration::from_secs(30),
    synced_events: 500,
    streamed_events: 50_000,
    streams: 5,
};

const QUICK: Effort = Effort {
    kills: 10,
    kills_for_monit: 3,
    idle: Duration::from_secs(3),
    sweeps: Duration::from_secs(4),
    synced_events: 20,
    streamed_events: 2_000,
    streams: 2,
};

/// How many services a router has, and how many no router has.
const CROWDS: [usize; 2] = [4, 1000];

/// Where a run keeps its files.
struct Places {
    /// Pid files, sockets and configuration; short names, since a socket's may not be long.
    run: PathBuf,
    /// The journals, on the disk that the build is on.
    disk: PathBuf,
}

fn main() -> ExitCode {
    if restartable::is_this_program() {
        restartable::live();
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Test runners ask every target what tests it has: none.
    if arguments.iter().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    match begin(&arguments) {
        Ok(code) => code,
        Err(problem) => {
            eprintln!("benchmark: {problem:#}");
            ExitCode::FAILURE
        }
    }
}

fn begin(arguments: &[String]) -> anyhow::Result<ExitCode> {
    let quick = arguments.iter().any(|argument| argument == "--quick");
    if let [inside, run, disk, ..] = arguments
        && inside == cell::INSIDE
    {
        let places = Places {
            run: run.into(),
            disk: disk.into(),
        };
        cell::end_with_the_outside([places.run.clone(), places.disk.clone()]);
        measure(&places, if quick { QUICK } else { FULL })?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(unknown) = arguments
        .iter()
        .find(|argument| !["--bench", "--quick"].contains(&argument.as_str()))
    {
        anyhow::bail!("`{unknown}` is not known; there is `--quick`");
    }
    peers::require()?;
    cell::run(quick)
}

fn measure(places: &Places, effort: Effort) -> anyhow::Result<()> {
    println!("{}", machine::description(&places.disk)?);
    let mut table = Table::new();
    section(places, "noticed", |folder| {
        noticed::measure(folder, effort, &mut table)
    })?;
    section(places, "replaced", |folder| {
        replaced::measure(folder, effort, &mut table)
    })?;
    for services in CROWDS {
        section(places, &format!("crowd of {services}"), |folder| {
            crowd::measure(folder, services, effort, &mut table)
        })?;
    }
    section(places, "sweep", |folder| {
        sweep::measure(folder, CROWDS[1], effort, &mut table)
    })?;
    eprintln!("measuring: journal");
    journal::measure(&places.disk, effort, &mut table)?;
    table.add_size("binary", "vrwatch", peers::vrwatch::size()?, None);
    table.add_size("binary", "monit", peers::monit::size()?, None);
    println!("{table}");
    Ok(())
}

/// One part of the benchmark, in a folder of its own.
fn section(
    places: &Places,
    name: &str,
    work: impl FnOnce(&Path) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    eprintln!("measuring: {name}");
    let folder = places.run.join(name.replace(' ', "-"));
    std::fs::create_dir(&folder)?;
    work(&folder).with_context(|| format!("while measuring `{name}`"))
}
