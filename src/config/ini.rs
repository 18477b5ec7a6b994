//! Reads the INI dialect of Python's `ConfigParser`, which is what CloudStack's file is written
//! for, and remembers the line of everything. It decides nothing: doubtful lines are left out and
//! told.
//!
//! Source: docs.python.org, library/configparser (both the Python 2 and the Python 3 rules).

use std::collections::HashMap;
use std::path::Path;

use document::{List, Problem, shown};

/// Longer values, also after interpolation, are refused: nothing that is expected is as long.
const LONGEST_VALUE: usize = 4096;
/// How deep one value may refer to another. Source: `MAX_INTERPOLATION_DEPTH`.
const DEEPEST: usize = 10;
/// How many references one value may take: ten deep, a hundred times each, would never end.
const MOST_REFERENCES: usize = 100;

/// One section; several with the same name are one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Section {
    /// What stands in the brackets.
    pub(crate) name: String,
    /// The line of the first header.
    pub(crate) line: u32,
    /// Its keys in the order of the file, duplicates included.
    pub(crate) entries: Vec<Entry>,
}

/// One `key = value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The key in lower case.
    pub(crate) key: String,
    /// The value as written, with nothing interpolated.
    pub(crate) raw: String,
    /// Its line.
    pub(crate) line: u32,
    /// The first indented line that ConfigParser takes as more of this value.
    pub(crate) continued: Option<u32>,
}

/// What stands in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ini {
    /// All sections but `DEFAULT`, in the order of the file.
    pub(crate) sections: Vec<Section>,
    /// The keys of `[DEFAULT]`, which every section has unless it says otherwise.
    pub(crate) defaults: Vec<Entry>,
    /// The lines that say nothing, each told once.
    pub(crate) problems: List,
}

/// Where the keys of the coming lines belong.
#[derive(Clone, Copy)]
enum Place {
    BeforeAnySection,
    Section(usize),
    Defaults,
    /// Below a header that cannot be read: nobody knows whose the keys are.
    Nowhere(u32),
}

/// Reads a file; never fails, whatever the bytes are.
pub(crate) fn parse(file: &Path, bytes: &[u8]) -> Ini {
    let mut reader = Reader {
        file,
        ini: Ini::default(),
        place: Place::BeforeAnySection,
        in_entry: false,
        null_told: false,
        known: HashMap::new(),
    };
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
        reader.line(number, line);
    }
    reader.ini
}

struct Reader<'a> {
    file: &'a Path,
    ini: Ini,
    place: Place,
    /// Whether an indented line goes on with the last entry.
    in_entry: bool,
    /// Whether `null` before any section was told.
    null_told: bool,
    /// Where each section is.
    known: HashMap<String, usize>,
}

impl Reader<'_> {
    fn line(&mut self, number: u32, bytes: &[u8]) {
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        let Ok(line) = std::str::from_utf8(bytes) else {
            self.skip(number, "the line is no UTF-8", "remove it");
            return;
        };
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) || is_rem(trimmed) {
            return;
        }
        if trimmed
            .chars()
            .any(|letter| letter.is_control() && letter != '\t')
        {
            self.skip(
                number,
                "the line holds a NUL or another control character",
                "remove it",
            );
            return;
        }
        let indented = line.starts_with(char::is_whitespace);
        if indented && self.in_entry {
            if let Some(last) = self.entries().and_then(|entries| entries.last_mut()) {
                last.continued.get_or_insert(number);
            }
        } else if trimmed.starts_with('[') {
            self.header(number, trimmed);
        } else {
            self.entry(number, trimmed);
        }
    }

    fn header(&mut self, number: u32, line: &str) {
        self.in_entry = false;
        let Some((name, rest)) = line.get(1..).and_then(|inner| inner.split_once(']')) else {
            self.place = Place::Nowhere(number);
            self.tell(
                number,
                format!("the section `{}` has no closing bracket", shown(line)),
                "write it as [name]; it and the keys below it are passed over",
            );
            return;
        };
        let rest = rest.trim();
        if !rest.is_empty() && !rest.starts_with(['#', ';']) {
            self.tell(
                number,
                format!("`{}` after the section's name means nothing", shown(rest)),
                "remove it, or put it on a line of its own",
            );
        }
        if name == "DEFAULT" {
            self.place = Place::Defaults;
            return;
        }
        let index = self.known.get(name).copied().unwrap_or_else(|| {
            self.ini.sections.push(Section {
                name: name.to_owned(),
                line: number,
                entries: Vec::new(),
            });
            self.ini.sections.len() - 1
        });
        self.known.insert(name.to_owned(), index);
        self.place = Place::Section(index);
    }

    fn entry(&mut self, number: u32, line: &str) {
        self.in_entry = false;
        let parts = line
            .split_once(['=', ':'])
            .map(|(key, value)| (key.trim_end(), value.trim_start()))
            .filter(|(key, _)| !key.is_empty());
        match (self.place, parts) {
            (Place::BeforeAnySection, None) if line == "null" => {
                // One per column is left behind when the list of services is empty.
                if !std::mem::replace(&mut self.null_told, true) {
                    self.tell(
                        number,
                        "`null` is what CloudStack writes when it has no services to watch".into(),
                        "no service is read from such a line",
                    );
                }
            }
            (_, None) => self.skip(
                number,
                &format!("`{}` is no section, key or comment", shown(line)),
                "remove it",
            ),
            (Place::BeforeAnySection, Some((key, _))) => self.skip(
                number,
                &format!("`{}` stands before any section", shown(key)),
                "move it below the [section] it belongs to",
            ),
            (Place::Nowhere(header), Some((key, _))) => self.skip(
                number,
                &format!(
                    "`{}` stands below the section of line {header}, which cannot be read",
                    shown(key)
                ),
                "repair that line",
            ),
            (Place::Section(_) | Place::Defaults, Some((key, value))) => {
                let entry = Entry {
                    key: key.to_lowercase(),
                    raw: without_comment(value).to_owned(),
                    line: number,
                    continued: None,
                };
                self.in_entry = true;
                if let Some(entries) = self.entries() {
                    entries.push(entry);
                }
            }
        }
    }

    fn entries(&mut self) -> Option<&mut Vec<Entry>> {
        match self.place {
            Place::Section(index) => self
                .ini
                .sections
                .get_mut(index)
                .map(|section| &mut section.entries),
            Place::Defaults => Some(&mut self.ini.defaults),
            Place::BeforeAnySection | Place::Nowhere(_) => None,
        }
    }

    fn skip(&mut self, number: u32, message: &str, hint: &str) {
        // What follows indented must not end up in the entry before.
        self.in_entry = false;
        self.tell(number, format!("{message}; the line is passed over"), hint);
    }

    fn tell(&mut self, number: u32, message: String, hint: &str) {
        self.ini
            .problems
            .push(Problem::at(self.file, number, message).hint(hint));
    }
}

