//! Whether what is written can work together: what `serve` would fail at later is told with its line
//! and key before.

use std::ops::Range;
use std::time::Duration;

use document::{Document, List, Problem};
use toml::de::DeValue;

use super::Config;
use crate::store;

/// Less time than this lets nobody in.
const SHORTEST: Duration = Duration::from_millis(100);

/// Adds what cannot work.
pub(super) fn check(config: &Config, document: &Document<'_>, problems: &mut List) {
    let mut wrong = |table: &str, key: &str, words: &str| {
        problems.push(at(document, table, key, words));
    };
    let http = &config.http;
    for (key, number) in [
        ("connections", http.connections),
        ("connections_per_address", http.connections_per_address),
    ] {
        if number == 0 {
            wrong(
                "http",
                key,
                "with none nobody is answered; write at least 1",
            );
        }
    }
    for (key, time) in [
        ("head_timeout", http.head_timeout),
        ("request_timeout", http.request_timeout),
        ("idle_timeout", http.idle_timeout),
    ] {
        if time.0 < SHORTEST {
            wrong(
                "http",
                key,
                "in so short a time nobody is answered; write at least 100ms",
            );
        }
    }
    if let Err(words) = store::check_url(config.database.without_password()) {
        wrong("database", "url", &words.to_string());
    }
    let key_file = &config.secrets.key_file;
    if !key_file.is_absolute() || key_file.is_dir() {
        wrong(
            "secrets",
            "key_file",
            "write the whole path of a file, from `/`",
        );
    }
    if !config.state.is_absolute() {
        wrong(
            "state",
            "directory",
            "write the whole path of a folder, from `/`",
        );
    }
    if config.ssh.port == 0 {
        wrong("ssh", "port", "there is no port 0");
    }
    if config.ssh.jump.port == 0 {
        wrong("ssh.jump", "port", "there is no port 0");
    }
    let push = &config.push;
    for (key, path, other) in [
        ("services", &push.services, &push.monitorservice),
        ("monitorservice", &push.monitorservice, &push.config),
        ("services", &push.services, &push.config),
    ] {
        if path == other {
            wrong("push", key, "two files of a router cannot be one");
        }
    }
}

/// A problem with a key of a table; where the file does not name the key, with what is there.
fn at(document: &Document<'_>, table: &str, key: &str, words: &str) -> Problem {
    let mut names = table.split('.').chain([key]);
    let top = names.next().and_then(|name| document.get(name));
    let mut span: Option<Range<usize>> = top.as_ref().map(toml::Spanned::span);
    let mut value = top.map(toml::Spanned::into_inner);
    for name in names {
        let Some(DeValue::Table(inside)) = value else {
            break;
        };
        let Some(found) = inside.get(name) else {
            break;
        };
        span = Some(found.span());
        value = Some(found.get_ref().clone());
    }
    let problem = match span {
        Some(span) => document.at(&span, words),
        None => Problem::of_file(document.file(), words),
    };
    problem.key(format!("{table}.{key}"))
}
