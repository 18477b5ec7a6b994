//! `vrwatch-manager check-config`: what the configuration says. Opens no database and no connection.

use std::fmt::Write as _;

use contract::human;
use terminal::output;

use super::office::Office;
use super::{CommandError, Done};

pub(super) fn run(office: &Office) -> Result<Done, CommandError> {
    let config = office.load()?.config;
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "listens on {} ({}); database {} ({})\nkept: alerts {}, usage {}, audit trail {}\n\
         routers are reached as {} on port {}; {} are sent to at a time\ntold: {}",
        config.http.listen,
        if config.http.tls.is_some() {
            "TLS"
        } else {
            "plain HTTP"
        },
        config.database.shown(),
        if config.database.can_be_shared() {
            "several managers may share it"
        } else {
            "of this manager alone"
        },
        human::Duration(config.retention.alerts),
        human::Duration(config.retention.usage),
        human::Duration(config.retention.audit),
        config.ssh.user.as_str(),
        config.ssh.port,
        config.push.concurrency.get(),
        config.sinks.len(),
    );
    for sink in &config.sinks {
        let _ = writeln!(text, "- {} ({}): {}", sink.name, sink.kind, sink.describe());
    }
    // The files with secrets are looked at too.
    config.database.url().map_err(CommandError::Usage)?;
    config.metrics.token().map_err(CommandError::Usage)?;
    output::print(&text)?;
    Ok(Done::Well)
}
