//! CloudStack's `/etc/monitor.conf`: which services it names, and what about it is doubtful.
//!
//! CloudStack up to 4.5 writes the file anew. From 4.6 on it only *adds* lines, at the end, and
//! only lines that are nowhere in the file yet. So a line that two services share stands under the
//! first of them alone, a changed line ends up under whichever section is last, and nothing is ever
//! removed. What follows from that:
//!
//! - a key that is there twice with one value is harmless;
//! - of several pid files in one section, the one whose file name is the section's process name
//!   (`haproxy.pid`, `haproxy-2.pid`) is taken if it is the only such; otherwise the section is
//!   not watched;
//! - a pid file that does not bear the name of its own section's process, but that of another's, is
//!   probably the newer pid file of that one: neither is watched without another reason;
//! - of several process names the first is taken, and only if the pid file bears its name;
//! - of several service names, the one that resembles the process name, if it is the only such;
//! - a process or service name below the pid file was probably added for another section: it is
//!   taken only if it bears the pid file's name, or resembles the process name;
//! - a missing service name is the process name; a missing process or pid file: not watched.
//!
//! Watching the wrong file would restart a healthy service for ever, so in doubt nothing is done,
//! and said. A `[[service]]` of the same name in `vrwatch.toml` settles any of it.

mod decide;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use document::{List, Problem, nearest, shown};
use monitor::config::{Argument, MOST_SERVICES, Name, PidFile, ProcessName};

use self::decide::Strays;
use super::ini::{self, Entry, Ini, Section};

const PROCESS: &str = "processname";
const SERVICE: &str = "servicename";
const PID_FILE: &str = "pidfile";
const KEYS: [&str; 3] = [PROCESS, SERVICE, PID_FILE];

/// What CloudStack writes for a column that is empty.
const NOTHING: &str = "null";

/// As many parts of a pid file's name are looked at; a name of thousands of dots is no name.
const MOST_NAMES: usize = 16;

const SETTLE: &str = "write a [[service]] of that name in vrwatch.toml to settle it";

/// A service that the file names without doubt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) name: Name,
    pub(crate) process: ProcessName,
    pub(crate) pid_file: PidFile,
    pub(crate) argument: Argument,
    /// The line of its section.
    pub(crate) line: u32,
}

/// What the file says.
#[derive(Debug, Default)]
pub(crate) struct Read {
    /// What it names without doubt; names and pid files are unique.
    pub(crate) services: Vec<Listed>,
    /// The settled services that it names too, with their lines.
    pub(crate) overridden: Vec<(String, u32)>,
    /// What is doubtful about the rest.
    pub(crate) problems: List,
}

/// A value with its line.
#[derive(Clone, Debug)]
struct Value {
    text: String,
    line: u32,
}

/// What one section says, each value once.
struct Said<'a> {
    section: &'a Section,
    processes: Vec<Value>,
    services: Vec<Value>,
    pid_files: Vec<Value>,
    /// Something in it could not be read; it was told.
    broken: bool,
}

/// Reads the file's bytes. `settled` names the services that `vrwatch.toml` describes: nothing is
/// said about them here.
pub(crate) fn read(file: &Path, bytes: &[u8], settled: &HashSet<String>) -> Read {
    let mut ini = ini::parse(file, bytes);
    let mut reader = Reader {
        file,
        problems: std::mem::take(&mut ini.problems),
    };
    let said: Vec<Said<'_>> = ini
        .sections
        .iter()
        .map(|section| reader.gather(&ini, section, settled.contains(&section.name)))
        .collect();
    let strays = Strays::find(&said);
    let mut listed = Vec::new();
    let mut overridden = Vec::new();
    let mut pid_files: HashMap<PathBuf, Name> = HashMap::new();
    for said in said {
        if settled.contains(&said.section.name) {
            overridden.push((said.section.name.clone(), said.section.line));
            continue;
        }
        let Some(service) = reader.decide(&said, &strays) else {
            continue;
        };
        if let Some(first) = pid_files.get(&service.pid_file.same_file_key()) {
            let message = format!(
                "[{}] has the pid file of [{}], so it is not watched",
                service.name.as_str(),
                first.as_str()
            );
            reader.tell(said.section.line, PID_FILE, message, SETTLE);
        } else if listed.len() == MOST_SERVICES {
            let message = format!("more than {MOST_SERVICES} services; the rest is not watched");
            reader.tell(said.section.line, "", message, "remove some");
            break;
        } else {
            pid_files.insert(service.pid_file.same_file_key(), service.name.clone());
            listed.push(service);
        }
    }
    Read {
        services: listed,
        overridden,
        problems: reader.problems,
    }
}

