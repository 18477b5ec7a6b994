//! `vrwatch status`: how the services and the sinks stand, as the running daemon sees it.

use std::path::Path;

use comfy_table::{Table, presets};
use contract::Timestamp;

use super::{CommandError, Done, output, places};
use crate::control::{self, Reply, Request, Sink, Status};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// As JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(path: &Path, arguments: &Arguments) -> Result<Done, CommandError> {
    let socket = places(path)?.control_socket;
    let status = match control::ask(&socket, &Request::Status {}) {
        Ok(Reply::Status(status)) => status,
        Ok(Reply::Refused(why) | Reply::Done(why)) => return Err(CommandError::Failed(why)),
        Err(error) => return Err(CommandError::Failed(error.to_string())),
    };
    if arguments.json {
        output::print_json(&status)?;
    } else {
        output::print(&describe(&status))?;
    }
    let down = status
        .services
        .iter()
        .any(|service| !matches!(service.state.as_str(), "up" | "held" | "unknown"));
    Ok(if down { Done::Badly } else { Done::Well })
}

fn describe(status: &Status) -> String {
    use std::fmt::Write;

    let mut services = Table::new();
    services.load_style(presets::NOTHING).set_header([
        "SERVICE",
        "PROCESS",
        "STATE",
        "PID",
        "SINCE",
        "RESTARTS",
        "HOLD-OFF UNTIL",
        "",
    ]);
    for service in &status.services {
        services.add_row([
            service.name.clone(),
            service.process.clone(),
            service.state.clone(),
            service
                .pid
                .map_or_else(|| "-".to_owned(), |pid| pid.to_string()),
            service.since.to_string(),
            service.restarts.to_string(),
            or_dash(service.hold_off_until),
            service.detail.clone().unwrap_or_default(),
        ]);
    }
    let services = if status.services.is_empty() {
        "nothing is watched; `vrwatch check-config` says why".to_owned()
    } else {
        services.to_string()
    };
    let mut sinks = Table::new();
    sinks.load_style(presets::NOTHING).set_header([
        "SINK",
        "KIND",
        "PENDING",
        "DELIVERED",
        "DROPPED",
        "SUMMED UP",
        "FAILING SINCE",
        "LAST ERROR",
    ]);
    for sink in &status.sinks {
        sinks.add_row([
            sink.name.clone(),
            sink.kind.clone(),
            sink.pending.to_string(),
            sink.delivered.to_string(),
            sink.dropped.to_string(),
            sink.summed_up.to_string(),
            or_dash(sink.failing_since),
            last_error(sink),
        ]);
    }
    let mut text = format!(
        "vrwatch {} on {}, process {}, since {}; deaths are noticed by {}\n\n{services}\n\n{sinks}\n\n",
        status.version, status.router, status.pid, status.since, status.watch
    );
    let journal = &status.journal;
    // Writing to a String cannot fail.
    let _ = if journal.on_disk {
        writeln!(
            text,
            "journal: {} bytes, last event {}",
            journal.bytes, journal.last_seq
        )
    } else {
        writeln!(
            text,
            "journal: CANNOT BE WRITTEN ({}); {} events wait in memory, last event {}",
            journal.error.as_deref().unwrap_or("why is unknown"),
            journal.waiting,
            journal.last_seq
        )
    };
    if let Some(manager) = &status.manager {
        let _ = writeln!(
            text,
            "manager: {}, into {}; last fetched {}, last changed {}, ETag {}",
            manager.url,
            manager.into,
            or_dash(manager.fetched),
            or_dash(manager.changed),
            manager.etag.as_deref().unwrap_or("-")
        );
        if let Some(error) = &manager.last_error {
            let since = or_dash(manager.failing_since);
            let _ = writeln!(text, "manager: fails since {since}: {error}");
        }
    }
    if let Some(problem) = &status.config_error {
        let _ = writeln!(
            text,
            "configuration: the one on disk is refused, the old one is in force:\n{problem}"
        );
    }
    text
}

fn last_error(sink: &Sink) -> String {
    match (&sink.last_error, sink.over_since) {
        (Some(error), Some(since)) => format!("{error} (over since {since})"),
        (Some(error), None) => error.clone(),
        (None, _) => "-".to_owned(),
    }
}

fn or_dash(time: Option<Timestamp>) -> String {
    time.map_or_else(|| "-".to_owned(), |time| time.to_string())
}
