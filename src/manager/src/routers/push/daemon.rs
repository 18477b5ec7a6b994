//! The router's own vrwatch: asked before whether it would take the new files, and afterwards whether
//! it has.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use tokio::time::{Instant, sleep};

use super::Files;
use super::config::Push;
use super::files::{Placed, run};
use super::outcome::{Checked, InForce, PushError, words};
use crate::routers::shell::{Answer, Shell};

/// How often the daemon is asked whether it has the new files, at first; then ever less often.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);
/// The exit code of a shell and of `timeout` when there is no such program.
const NO_PROGRAM: i32 = 127;
/// vrwatch's exit code for a wrong configuration.
const WRONG_CONFIG: i32 = 2;

/// What a router will watch, as its own vrwatch says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected(BTreeSet<Service>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Service {
    name: String,
    process: String,
    /// Absent where an older daemon does not say it.
    pid_file: Option<String>,
}

/// What `check-config --json` says.
#[derive(Deserialize)]
struct Report {
    services: Vec<Service>,
    switched_off: bool,
    warnings: Vec<String>,
}

/// What `status --json` says, as far as it matters here.
#[derive(Deserialize)]
struct Status {
    pid: u32,
    config_error: Option<String>,
    services: Vec<Service>,
}

impl fmt::Display for Expected {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.0.iter().map(|service| service.name.as_str()).collect();
        if names.is_empty() {
            formatter.write_str("watches nothing")
        } else {
            write!(formatter, "watches {}", names.join(", "))
        }
    }
}

impl Expected {
    fn is(&self, services: &[Service]) -> bool {
        let same = |ours: &Service, theirs: &Service| {
            ours.name == theirs.name
                && ours.process == theirs.process
                && (theirs.pid_file.is_none() || ours.pid_file == theirs.pid_file)
        };
        services.len() == self.0.len()
            && services
                .iter()
                .all(|theirs| self.0.iter().any(|ours| same(ours, theirs)))
    }
}

/// Has the router's vrwatch look at the new files where they lie.
///
/// # Errors
/// When it would not watch by them.
pub(super) async fn check(
    shell: &mut dyn Shell,
    settings: &Push,
    files: &Files,
    placed: &Placed,
) -> Result<Checked, PushError> {
    let config = settings.config.as_str();
    let services = placed.new_file(settings.services.as_str());
    let switch = placed.new_file(settings.monitorservice.as_str());
    let mut arguments = vec!["--config", config, "check-config", "--json"];
    for (option, file) in [("--services", &services), ("--monitorservice", &switch)] {
        if let Some(file) = file {
            arguments.extend([option, file.as_str()]);
        }
    }
    let answer = run(shell, settings, "vrwatch", &arguments, &[]).await?;
    match answer.exit {
        Some(NO_PROGRAM) => return Ok(Checked::NoVrwatch),
        Some(WRONG_CONFIG) => {
            let there = run(shell, settings, "test", &["-e", config], &[]).await?;
            if there.exit == Some(1) {
                return Ok(Checked::NotConfigured);
            }
        }
        _ => {}
    }
    judge(&answer, files)
}

/// What the answer of `check-config` means. Its exit code 1 is right when nothing is to be watched.
fn judge(answer: &Answer, files: &Files) -> Result<Checked, PushError> {
    let report: Report = match (answer.exit, serde_json::from_slice(&answer.output)) {
        (Some(0 | 1), Ok(report)) => report,
        _ => return Err(PushError::Refused(words(&answer.errors))),
    };
    let text = files.services.as_deref().unwrap_or_default();
    let sections: Vec<&str> = text.lines().filter_map(section).collect();
    let watched = |name: &&str| report.services.iter().any(|service| service.name == **name);
    if !report.switched_off && !sections.is_empty() && !sections.iter().any(watched) {
        let why = if report.warnings.is_empty() {
            words(&answer.errors)
        } else {
            words(report.warnings.join("; ").as_bytes())
        };
        return Err(PushError::Refused(why));
    }
    Ok(Checked::ByVrwatch {
        expected: Expected(report.services.into_iter().collect()),
        warnings: report
            .warnings
            .iter()
            .map(|text| words(text.as_bytes()))
            .collect(),
    })
}

fn section(line: &str) -> Option<&str> {
    line.trim_end().strip_prefix('[')?.strip_suffix(']')
}

/// Waits until the daemon watches what is expected. It sees the files change by itself; where it
/// does not, it is told.
///
/// # Errors
/// [`PushError::NotTaken`] when it goes on with the old files.
pub(super) async fn until_in_force(
    shell: &mut dyn Shell,
    settings: &Push,
    expected: &Expected,
) -> Result<InForce, PushError> {
    let arguments = ["--config", settings.config.as_str(), "status", "--json"];
    let end = Instant::now() + settings.settle.get();
    let mut pause = FIRST_PAUSE;
    let mut is_told = false;
    loop {
        let answer = run(shell, settings, "vrwatch", &arguments, &[]).await?;
        let Ok(status) = serde_json::from_slice::<Status>(&answer.output) else {
            // It says so in words when nobody answers.
            return Ok(InForce::NobodyToAsk);
        };
        if status.config_error.is_none() && expected.is(&status.services) {
            return Ok(InForce::Seen);
        }
        if Instant::now() >= end {
            return Err(PushError::NotTaken(status.config_error.map_or_else(
                || {
                    format!(
                        "after {:?} it watches something else",
                        settings.settle.get()
                    )
                },
                |error| words(error.as_bytes()),
            )));
        }
        if pause > FIRST_PAUSE && !is_told && status.pid > 1 {
            // The pid is the daemon's own word, heard this moment.
            is_told = true;
            run(
                shell,
                settings,
                "kill",
                &["-HUP", &status.pid.to_string()],
                &[],
            )
            .await?;
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