struct Reader<'a> {
    file: &'a Path,
    problems: List,
}

impl Reader<'_> {
    fn tell(&mut self, line: u32, key: &str, message: impl Into<String>, hint: &str) {
        let problem = Problem::at(self.file, line, message).hint(hint);
        self.problems.push(if key.is_empty() {
            problem
        } else {
            problem.key(key)
        });
    }

    /// Collects what a section says, defaults included, each value once. About a settled section
    /// nothing is told.
    fn gather<'a>(&mut self, ini: &'a Ini, section: &'a Section, settled: bool) -> Said<'a> {
        let mut said = Said {
            section,
            processes: Vec::new(),
            services: Vec::new(),
            pid_files: Vec::new(),
            broken: false,
        };
        let inherited = ini.defaults.iter().filter(|default| {
            KEYS.contains(&default.key.as_str())
                && section.entries.iter().all(|entry| entry.key != default.key)
        });
        for entry in section.entries.iter().chain(inherited) {
            let value = self.value(ini, section, entry, settled);
            let values = match entry.key.as_str() {
                PROCESS => &mut said.processes,
                SERVICE => &mut said.services,
                PID_FILE => &mut said.pid_files,
                _ => continue,
            };
            match value {
                None => said.broken = true,
                Some(text) if text.is_empty() || text == NOTHING => {}
                Some(text) => {
                    if !values
                        .iter()
                        .any(|known| same(&entry.key, &known.text, &text))
                    {
                        values.push(Value {
                            text,
                            line: entry.line,
                        });
                    }
                }
            }
        }
        said
    }

    /// The value of an entry; `None` when it cannot be trusted, which is told.
    fn value(
        &mut self,
        ini: &Ini,
        section: &Section,
        entry: &Entry,
        settled: bool,
    ) -> Option<String> {
        if !KEYS.contains(&entry.key.as_str()) {
            let hint = match nearest(&entry.key, KEYS) {
                Some(key) => format!("did you mean `{key}`?"),
                None => "remove it".to_owned(),
            };
            let message = format!(
                "`{}` is no key of a service; passed over",
                shown(&entry.key)
            );
            self.tell(entry.line, "", message, &hint);
            return None;
        }
        let problem = if let Some(more) = entry.continued {
            Some(format!(
                "line {more} is indented, so it goes on with this value"
            ))
        } else if entry.raw.ends_with(']') && entry.raw.contains('[') {
            Some("a line break seems to be missing before the `[`".to_owned())
        } else {
            None
        };
        let value = match problem {
            None => ini.value(section, entry),
            Some(problem) => Err(problem),
        };
        match value {
            Ok(value) => Some(value),
            Err(_) if settled => None,
            Err(problem) => {
                let message = format!("{problem}; [{}] is not watched", shown(&section.name));
                self.tell(entry.line, &entry.key, message, "repair the line");
                None
            }
        }
    }
}

/// Whether two values of a key mean the same.
fn same(key: &str, left: &str, right: &str) -> bool {
    let file = |text: &str| {
        PidFile::try_from(text.to_owned())
            .ok()
            .map(|path| path.same_file_key())
    };
    left == right || (key == PID_FILE && file(left).is_some() && file(left) == file(right))
}

/// Whether the pid file is named after the process: `haproxy.pid`, `haproxy-2.pid`.
fn bears_name(pid_file: &str, process: &str) -> bool {
    names_borne(pid_file).any(|name| name == base(process))
}

/// The process names that a pid file can be named after: `haproxy-2` and `haproxy` for
/// `/run/haproxy-2.pid`.
fn names_borne(pid_file: &str) -> impl Iterator<Item = &str> {
    let name = base(pid_file);
    let stem = name.strip_suffix(".pid").unwrap_or(name);
    stem.char_indices()
        .filter(|(_, letter)| !letter.is_alphanumeric())
        .filter_map(|(at, _)| stem.get(..at))
        .take(MOST_NAMES)
        .chain(std::iter::once(stem))
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests;
