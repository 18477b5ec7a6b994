//! The `[sink.NAME.KIND]` tables: found, checked by building each sink once, and kept so that it can
//! be built again for the worker that will own it. The kinds come from the sinks' own list.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use contract::{DeliverError, Event, Sink};
use serde::Deserialize as _;
use sinks::{BuildError, Host, Kind, Section};
use tokio::time::timeout;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::filter::{self, Filter};
use super::problem::{List, Problem, Problems, shown};
use super::tree::{Document, Value, meant};
use super::waiting::Waiting;

/// Whether the system's own log must be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syslog {
    /// Alerts must at least reach it: a file without a sink of kind syslog is refused.
    Required,
    /// There may be any sinks, or none.
    Optional,
}

/// How long a sink that is tried out may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// The kind that may be required.
const SYSLOG: &str = "syslog";
/// What to add when there is none.
const SYSLOG_HINT: &str =
    "add these two lines:\n\n[sink.local.syslog]\ntarget = \"unix:/dev/log\"\n";

/// The most sinks; each has a worker and a cursor.
const MOST_SINKS: usize = 64;
/// The longest name of a sink, in bytes; it becomes a file name.
const LONGEST_NAME: usize = 64;

/// One sink as configured. Equal when it would be built the same.
#[derive(Clone)]
pub struct SinkSpec {
    /// Its name.
    pub name: String,
    /// Its kind's name.
    pub kind: &'static str,
    /// Whether it may see an event only once that is on disk.
    pub needs_disk: bool,
    /// Whether people read every message of it.
    pub for_people: bool,
    filter: Filter,
    host: Host,
    found: &'static Kind,
    /// The body without its filters, for comparison.
    plain: toml::Table,
    trouble: Option<Problem>,
    source: Source,
}

/// Why a sink was not made.
pub(crate) enum Unmade {
    /// Its section is wrong.
    Text(Problem),
    /// A file that its section names is, for now.
    File(Problem),
}

/// The file that a sink stands in: what is built from it again can still say where a mistake is.
#[derive(Clone)]
pub struct Source {
    /// The file's path.
    pub file: Arc<Path>,
    /// Its text.
    pub text: Arc<str>,
}

impl SinkSpec {
    /// Makes the sink; opens no connection. Where a file that its section names cannot be used,
    /// it is one that takes nothing until the file is mended.
    ///
    /// # Errors
    /// What its section says cannot work.
    pub fn build(&self) -> Result<Box<dyn Sink>, Problems> {
        let sink = match self.make() {
            Ok(sink) => sink,
            Err(Unmade::File(_)) => Box::new(Waiting::new(self.clone())),
            Err(Unmade::Text(problem)) => return Err(Problems(vec![problem])),
        };
        Ok(self.filter.before(sink))
    }

    /// Hands one event to a fresh sink of this kind, and tells in words what it answered; whether
    /// that is well.
    ///
    /// # Errors
    /// As for [`Self::build`].
    pub async fn try_out(&self, event: &Event) -> Result<(bool, String), Problems> {
        let mut sink = self.build()?;
        let told = timeout(PATIENCE, sink.deliver(std::slice::from_ref(event))).await;
        Ok(match told {
            Ok(Ok(())) if sink.confirms() => (true, "delivered".to_owned()),
            Ok(Ok(())) => (
                true,
                "sent; nothing confirms it, so look at the receiver".to_owned(),
            ),
            Ok(Err(DeliverError::Later { cause, .. })) => (
                false,
                format!("NOT delivered, would be tried again: {cause}"),
            ),
            Ok(Err(DeliverError::Never { cause })) => (false, format!("REFUSED: {cause}")),
            Err(_) => (
                false,
                format!("NOT delivered: no answer within {} s", PATIENCE.as_secs()),
            ),
        })
    }

    /// Makes the sink itself, without its filters.
    pub(crate) fn make(&self) -> Result<Box<dyn Sink>, Unmade> {
        let document =
            Document::parse(&self.source.file, &self.source.text).map_err(Unmade::Text)?;
        let body = body(&document, &self.name, self.kind)
            .ok_or_else(|| Unmade::Text(Problem::of_file(&self.source.file, "the sink is gone")))?;
        let (_, body) = without_filters(body);
        make(&document, &self.name, self.found, body, &self.host)
    }

    /// What was wrong with a file that its section names when that was read.
    #[must_use]
    pub const fn trouble(&self) -> Option<&Problem> {
        self.trouble.as_ref()
    }

