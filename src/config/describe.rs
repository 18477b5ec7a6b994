//! What `check-config` prints: what would be watched, who would be told, and what is doubtful.

use std::fmt::Write as _;

use comfy_table::{Table, presets};
use contract::human;
use monitor::{Means, Service};

use super::Loaded;

/// The configuration in words, for people.
pub(crate) fn describe(loaded: &Loaded) -> String {
    let config = &loaded.config;
    let mut text = String::new();
    let means = match config.means {
        Means::Auto => "deaths are noticed at once where the kernel can tell",
        Means::SweepOnly => "deaths are noticed by sweeps only",
    };
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "router {}; {means}, a sweep every {}\njournal in {}, at most {}; control socket {}\n",
        config.router,
        human::Duration(config.sweep_every),
        config.journal.directory.display(),
        human::Size(config.journal.max_size),
        config.control_socket.display(),
    );
    let _ = writeln!(
        text,
        "watched: {}\n{}\n",
        config.services.len(),
        services(&config.services).trim_fmt()
    );
    if let Some(fetch) = &config.fetch {
        let _ = writeln!(
            text,
            "what is watched is fetched from {} every {} into {}\n",
            fetch.settings.origin(),
            human::Duration(fetch.every),
            fetch.into.display()
        );
    }
    let mut sinks = table(["SINK", "KIND", "IS TOLD", "WHERE"]);
    for sink in &config.sinks {
        let filter = sink.filter().describe();
        let filter = if filter.is_empty() {
            "everything".to_owned()
        } else {
            filter
        };
        sinks.add_row([&sink.name, sink.kind, &filter, &sink.describe()]);
    }
    let _ = writeln!(text, "told: {}\n{}", config.sinks.len(), sinks.trim_fmt());
    let missing = missing_folders(&config.services);
    if !loaded.warnings.is_empty() || !missing.is_empty() {
        let _ = writeln!(text, "\nwarnings:");
        let warnings = loaded.warnings.iter().map(ToString::to_string);
        for warning in warnings.chain(missing) {
            let _ = writeln!(text, "- {warning}");
        }
    }
    text
}

fn services(services: &[Service]) -> Table {
    let mut table = table([
        "SERVICE",
        "PROCESS",
        "PID FILE",
        "RESTARTED BY",
        "ATTEMPTS",
        "GIVEN UP FOR",
    ]);
    for service in services {
        let mut command = service.restart.command.join(" ");
        if service.restart.end_leftovers {
            command.push_str(" (left-overs are ended first)");
        }
        table.add_row([
            service.name.clone(),
            service.target.process.clone(),
            service.target.pid_file.display().to_string(),
            command,
            service.policy.restart.attempts.to_string(),
            human::Duration(service.policy.hold_off).to_string(),
        ]);
    }
    table
}

fn table<const COLUMNS: usize>(header: [&str; COLUMNS]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    table
}

/// A folder may appear later, so this is worth a word here, and nowhere else.
fn missing_folders(services: &[Service]) -> Vec<String> {
    services
        .iter()
        .filter_map(|service| {
            let folder = service.target.pid_file.parent()?;
            (!folder.is_dir()).then(|| {
                format!(
                    "{}: the folder {} of its pid file does not exist",
                    service.name,
                    folder.display()
                )
            })
        })
        .collect()
}
