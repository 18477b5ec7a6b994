//! A TOML file as a tree that still knows where everything stands in the file, so that every
//! mistake is told with line and key, and one mistake does not hide the next.

use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Error, ValueDeserializer};

use super::nearest::nearest;
use super::problem::{List, Problem, shown};

/// A value with its place in the file.
pub type Value<'a> = Spanned<DeValue<'a>>;

/// The file's text.
///
/// # Errors
/// Where the first byte stands that is no UTF-8.
pub fn text<'a>(file: &Path, bytes: &'a [u8]) -> Result<&'a str, Problem> {
    std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        Problem::at(
            file,
            line_of(bytes, at),
            format!("byte {} is no UTF-8", at + 1),
        )
        .hint("save the file as UTF-8")
    })
}

/// The file's tree, and what is needed to name places in it.
pub struct Document<'a> {
    file: &'a Path,
    root: DeTable<'a>,
    /// Where the line breaks are; at most as many as a file has bytes, which are bounded.
    breaks: Vec<usize>,
}

impl<'a> Document<'a> {
    /// Parses the file's text.
    ///
    /// # Errors
    /// The first mistake that makes it no TOML.
    pub fn parse(file: &'a Path, text: &'a str) -> Result<Self, Problem> {
        let root = DeTable::parse(text)
            .map_err(|error| {
                let at = error.span().map_or(0, |span| span.start);
                Problem::at(
                    file,
                    line_of(text.as_bytes(), at),
                    error.message().replace('\n', ", "),
                )
            })?
            .into_inner();
        let breaks = text.match_indices('\n').map(|(at, _)| at).collect();
        Ok(Self { file, root, breaks })
    }

    /// A copy of a top-level entry, to be read on its own.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Value<'a>> {
        self.root.get(key).cloned()
    }

    /// The names of all top-level entries, with their places.
    pub fn keys(&self) -> impl Iterator<Item = (&str, Range<usize>)> {
        self.root
            .keys()
            .map(|key| (key.get_ref().as_ref(), key.span()))
    }

    /// Reads a top-level table into `T`; `None` when it is absent or wrong. For what is wrong see
    /// [`Document::read`].
    pub fn table<T: DeserializeOwned>(&self, key: &str, problems: &mut List) -> Option<T> {
        self.get(key).and_then(|value| self.read(value, problems))
    }

    /// Refuses every top-level entry that is not one of `known`; what stands in `not_yet` in words
    /// of its own.
    pub fn check_tables(&self, known: &[&str], not_yet: &[&str], problems: &mut List) {
        for (key, span) in self.keys() {
            if not_yet.contains(&key) {
                problems.push(
                    self.at(&span, "not available in this version")
                        .hint("remove the table"),
                );
            } else if !known.contains(&key) {
                problems.push(
                    self.at(&span, "there is no such table")
                        .hint(meant(key, known)),
                );
            }
        }
    }

    /// The file it was read from.
    #[must_use]
    pub fn file(&self) -> &'a Path {
        self.file
    }

    /// The line on which this byte stands.
    #[must_use]
    pub fn line(&self, offset: usize) -> u32 {
        let breaks = self.breaks.partition_point(|at| *at < offset);
        u32::try_from(breaks + 1).unwrap_or(u32::MAX)
    }

    /// A problem with what stands at `span`.
    pub fn at(&self, span: &Range<usize>, message: impl Into<String>) -> Problem {
        let problem = Problem::at(self.file, self.line(span.start), message);
        let key = path_to(&self.root, span);
        if key.is_empty() {
            problem
        } else {
            problem.key(key.join("."))
        }
    }

    /// Turns what a deserializer found wrong into a problem with line, key, and the nearest right
    /// key.
    #[must_use]
    pub fn problem(&self, error: &Error) -> Problem {
        let (message, hint) = in_words(error.message());
        let problem = match error.span() {
            Some(span) => self.at(&span, message),
            None => Problem::of_file(self.file, message),
        };
        match hint {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    }

    /// The same about a table that stands at `span`: what the whole of it was refused for belongs to
    /// the key that is named, or to the table.
    fn problem_in(&self, error: &Error, table: &DeTable<'_>, span: &Range<usize>) -> Problem {
        if error.span().is_some() {
            return self.problem(error);
        }
        let named = error.message().split('`').skip(1).step_by(2);
        let entries = || {
            table
                .iter()
                .map(|(key, value)| (key.get_ref(), value.span()))
        };
        let at = named
            .filter_map(|name| entries().find(|(key, _)| *key == name))
            .map(|(_, span)| span)
            .next();
        self.at(&at.unwrap_or_else(|| span.clone()), error.message())
    }

    /// Reads a table into `T`. Every entry with a mistake adds a problem and is then left out, so
    /// that the others are looked at too.
    pub fn read<T: DeserializeOwned>(&self, value: Value<'_>, problems: &mut List) -> Option<T> {
        let span = value.span();
        let DeValue::Table(mut table) = value.into_inner() else {
            problems.push(self.at(&span, "this must be a table of keys"));
            return None;
        };
        let mut left_out: Vec<String> = Vec::new();
        // The entries of this very table that something was left out of.
        let mut cut: Vec<String> = Vec::new();
        loop {
            let value = Spanned::new(span.clone(), DeValue::Table(table.clone()));
            let error = match T::deserialize(ValueDeserializer::from(value)) {
                Ok(read) => return left_out.is_empty().then_some(read),
                Err(error) => error,
            };
            let at = error.span().unwrap_or_default();
            let entry = entry_at(&table, &at);
            let missing = missing_field(&error);
            // What we left out ourselves is not missing.
            let told = missing.is_some_and(|missing| match &entry {
                Some(entry) => cut.contains(entry),
                None => left_out.iter().any(|key| key == missing),
            });
            if !told {
                // Finding the place takes a walk through the file, which is spared when nobody will
                // see it.
                problems.push(if problems.is_full() {
                    Problem::of_file(self.file, error.message())
                } else {
                    self.problem_in(&error, &table, &span)
                });
            }
            let entry = entry.filter(|_| !problems.is_full())?;
            left_out.push(if missing.is_some() {
                table.remove(entry.as_str());
                entry.clone()
            } else {
                remove_at(&mut table, &at)?
            });
            cut.push(entry);
        }
    }
}