    /// A problem with a key of its section, which stands in this document.
    pub fn at(&self, document: &Document<'_>, key: &str, message: impl Into<String>) -> Problem {
        let value = match body(document, &self.name, self.kind).map(Spanned::into_inner) {
            Some(DeValue::Table(mut keys)) => keys.remove(key),
            _ => None,
        };
        match value {
            Some(value) => document.at(&value.span(), message),
            None => Problem::of_file(document.file(), message),
        }
    }

    /// Which events it is told.
    #[must_use]
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Where its events go, in the words of its section: every key but the filters. Of an address
    /// only what comes before its path, which may hold a token.
    #[must_use]
    pub fn describe(&self) -> String {
        let keys: Vec<String> = self
            .plain
            .iter()
            .map(|(key, value)| match value.as_str().and_then(origin) {
                Some(origin) => format!("{key} = \"{origin}/…\""),
                None => format!("{key} = {value}"),
            })
            .collect();
        keys.join(", ")
    }
}

impl PartialEq for SinkSpec {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
            && self.kind == other.kind
            && self.filter == other.filter
            && self.host == other.host
            && self.plain == other.plain
            // Mended or broken since, it is made anew.
            && self.trouble == other.trouble
    }
}

impl SinkSpec {
    /// Whether it is the same but for its name.
    #[must_use]
    pub fn is_renamed(&self, before: &Self) -> bool {
        let renamed = Self {
            name: self.name.clone(),
            host: self.host.clone(),
            ..before.clone()
        };
        self.name != before.name && *self == renamed
    }
}

impl fmt::Debug for SinkSpec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SinkSpec([sink.{}.{}])", self.name, self.kind)
    }
}

/// Reads all sinks of the document, whose text `source` holds. `host` says on whose behalf they tell,
/// and where they may keep things.
pub fn read(
    document: &Document<'_>,
    source: &Source,
    host: &Host,
    syslog: Syslog,
    problems: &mut List,
) -> Vec<SinkSpec> {
    let mut specs = Vec::new();
    let mut syslog_tried = false;
    if let Some(value) = document.get("sink") {
        let span = value.span();
        let DeValue::Table(names) = value.into_inner() else {
            problems.push(document.at(&span, "sinks are tables: write [sink.NAME.KIND]"));
            return specs;
        };
        if names.len() > MOST_SINKS {
            problems.push(document.at(&span, format!("more than {MOST_SINKS} sinks")));
            return specs;
        }
        for (name, value) in names {
            let place = name.span();
            let name = name.into_inner().into_owned();
            if !is_name(&name) {
                let message = format!(
                    "`{}` is no sink name: use 1 to {LONGEST_NAME} of A-Z a-z 0-9 _ -",
                    shown(&name)
                );
                problems.push(document.at(&place, message));
                continue;
            }
            let Some((kind, body)) = single_kind(document, &name, value, problems) else {
                continue;
            };
            syslog_tried |= kind.name == SYSLOG;
            if let Some(spec) = one(document, name, kind, body, host, problems) {
                specs.push(spec(source.clone()));
            }
        }
    }
    if syslog == Syslog::Required && !syslog_tried && problems.is_empty() {
        let message = format!("no sink of kind {SYSLOG} is configured");
        problems.push(Problem::of_file(document.file(), message).hint(SYSLOG_HINT));
    }
    specs
}

/// The one kind in `[sink.NAME]`, and its body.
fn single_kind<'a>(
    document: &Document<'a>,
    name: &str,
    value: Value<'a>,
    problems: &mut List,
) -> Option<(&'static Kind, Value<'a>)> {
    let span = value.span();
    let DeValue::Table(kinds) = value.into_inner() else {
        problems.push(document.at(&span, format!("write [sink.{name}.KIND]")));
        return None;
    };
    let several = kinds.len() > 1;
    let Some((kind, body)) = kinds.into_iter().next() else {
        let message = format!("the sink has no kind: write [sink.{name}.KIND]");
        problems.push(document.at(&span, message));
        return None;
    };
    let place = kind.span();
    let written = kind.into_inner().into_owned();
    if !matches!(body.get_ref(), DeValue::Table(_)) {
        let message = format!("the sink has no kind: write [sink.{name}.KIND]");
        problems.push(document.at(&place, message));
        return None;
    }
    if several {
        let message = format!("`{name}` has several kinds");
        let hint = "give each sink a name of its own";
        problems.push(document.at(&span, message).hint(hint));
        return None;
    }
    let Some(kind) = sinks::kind(&written) else {
        let possible: Vec<&str> = sinks::KINDS.iter().map(|kind| kind.name).collect();
        let message = format!("there are no sinks of kind `{}`", shown(&written));
        problems.push(
            document
                .at(&place, message)
                .hint(meant(&written, &possible)),
        );
        return None;
    };
    Some((kind, body))
}

