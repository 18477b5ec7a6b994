//! The benchmark: how fast vrwatch notices, restarts and writes down, and what it costs, beside monit,
//! runit and a bare pidfd loop in the same run. Prints one table; a mark that is missed is printed
//! as missed, never asserted.
//!
//! `cargo bench --bench router` takes about ten minutes; `-- --quick` about one, with few rounds;
//! `-- --only PART` measures one part: noticed, replaced, crowd, sweep, journal, sinks or
//! pollers.

#![forbid(unsafe_code)]

mod cell;
mod clock;
mod crowd;
mod inbox;
mod journal;
mod machine;
mod noticed;
mod peers;
mod pollers;
mod process;
mod replaced;
mod samples;
mod services;
mod sinks;
mod sweep;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail, ensure};

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
    /// Events that a sink gets one by one.
    single_events: u64,
    /// Events beside a dead sink, and how often each has its turn.
    delay_events: u64,
    delay_rounds: usize,
    /// Outages that every sink is told before the daemon is weighed.
    deliveries: usize,
    /// How often a command is run.
    asks: usize,
}

const FULL: Effort = Effort {
    kills: 300,
    kills_for_monit: 60,
    idle: Duration::from_mins(1),
    sweeps: Duration::from_secs(30),
    synced_events: 500,
    streamed_events: 50_000,
    streams: 5,
    single_events: 100,
    delay_events: 300,
    delay_rounds: 5,
    deliveries: 20,
    asks: 50,
};

const QUICK: Effort = Effort {
    kills: 10,
    kills_for_monit: 3,
    idle: Duration::from_secs(3),
    sweeps: Duration::from_secs(4),
    synced_events: 20,
    streamed_events: 2_000,
    streams: 2,
    single_events: 5,
    delay_events: 50,
    delay_rounds: 2,
    deliveries: 3,
    asks: 5,
};

/// How many services a router has, and how many no router has.
const CROWDS: [usize; 2] = [4, 1000];

/// One part of a run: where it may write, how much it measures, where the figures go.
type Part = fn(&Places, Effort, &mut Table) -> anyhow::Result<()>;

/// All parts, in order.
const PARTS: [(&str, Part); 7] = [
    ("noticed", |places, effort, table| {
        noticed::measure(&places.run, effort, table)
    }),
    ("replaced", |places, effort, table| {
        replaced::measure(&places.run, effort, table)
    }),
    ("crowd", |places, effort, table| {
        crowd::measure(&places.run, effort, table)
    }),
    ("sweep", |places, effort, table| {
        sweep::measure(&places.run, effort, table)
    }),
    ("journal", |places, effort, table| {
        journal::measure(&places.disk, effort, table)
    }),
    ("sinks", sinks::measure),
    ("pollers", |places, effort, table| {
        pollers::measure(&places.disk, effort, table)
    }),
];

/// Where a run, or a part of it, keeps its files.
struct Places {
    /// Pid files, sockets and configuration; short names, since a socket's may not be long.
    run: PathBuf,
    /// The journals, on the disk that the build is on.
    disk: PathBuf,
}

impl Places {
    /// Folders below these for one part.
    fn of(&self, part: &str) -> std::io::Result<Self> {
        let own = Self {
            run: self.run.join(part),
            disk: self.disk.join(part),
        };
        std::fs::create_dir(&own.run)?;
        std::fs::create_dir(&own.disk)?;
        Ok(own)
    }
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
    if let [inside, run, disk, wishes @ ..] = arguments
        && inside == cell::INSIDE
    {
        let places = Places {
            run: run.into(),
            disk: disk.into(),
        };
        cell::end_with_the_outside([places.run.clone(), places.disk.clone()]);
        measure(&places, &Wishes::read(wishes)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    Wishes::read(arguments)?;
    peers::require()?;
    cell::run(arguments)
}

/// What was asked for.
struct Wishes {
    effort: Effort,
    /// One part only.
    only: Option<String>,
}

impl Wishes {
    fn read(arguments: &[String]) -> anyhow::Result<Self> {
        let mut wishes = Self {
            effort: FULL,
            only: None,
        };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                // Cargo's own.
                "--bench" => {}
                "--quick" => wishes.effort = QUICK,
                "--only" => {
                    let part = arguments.next().map_or("", String::as_str);
                    let parts = PARTS.map(|(name, _)| name);
                    ensure!(
                        parts.contains(&part),
                        "`--only` wants one of: {}",
                        parts.join(", ")
                    );
                    wishes.only = Some(part.to_owned());
                }
                unknown => bail!("`{unknown}` is not known; there are `--quick` and `--only PART`"),
            }
        }
        Ok(wishes)
    }
}

fn measure(places: &Places, wishes: &Wishes) -> anyhow::Result<()> {
    println!("{}", machine::description(&places.disk)?);
    let mut table = Table::new();
    for (name, part) in PARTS {
        if wishes.only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        eprintln!("measuring: {name}");
        part(&places.of(name)?, wishes.effort, &mut table)
            .with_context(|| format!("while measuring `{name}`"))?;
    }
    println!("{table}");
    Ok(())
}
