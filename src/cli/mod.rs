//! The command line: one file a command, and the exit codes that scripts hold on to.

mod alerts;
mod check_config;
mod completions;
mod demo;
mod hold;
mod legacy_alerts;
mod man;
mod once;
mod poll;
mod recorder;
mod run;
mod status;
mod test_alert;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use terminal::log::{self, LogLevel};
use terminal::output;

use crate::config::Places;
use crate::lock::LockError;

/// Keeps the services of a CloudStack virtual router running, and tells who needs to know.
#[derive(Debug, Parser)]
#[command(name = "vrwatch", version, about, max_term_width = 100)]
pub(crate) struct Cli {
    /// The configuration file.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        default_value = "/etc/vrwatch/vrwatch.toml"
    )]
    config: PathBuf,

    /// How much to log to stderr.
    #[arg(long, global = true, value_enum, default_value_t = LogLevel::Info)]
    log_level: LogLevel,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Watch the services until told to stop: the daemon.
    Run,
    /// Look once, restart what is down, tell, and exit; for cron.
    Once(once::Arguments),
    /// Print what would be watched and told, and warn about what is ambiguous. Ends with 1 when
    /// nothing would be watched or CloudStack's list of services cannot be read.
    CheckConfig(check_config::Arguments),
    /// Show how the services and the sinks stand; asks the running daemon.
    Status(status::Arguments),
    /// Read the journal of alerts; works with the daemon stopped.
    Alerts(alerts::Arguments),
    /// One JSON document for a poller: usage counters, events after a cursor, the next cursor.
    Poll(poll::Arguments),
    /// What CloudStack's getRouterAlerts.sh prints: one line of alerts, for its management server.
    LegacyAlerts(legacy_alerts::Arguments),
    /// Stop watching a service for a while.
    Hold(hold::HoldArguments),
    /// Watch a service again: ends a hold, or a hold-off before its time.
    Release(hold::ReleaseArguments),
    /// Send one marked test event through every sink and say what each answered.
    TestAlert(test_alert::Arguments),
    /// See it work: throw-away services in a temporary folder, one killed, one broken.
    Demo,
    /// Print shell completions.
    Completions(completions::Arguments),
    /// Print the manual page.
    Man,
    /// One of the demo's throw-away services.
    #[command(hide = true)]
    DemoService(demo::ServiceArguments),
    /// The demo's daemon.
    #[command(hide = true)]
    DemoDaemon,
}

/// How a command ended, other than with an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    /// All is well: exit code 0.
    Well,
    /// A service stays down, or nothing was delivered: exit code 1.
    Badly,
}

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// Wrong usage or configuration: exit code 2.
    #[error("{0}")]
    Usage(String),
    /// It did not work out: exit code 1.
    #[error("{0}")]
    Failed(String),
    /// Another instance works: exit code 75.
    #[error("{0}")]
    Locked(String),
}

impl From<output::OutputError> for CommandError {
    fn from(error: output::OutputError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<LockError> for CommandError {
    fn from(error: LockError) -> Self {
        match error {
            LockError::Held { .. } => Self::Locked(error.to_string()),
            LockError::Unusable { .. } => Self::Failed(error.to_string()),
        }
    }
}

impl From<document::Problems> for CommandError {
    fn from(problems: document::Problems) -> Self {
        Self::Usage(problems.to_string())
    }
}

/// Where the daemon of this configuration is found. Mistakes in the file are said and passed over:
/// the daemon goes on with the old one, and this is the moment when people want to ask it.
fn places(path: &Path) -> Result<Places, CommandError> {
    let places = crate::config::places(path)?;
    if let Some(mistakes) = &places.mistakes {
        tracing::warn!("the configuration has mistakes, which a daemon does not take:\n{mistakes}");
    }
    Ok(places)
}

/// Parses the command line and does what it says.
pub(crate) fn main() -> ExitCode {
    let mut cli = Cli::parse();
    log::start(cli.log_level.into());
    // Its folder is watched, so it must have one.
    if let Ok(absolute) = std::path::absolute(&cli.config) {
        cli.config = absolute;
    }
    let done = match cli.command {
        Command::Run => run::run(&cli.config),
        Command::Once(arguments) => once::run(&cli.config, &arguments),
        Command::CheckConfig(arguments) => check_config::run(&cli.config, &arguments),
        Command::Status(arguments) => status::run(&cli.config, &arguments),
        Command::Alerts(arguments) => alerts::run(&cli.config, &arguments),
        Command::Poll(arguments) => poll::run(&cli.config, &arguments),
        Command::LegacyAlerts(arguments) => legacy_alerts::run(&cli.config, &arguments),
        Command::Hold(arguments) => hold::hold(&cli.config, arguments),
        Command::Release(arguments) => hold::release(&cli.config, arguments),
        Command::TestAlert(arguments) => test_alert::run(&cli.config, &arguments),
        Command::Demo => demo::run(),
        Command::Completions(arguments) => completions::run(&arguments),
        Command::Man => man::run(),
        Command::DemoService(arguments) => demo::serve(&arguments),
        Command::DemoDaemon => demo::watch(&cli.config),
    };
    match done {
        Ok(Done::Well) => ExitCode::SUCCESS,
        Ok(Done::Badly) => ExitCode::from(1),
        Err(error) => {
            log::say(&format!("vrwatch: {error}"));
            ExitCode::from(match error {
                CommandError::Failed(_) => 1,
                CommandError::Usage(_) => 2,
                CommandError::Locked(_) => 75,
            })
        }
    }
}

/// How long threads that are stuck in the system (a name look-up) may hold up the end.
const SHUTDOWN_LIMIT: std::time::Duration = std::time::Duration::from_millis(500);

/// Runs `future` on a runtime on this very thread: the cheapest in memory and in wake-ups.
fn block_on<T>(future: impl Future<Output = Result<T, CommandError>>) -> Result<T, CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|problem| {
            CommandError::Failed(format!("the runtime cannot be started: {problem}"))
        })?;
    let result = runtime.block_on(future);
    runtime.shutdown_timeout(SHUTDOWN_LIMIT);
    result
}