/// The key that is missing, if that is the error.
fn missing_field(error: &Error) -> Option<&str> {
    let rest = error.message().strip_prefix("missing field `")?;
    rest.strip_suffix('`')
}

/// The line of a byte, from 1.
fn line_of(bytes: &[u8], offset: usize) -> u32 {
    let before = bytes.get(..offset).unwrap_or(bytes);
    let lines = before.split(|byte| *byte == b'\n').count();
    u32::try_from(lines).unwrap_or(u32::MAX)
}

/// The key of the entry of `table` in which `span` starts.
fn entry_at(table: &DeTable<'_>, span: &Range<usize>) -> Option<String> {
    table
        .iter()
        .find(|(key, value)| {
            holds(&key.span(), span)
                || holds(&value.span(), span)
                || !inside(value, span).is_empty()
        })
        .map(|(key, _)| key.get_ref().to_string())
}

/// Removes the innermost entry in which `span` starts; returns its key.
fn remove_at(table: &mut DeTable<'_>, span: &Range<usize>) -> Option<String> {
    let key = entry_at(table, span)?;
    if let Some(value) = table.get_mut(key.as_str())
        && let DeValue::Table(inner) = value.get_mut()
        && let Some(key) = remove_at(inner, span)
    {
        return Some(key);
    }
    table.remove(key.as_str());
    Some(key)
}

/// The keys that lead from `table` to what stands at `span`; the deepest that hold it.
fn path_to(table: &DeTable<'_>, span: &Range<usize>) -> Vec<String> {
    let mut longest = Vec::new();
    for (key, value) in table {
        let mut path = inside(value, span);
        if path.is_empty() && !holds(&key.span(), span) && !holds(&value.span(), span) {
            continue;
        }
        path.insert(0, key.get_ref().to_string());
        if path.len() > longest.len() {
            longest = path;
        }
    }
    longest
}

fn inside(value: &Value<'_>, span: &Range<usize>) -> Vec<String> {
    match value.get_ref() {
        DeValue::Table(table) => path_to(table, span),
        DeValue::Array(items) => items
            .iter()
            .map(|item| inside(item, span))
            .max_by_key(Vec::len)
            .unwrap_or_default(),
        _ => Vec::new(),
    }
}

fn holds(outer: &Range<usize>, inner: &Range<usize>) -> bool {
    outer.contains(&inner.start)
}

/// What serde says, in words for whoever writes the file; and what to do, where that is known.
fn in_words(message: &str) -> (String, Option<String>) {
    let mut names = message.split('`').skip(1).step_by(2);
    if message.starts_with("unknown field") {
        let written = names.next().unwrap_or_default();
        return (
            "there is no such key".to_owned(),
            Some(meant(written, &names.collect::<Vec<_>>())),
        );
    }
    if message.starts_with("missing field") {
        return (
            format!("`{}` is missing", names.next().unwrap_or_default()),
            None,
        );
    }
    if message.starts_with("unknown variant") {
        let written = names.next().unwrap_or_default();
        return (
            format!("`{}` is not possible here", shown(written)),
            Some(meant(written, &names.collect::<Vec<_>>())),
        );
    }
    (message.replace('\n', " "), None)
}