/// Reads one sink and builds it once, to find what is wrong with it.
fn one(
    document: &Document<'_>,
    name: String,
    kind: &'static Kind,
    body: Value<'_>,
    host: &Host,
    problems: &mut List,
) -> Option<impl FnOnce(Source) -> SinkSpec> {
    let (filters, body) = without_filters(body);
    let filter = document.read::<Filter>(filters, problems);
    let host = host.for_sink(&name);
    let trouble = match make(document, &name, kind, body.clone(), &host) {
        Ok(_) => None,
        Err(Unmade::File(problem)) => Some(problem),
        Err(Unmade::Text(problem)) => {
            problems.push(problem);
            return None;
        }
    };
    let plain = toml::Table::deserialize(Section::from(body));
    let plain = plain.map_err(|error| problems.push(document.problem(&error)));
    let (filter, plain) = (filter?, plain.ok()?);
    Some(move |source| SinkSpec {
        name,
        kind: kind.name,
        needs_disk: kind.needs_disk,
        for_people: kind.for_people,
        filter,
        host,
        found: kind,
        plain,
        trouble,
        source,
    })
}

/// Makes a sink of its section.
fn make(
    document: &Document<'_>,
    name: &str,
    kind: &Kind,
    body: Value<'_>,
    host: &Host,
) -> Result<Box<dyn Sink>, Unmade> {
    let line = document.line(body.span().start);
    // What is wrong with the section as a whole has no place of its own.
    let placed = |mut problem: Problem| {
        if problem.line.is_none() {
            problem.line = Some(line);
            problem.key = Some(format!("sink.{name}.{}", kind.name));
        }
        problem
    };
    (kind.build)(Section::from(body), host).map_err(|error| match error {
        BuildError::Section(error) => Unmade::Text(placed(document.problem(&error))),
        BuildError::File(words) => Unmade::File(placed(Problem::of_file(document.file(), words))),
    })
}

/// Takes the filters out of a sink's body: `(filters, body)`.
fn without_filters(value: Value<'_>) -> (Value<'_>, Value<'_>) {
    let span = value.span();
    let mut filters = DeTable::new();
    let mut value = value.into_inner();
    if let DeValue::Table(body) = &mut value {
        for key in filter::KEYS {
            if let Some((key, value)) = body.remove_entry(key) {
                filters.insert(key, value);
            }
        }
    }
    (
        Spanned::new(span.clone(), DeValue::Table(filters)),
        Spanned::new(span, value),
    )
}

/// What stands in `[sink.NAME.KIND]`.
fn body<'a>(document: &Document<'a>, name: &str, kind: &str) -> Option<Value<'a>> {
    let inner = |value: Value<'a>, key: &str| match value.into_inner() {
        DeValue::Table(mut table) => table.remove(key),
        _ => None,
    };
    inner(inner(document.get("sink")?, name)?, kind)
}

/// What comes before the path or the query of an address that has one.
fn origin(text: &str) -> Option<&str> {
    let start = text.find("://")? + "://".len();
    let end = start + text[start..].find(['/', '?'])?;
    (end + 1 < text.len()).then(|| &text[..end])
}

fn is_name(name: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
    !name.is_empty() && name.len() <= LONGEST_NAME && name.chars().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str, syslog: Syslog) -> Vec<String> {
        let source = Source {
            file: Path::new("f").into(),
            text: text.into(),
        };
        let document = Document::parse(&source.file, text).unwrap();
        let host = Host::new("r".to_owned(), "/nonexistent");
        let mut problems = List::default();
        let specs = read(&document, &source, &host, syslog, &mut problems);
        let kinds: Vec<&str> = specs.iter().map(|spec| spec.kind).collect();
        assert_eq!(kinds.len(), text.matches("[sink.").count(), "{kinds:?}");
        let problems = problems.into_vec();
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn who_needs_no_syslog_may_do_without() {
        let poll = "[sink.x.poll]\nlog = \"/nonexistent/log\"\n";
        for without in ["", poll] {
            assert_eq!(problems(without, Syslog::Optional), [""; 0]);
            let told = problems(without, Syslog::Required);
            assert!(told[0].starts_with("f: no sink of kind syslog is configured; add"));
        }
        let with = "[sink.x.syslog]\ntarget = \"unix:/dev/log\"\n";
        assert_eq!(problems(with, Syslog::Required), [""; 0]);
    }
}