/// Python 2 takes a line that starts with the word `rem` as a comment.
fn is_rem(line: &str) -> bool {
    line.split_whitespace()
        .next()
        .is_some_and(|word| word.eq_ignore_ascii_case("rem"))
}

/// Python 2 ends a value at a `;` that follows a space; `""` is an empty value.
fn without_comment(value: &str) -> &str {
    let end = value
        .char_indices()
        .find(|(at, letter)| {
            *letter == ';'
                && value
                    .get(..*at)
                    .is_some_and(|before| before.ends_with(char::is_whitespace))
        })
        .map_or(value.len(), |(at, _)| at);
    let value = value.get(..end).unwrap_or(value).trim();
    if value == "\"\"" { "" } else { value }
}

impl Ini {
    /// The entry's value with `%%` and `%(key)s` replaced, keys looked up in `section` and then in
    /// `[DEFAULT]`.
    ///
    /// # Errors
    /// In words, when a `%` cannot be understood, or the value is too long or refers to itself.
    pub(crate) fn value(&self, section: &Section, entry: &Entry) -> Result<String, String> {
        let mut value = String::new();
        let mut left = MOST_REFERENCES;
        self.interpolate(section, &entry.raw, 1, &mut left, &mut value)?;
        Ok(value)
    }

    fn interpolate(
        &self,
        section: &Section,
        raw: &str,
        depth: usize,
        left: &mut usize,
        into: &mut String,
    ) -> Result<(), String> {
        if raw.len() > LONGEST_VALUE {
            return Err(too_long());
        }
        let mut rest = raw;
        while let Some((before, after)) = rest.split_once('%') {
            push(into, before)?;
            if let Some(after) = after.strip_prefix('%') {
                push(into, "%")?;
                rest = after;
                continue;
            }
            let (key, after) = after
                .strip_prefix('(')
                .and_then(|inner| inner.split_once(")s"))
                .filter(|(key, _)| !key.contains(')'))
                .ok_or_else(|| "a single % means a reference; write %% for the sign".to_owned())?;
            let wanted = key.trim().to_lowercase();
            // The last line wins, as ConfigParser has it.
            let referred = section
                .entries
                .iter()
                .rfind(|entry| entry.key == wanted)
                .or_else(|| self.defaults.iter().rfind(|entry| entry.key == wanted))
                .ok_or_else(|| format!("it refers to `{}`, which is not there", shown(key)))?;
            if depth == DEEPEST || *left == 0 {
                return Err("it refers to itself, or to too much".to_owned());
            }
            *left -= 1;
            self.interpolate(section, &referred.raw, depth + 1, left, into)?;
            rest = after;
        }
        push(into, rest)
    }
}

fn push(into: &mut String, text: &str) -> Result<(), String> {
    if into.len() + text.len() > LONGEST_VALUE {
        return Err(too_long());
    }
    into.push_str(text);
    Ok(())
}

fn too_long() -> String {
    format!("it is longer than {LONGEST_VALUE} bytes")
}

#[cfg(test)]
mod tests;