/// Names the entry that was probably meant, or else all there are.
#[must_use]
pub fn meant(written: &str, possible: &[&str]) -> String {
    if let Some(right) = nearest(written, possible.iter().copied()) {
        return format!("did you mean `{right}`?");
    }
    let all: Vec<Cow<'_, str>> = possible
        .iter()
        .map(|name| Cow::Owned(format!("`{name}`")))
        .collect();
    match all.split_last() {
        None => "remove it".to_owned(),
        Some((only, [])) => format!("the only possibility is {only}"),
        Some((last, others)) => format!("possible are {} and {last}", others.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        number: u8,
        #[serde(default)]
        inner: Option<Inner>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields, expecting = "a table such as { deep = 1 }")]
    struct Inner {
        deep: u8,
    }

    fn problems(text: &str) -> Vec<String> {
        let document = match Document::parse(Path::new("f"), text) {
            Ok(document) => document,
            Err(problem) => return vec![problem.to_string()],
        };
        let mut problems = List::default();
        let read = document.read::<Outer>(document.get("outer").unwrap(), &mut problems);
        assert_eq!(read.is_none(), !problems.is_empty());
        problems
            .into_vec()
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn every_mistake_is_told_with_its_line_and_key() {
        for (text, told) in [
            ("[outer]\nnumber = 5\n", vec![]),
            (
                "\n[outer]\nnumber = 500\nnumbr = 1\ninner = { depe = 1 }\n",
                vec![
                    "f:3: outer.number: invalid value: integer `500`, expected u8",
                    "f:4: outer.numbr: there is no such key; did you mean `number`?",
                    "f:5: outer.inner.depe: there is no such key; did you mean `deep`?",
                ],
            ),
            (
                "[outer]\nnumber = 1\n\n[outer.inner]\ndeep = \"x\"\n",
                vec!["f:5: outer.inner.deep: invalid type: string \"x\", expected u8"],
            ),
            (
                "[outer]\nnumber = 1\ninner = 3\n",
                vec![
                    "f:3: outer.inner: invalid type: integer `3`, expected a table such as { deep = 1 }",
                ],
            ),
            (
                "outer = 5\n",
                vec!["f:1: outer: this must be a table of keys"],
            ),
            (
                "[outer]\nnumber = 1\n[outer.inner]\n",
                vec!["f:3: outer.inner: `deep` is missing"],
            ),
            (
                "[outer]\nnumber = 1\ncolour = 1\n",
                vec!["f:3: outer.colour: there is no such key; possible are `number` and `inner`"],
            ),
        ] {
            let mut found = problems(text);
            let mut told: Vec<String> = told.into_iter().map(str::to_owned).collect();
            found.sort();
            told.sort();
            assert_eq!(found, told, "{text}");
        }
    }

    #[test]
    fn a_table_that_nobody_knows_is_told_with_the_nearest_right_one() {
        let text = "[inner]\ndeep = 1\n[outr]\n[later]\n";
        let document = Document::parse(Path::new("f"), text).unwrap();
        let mut problems = List::default();
        document.check_tables(&["outer", "inner"], &["later"], &mut problems);
        let told: Vec<String> = problems
            .into_vec()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            told,
            [
                "f:4: later: not available in this version; remove the table",
                "f:3: outr: there is no such table; did you mean `outer`?",
            ]
        );
        let mut problems = List::default();
        let inner = document.table::<Inner>("inner", &mut problems);
        assert_eq!(inner, Some(Inner { deep: 1 }));
        assert!(document.table::<Inner>("absent", &mut problems).is_none());
        assert!(problems.is_empty());
    }

    #[test]
    fn broken_syntax_is_told_with_its_line() {
        let found = problems("[outer]\nnumber = 5\nnumber = 6\n");
        assert_eq!(found, ["f:3: duplicate key"]);
        let found = problems("[outer]\n\nnumber 5\n");
        assert!(found[0].starts_with("f:3: "), "{found:?}");
    }

    #[test]
    fn bytes_that_are_no_utf_8_are_told_with_line_and_byte() {
        let problem = super::text(Path::new("f"), b"[outer]\nx = \"\xff\"\n").unwrap_err();
        assert_eq!(
            problem.to_string(),
            "f:2: byte 14 is no UTF-8; save the file as UTF-8"
        );
    }
}
