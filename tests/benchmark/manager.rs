//! The benchmark of the management server: how many signed alerts a second it takes, durably, on
//! `SQLite` and on `MariaDB`, beside Debian's prometheus-alertmanager, which keeps them in memory,
//! in the same run and by the same load; and how a storm from all routers at once ends. Prints one
//! table; a mark that is missed is printed as missed, never asserted. A lost alert is an error.
//!
//! `cargo bench -p manager --bench manager` takes about two minutes; `-- --quick` some seconds.

#![forbid(unsafe_code)]

#[path = "manager/alertmanager.rs"]
mod alertmanager;
#[path = "manager/alerts.rs"]
mod alerts;
#[path = "manager/load.rs"]
mod load;
#[path = "manager/manager.rs"]
mod manager_process;
#[path = "../../src/manager/tests/peers/mariadb.rs"]
mod mariadb;
#[allow(dead_code, reason = "the other benchmark uses the rest")]
mod process;
mod samples;
#[path = "manager/storm.rs"]
mod storm;
#[allow(dead_code, reason = "the other benchmark uses the rest")]
mod table;
#[path = "manager/throughput.rs"]
mod throughput;

use std::process::ExitCode;

use anyhow::bail;

use crate::table::Table;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
struct Effort {
    /// How often each rate is measured.
    rounds: usize,
    /// Requests of one alert in a round.
    singles: usize,
    /// Requests of a hundred alerts in a round.
    batches: usize,
    /// Routers in the storm.
    routers: usize,
}

const FULL: Effort = Effort {
    rounds: 5,
    singles: 40_000,
    batches: 2_000,
    routers: 10_000,
};

const QUICK: Effort = Effort {
    rounds: 2,
    singles: 4_000,
    batches: 100,
    routers: 1_000,
};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Test runners ask every target what tests it has: none.
    if arguments.iter().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    match begin(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("benchmark: {problem:#}");
            ExitCode::FAILURE
        }
    }
}

fn begin(arguments: &[String]) -> anyhow::Result<()> {
    if let [inside, url, folder] = arguments
        && inside == manager_process::INSIDE
    {
        return manager_process::serve(url, folder.as_ref());
    }
    let mut effort = FULL;
    let mut only = None;
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            // Cargo's own.
            "--bench" => {}
            "--quick" => effort = QUICK,
            "--only" => only = arguments.next().cloned(),
            unknown => bail!("`{unknown}` is not known; there are `--quick` and `--only PART`"),
        }
    }
    alertmanager::require()?;
    let mut table = Table::new();
    let wanted = |part: &str| only.as_ref().is_none_or(|only| only == part);
    if wanted("throughput") {
        throughput::measure(effort, &mut table)?;
    }
    if wanted("storm") {
        storm::measure(effort, &mut table)?;
    }
    println!("{table}");
    Ok(())
}
