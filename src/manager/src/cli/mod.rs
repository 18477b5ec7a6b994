//! The command line: one file a command, and the exit codes that scripts hold on to.

mod alerts;
mod by_hand;
mod check_config;
mod completions;
mod exclude;
mod history;
mod import;
mod man;
mod office;
mod plan;
mod poll;
mod push;
mod router;
mod routers;
mod secret;
mod serve;
mod service;
mod silence;
mod table;
mod test_alert;
mod user;
mod zone;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use terminal::log::{self, LogLevel};
use terminal::output;

use crate::store::StoreError;

/// Decides what the virtual routers of a CloudStack watch, gets it there, takes their alerts in,
/// stores each once and forwards it.
#[derive(Debug, Parser)]
#[command(name = "vrwatch-manager", version, about, max_term_width = 100)]
struct Cli {
    /// The configuration file; without this option /etc/vrwatch/manager.toml, which need not exist.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,

    /// How much to log to stderr.
    #[arg(long, global = true, value_enum)]
    log_level: Option<LogLevel>,

    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until told to stop: the management server.
    Serve,
    /// The routers that are known, and their keys.
    #[command(subcommand)]
    Router(router::Commands),
    /// Print what a router watches, and why.
    Plan(plan::Arguments),
    /// Send routers what they watch. Ends with 1 when one of them does not have it afterwards.
    Push(routers::Which),
    /// Visit routers now, for their alerts and usage. Ends with 1 when a visit fails.
    Poll(routers::Which),
    /// Take zones, offerings, networks and routers over, from a file or from CloudStack.
    Import(import::Arguments),
    /// The services that routers may watch: CloudStack's `monitoring_services`.
    #[command(subcommand)]
    Service(service::Commands),
    /// The zones that routers are in.
    #[command(subcommand)]
    Zone(zone::Commands),
    /// The networks that routers serve, from an import.
    #[command(subcommand)]
    Network(zone::Lists),
    /// The network offerings, from an import.
    #[command(subcommand)]
    Offering(zone::Lists),
    /// Say which services a router, or no router of a network, watches.
    Exclude(exclude::Arguments),
    /// Print alerts, the last stored first.
    Alerts(alerts::Arguments),
    /// Print outages, the last begun first.
    Outages(alerts::OutageArguments),
    /// Maintenance: what is stored but not told for a while.
    #[command(subcommand)]
    Silence(silence::Commands),
    /// Print what was sent to routers, and what came of it; the last asked for first.
    Pushes(history::Pushes),
    /// Print a router's usage counters, oldest first.
    Usage(history::Usage),
    /// Print who changed what, and when; the last first.
    Audit(history::Newest),
    /// Who may log in.
    #[command(subcommand)]
    User(user::Commands),
    /// Send one marked test event through every sink, and print what each answered. Ends with 1
    /// when one does not take it.
    TestAlert(test_alert::Arguments),
    /// Print what the configuration says, or what is wrong with it.
    CheckConfig,
    /// Print shell completions.
    Completions(completions::Arguments),
    /// Print the manual page.
    Man,
}

/// How a command ended, other than with an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Done {
    /// All is well: exit code 0.
    Well,
    /// Not all of it worked out: exit code 1.
    Badly,
}

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
enum CommandError {
    /// Wrong usage or configuration: exit code 2.
    #[error("{0}")]
    Usage(String),
    /// It did not work out: exit code 1.
    #[error("{0}")]
    Failed(String),
}

impl From<output::OutputError> for CommandError {
    fn from(error: output::OutputError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<document::Problems> for CommandError {
    fn from(problems: document::Problems) -> Self {
        Self::Usage(problems.to_string())
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(_) | StoreError::NoSuchRouter(_) => Self::Usage(error.to_string()),
            StoreError::Unavailable(_) | StoreError::Broken(_) | StoreError::Outrun => {
                Self::Failed(error.to_string())
            }
        }
    }
}

/// Runs the command.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    // What a command has to say is on stdout; only the server tells what it does.
    let quiet = if matches!(cli.command, Command::Serve) {
        LogLevel::Info
    } else {
        LogLevel::Warn
    };
    log::start(cli.log_level.unwrap_or(quiet).into());
    let office = office::Office {
        config: cli.config,
        json: cli.json,
    };
    let done = match cli.command {
        Command::Serve => serve::run(&office),
        Command::Router(command) => router::run(&office, command),
        Command::Plan(arguments) => plan::run(&office, &arguments),
        Command::Push(arguments) => push::run(&office, &arguments),
        Command::Poll(arguments) => poll::run(&office, &arguments),
        Command::Import(arguments) => import::run(&office, arguments),
        Command::Service(command) => service::run(&office, command),
        Command::Exclude(arguments) => exclude::run(&office, &arguments),
        Command::Alerts(arguments) => alerts::alerts(&office, arguments),
        Command::Outages(arguments) => alerts::outages(&office, arguments),
        Command::Silence(command) => silence::run(&office, command),
        Command::Zone(command) => zone::run(&office, command),
        Command::Network(command) => zone::networks(&office, command),
        Command::Offering(command) => zone::offerings(&office, command),
        Command::Pushes(arguments) => history::pushes(&office, arguments),
        Command::Usage(arguments) => history::usage(&office, &arguments),
        Command::Audit(arguments) => history::audit(&office, arguments),
        Command::User(command) => user::run(&office, command),
        Command::TestAlert(arguments) => test_alert::run(&office, &arguments),
        Command::CheckConfig => check_config::run(&office),
        Command::Completions(arguments) => completions::run(&arguments),
        Command::Man => man::run(),
    };
    match done {
        Ok(Done::Well) => ExitCode::SUCCESS,
        Ok(Done::Badly) => ExitCode::from(1),
        Err(error) => {
            log::say(&format!("vrwatch-manager: {error}"));
            ExitCode::from(match error {
                CommandError::Failed(_) => 1,
                CommandError::Usage(_) => 2,
            })
        }
    }
}
