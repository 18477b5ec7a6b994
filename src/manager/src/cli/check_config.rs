//! `vrwatch-manager check-config`: what the configuration says, and whether the files that it names can
//! be used. Opens no database and no connection.

use std::fmt::Write as _;

use contract::human;
use serde::Serialize;
use terminal::output;

use super::office::Office;
use super::{CommandError, Done};
use crate::api::server::check_tls;
use crate::config::Config;

/// What `--json` shows.
#[derive(Serialize)]
struct Shown {
    listen: std::net::SocketAddr,
    tls: bool,
    database: String,
    several_managers: bool,
    kept_alerts_seconds: u64,
    kept_usage_seconds: u64,
    kept_audit_seconds: u64,
    ssh_user: String,
    ssh_port: u16,
    pushes_at_a_time: usize,
    sinks: Vec<Sink>,
}

#[derive(Serialize)]
struct Sink {
    name: String,
    kind: String,
    describe: String,
}

pub(super) fn run(office: &Office) -> Result<Done, CommandError> {
    let config = office.load()?.config;
    let wrong = files(&config);
    if !wrong.is_empty() {
        return Err(CommandError::Usage(wrong.join("\n")));
    }
    if office.json {
        output::print_json(&shown(&config))?;
    } else {
        output::print(&text(&shown(&config), &config))?;
    }
    Ok(Done::Well)
}

/// What is wrong with the files that are named: certificate, keys, passwords, tokens. A database or a
/// sealing key that is not there yet is made at the first start.
fn files(config: &Config) -> Vec<String> {
    let tls = config.http.tls.clone().map(check_tls);
    let sealing = &config.secrets.key_file;
    let key = sealing.exists().then(|| {
        let read = sinks::file::read_secret(sealing, 4096);
        read.map_err(|error| format!("`[secrets]` `key_file`: {error}"))
    });
    let sinks = config.sinks.iter().filter_map(|sink| sink.trouble());
    [
        tls.and_then(|tls| tls.err().map(|error| error.to_string())),
        config.database.url().err(),
        key.and_then(Result::err),
        config.metrics.token().err(),
    ]
    .into_iter()
    .flatten()
    .chain(sinks.map(ToString::to_string))
    .collect()
}

fn shown(config: &Config) -> Shown {
    Shown {
        listen: config.http.listen,
        tls: config.http.tls.is_some(),
        database: config.database.shown(),
        several_managers: config.database.can_be_shared(),
        kept_alerts_seconds: config.retention.alerts.as_secs(),
        kept_usage_seconds: config.retention.usage.as_secs(),
        kept_audit_seconds: config.retention.audit.as_secs(),
        ssh_user: config.ssh.user.as_str().to_owned(),
        ssh_port: config.ssh.port,
        pushes_at_a_time: config.push.concurrency.get(),
        sinks: config
            .sinks
            .iter()
            .map(|sink| Sink {
                name: sink.name.clone(),
                kind: sink.kind.to_string(),
                describe: sink.describe(),
            })
            .collect(),
    }
}

fn text(shown: &Shown, config: &Config) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "listens on {} ({}); database {} ({})\nkept: alerts {}, usage {}, audit trail {}\n\
         routers are reached as {} on port {}; {} are sent to at a time\ntold: {}",
        shown.listen,
        if shown.tls { "TLS" } else { "plain HTTP" },
        shown.database,
        if shown.several_managers {
            "several managers may share it"
        } else {
            "of this manager alone"
        },
        human::Duration(config.retention.alerts),
        human::Duration(config.retention.usage),
        human::Duration(config.retention.audit),
        shown.ssh_user,
        shown.ssh_port,
        shown.pushes_at_a_time,
        shown.sinks.len(),
    );
    for sink in &shown.sinks {
        let _ = writeln!(text, "- {} ({}): {}", sink.name, sink.kind, sink.describe);
    }
    text
}
