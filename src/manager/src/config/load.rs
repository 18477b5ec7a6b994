//! Reads `manager.toml`. All that is wrong is collected, so that one run of `check-config` shows it
//! all.

use std::path::{Path, PathBuf};

use document::file::{self, ReadError};
use document::sink::{self, Source, Syslog};
use document::{Document, List, Problem, Problems, SinkSpec, meant};
use serde::Deserialize;
use sinks::Host;
use toml::de::DeValue;

use super::{Config, sound};
use crate::forward;
use crate::forward::rules::{Rule, Rules};
use crate::plan;

/// Where the file is when no other is named.
pub const DEFAULT_PATH: &str = "/etc/vrwatch/manager.toml";
/// Who the manager is in alerts of its own, and towards receivers that want a name.
const NAME: &str = "vrwatch-manager";
/// The top-level tables.
const TABLES: [&str; 14] = [
    "http",
    "receive",
    "metrics",
    "database",
    "secrets",
    "plan",
    "retention",
    "state",
    "ssh",
    "push",
    "poll",
    "forward",
    "rule",
    "sink",
];

/// A configuration that can be used, and what is doubtful about it.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// What was passed over or guessed.
    pub warnings: Vec<Problem>,
}

/// The table `[plan]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "the table [plan]")]
struct Plan {
    redundant: bool,
    monitoring: bool,
}

impl Default for Plan {
    fn default() -> Self {
        let policy = plan::Policy::default();
        Self {
            redundant: policy.redundant,
            monitoring: policy.monitoring,
        }
    }
}

/// The table `[state]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "the table [state]")]
struct State {
    directory: PathBuf,
}

impl Default for State {
    fn default() -> Self {
        Self {
            directory: PathBuf::from("/var/lib/vrwatch-manager"),
        }
    }
}

/// Reads the configuration in this file; without a path that in [`DEFAULT_PATH`], which need not be
/// there.
///
/// # Errors
/// All that makes it unusable.
pub fn load(path: Option<&Path>) -> Result<Loaded, Problems> {
    let place = path.unwrap_or(Path::new(DEFAULT_PATH));
    let contents = match file::read(place) {
        Ok(contents) => contents,
        Err(ReadError::Absent) if path.is_none() => {
            return compose(place, b"", List::default());
        }
        Err(ReadError::Absent) => {
            return Err(Problems(vec![
                Problem::of_file(place, "there is no such file").hint(
                    "copy the sample manager.toml there, or leave --config out to start with the defaults",
                ),
            ]));
        }
        Err(ReadError::Unusable(problem)) => return Err(Problems(vec![problem])),
    };
    let mut warnings = List::default();
    if let Some(warning) = contents.warning {
        warnings.push(warning);
    }
    compose(place, &contents.bytes, warnings)
}

/// Reads the `[[rule]]` tables, whose sinks must exist.
fn rules(document: &Document<'_>, sinks: &[SinkSpec], problems: &mut List) -> Rules {
    let Some(value) = document.get("rule") else {
        return Rules::default();
    };
    let span = value.span();
    let DeValue::Array(tables) = value.into_inner() else {
        problems.push(document.at(&span, "this must be an array of tables: write [[rule]]"));
        return Rules::default();
    };
    let known: Vec<&str> = sinks.iter().map(|sink| sink.name.as_str()).collect();
    let mut rules = Vec::new();
    for table in tables {
        let span = table.span();
        let Some(rule) = document.read::<Rule>(table, problems) else {
            continue;
        };
        for name in rule
            .sinks()
            .iter()
            .filter(|name| !known.contains(&name.as_str()))
        {
            let message = format!("there is no sink `{}`", document::shown(name));
            problems.push(document.at(&span, message).hint(meant(name, &known)));
        }
        rules.push(rule);
    }
    Rules::from(rules)
}

/// The sinks that are told of storms alone must exist.
fn check_summed(
    document: &Document<'_>,
    forward: Option<&forward::Config>,
    sinks: &[SinkSpec],
    problems: &mut List,
) {
    let known: Vec<&str> = sinks.iter().map(|sink| sink.name.as_str()).collect();
    let summed = forward.and_then(|forward| forward.storm.summed.as_ref());
    for name in summed.into_iter().flatten() {
        if known.contains(&name.as_str()) {
            continue;
        }
        let message = format!("there is no sink `{}`", document::shown(name));
        let span = document.get("forward").map(|value| value.span());
        let problem = match span {
            Some(span) => document.at(&span, message),
            None => Problem::of_file(document.file(), message),
        };
        problems.push(
            problem
                .key("forward.storm.summed")
                .hint(meant(name, &known)),
        );
    }
}

fn compose(path: &Path, bytes: &[u8], warnings: List) -> Result<Loaded, Problems> {
    let (text, document) = document::text(path, bytes)
        .and_then(|text| Ok((text, Document::parse(path, text)?)))
        .map_err(|problem| Problems(vec![problem]))?;
    let mut problems = List::default();
    document.check_tables(&TABLES, &[], &mut problems);
    let http = document.table("http", &mut problems);
    let receive = document.table("receive", &mut problems);
    let metrics = document.table("metrics", &mut problems);
    let database = document.table("database", &mut problems);
    let secrets = document.table("secrets", &mut problems);
    let plan: Option<Plan> = document.table("plan", &mut problems);
    let ssh = document.table("ssh", &mut problems);
    let push = document.table("push", &mut problems);
    let poll = document.table("poll", &mut problems);
    let retention = document.table("retention", &mut problems);
    let state: State = document.table("state", &mut problems).unwrap_or_default();
    let source = Source {
        file: path.into(),
        text: text.into(),
    };
    let host = Host::new(NAME.to_owned(), state.directory.join("sinks"));
    let sinks = sink::read(&document, &source, &host, Syslog::Optional, &mut problems);
    let forward = document.table("forward", &mut problems);
    check_summed(&document, forward.as_ref(), &sinks, &mut problems);
    let rules = rules(&document, &sinks, &mut problems);
    let plan = plan.unwrap_or_default();
    let config = Config {
        http: http.unwrap_or_default(),
        receive: receive.unwrap_or_default(),
        metrics: metrics.unwrap_or_default(),
        database: database.unwrap_or_default(),
        secrets: secrets.unwrap_or_default(),
        policy: plan::Policy {
            redundant: plan.redundant,
            monitoring: plan.monitoring,
        },
        ssh: ssh.unwrap_or_default(),
        push: push.unwrap_or_default(),
        poll: poll.unwrap_or_default(),
        retention: retention.unwrap_or_default(),
        forward: forward.unwrap_or_default(),
        rules,
        sinks,
        state: state.directory,
    };
    sound::check(&config, &document, &mut problems);
    let open = !config.http.listen.ip().is_loopback() && config.http.tls.is_none();
    if open && !config.http.insecure {
        let span = document.get("http").map(|value| value.span());
        let message = format!(
            "{} can be reached by others, but nothing is encrypted there",
            config.http.listen
        );
        let problem = match span {
            Some(span) => document.at(&span, message),
            None => Problem::of_file(path, message),
        };
        problems.push(problem.key("http.listen").hint(
            "add [http.tls], or listen on 127.0.0.1, or say `insecure = true` when something before it encrypts",
        ));
    }
    if !problems.is_empty() {
        return Err(Problems(problems.into_vec()));
    }
    let warnings = warnings.into_vec();
    Ok(Loaded { config, warnings })
}
