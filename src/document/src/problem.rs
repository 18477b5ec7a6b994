//! What is wrong with a configuration, and where: file, line, key, what it is and what to do. One
//! shape for mistakes and warnings, whichever file they are in.

use std::fmt;
use std::path::{Path, PathBuf};

/// More than this many problems help nobody; the rest is counted.
const MOST_PROBLEMS: usize = 50;

/// One mistake or doubt. Prints as `FILE:LINE: KEY: what; what to do`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file it is in.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: Option<u32>,
    /// The key, with its tables: `monitor.restart.every`.
    pub key: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Why a configuration cannot be used: at least one problem.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Problems(pub Vec<Problem>);

impl Problem {
    /// A problem with the file as a whole.
    pub fn of_file(file: &Path, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line: None,
            key: None,
            message: message.into(),
            hint: None,
        }
    }

    /// A problem on a line.
    pub fn at(file: &Path, line: u32, message: impl Into<String>) -> Self {
        Self {
            line: Some(line),
            ..Self::of_file(file, message)
        }
    }

    /// The same problem, with the key it is about.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// The same problem, with what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:", printable(&self.file.to_string_lossy()))?;
        if let Some(line) = self.line {
            write!(formatter, "{line}:")?;
        }
        if let Some(key) = &self.key {
            write!(formatter, " {}:", printable(key))?;
        }
        write!(formatter, " {}", self.message)?;
        if let Some(hint) = &self.hint {
            write!(formatter, "; {hint}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(formatter)?;
            }
            write!(formatter, "{problem}")?;
        }
        Ok(())
    }
}

/// Problems as they are found; keeps the first fifty and counts the others, so that a file full of
/// rubbish fills neither the memory nor the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    kept: Vec<Problem>,
    more: usize,
}

impl List {
    /// Adds one.
    pub fn push(&mut self, problem: Problem) {
        if self.kept.len() < MOST_PROBLEMS {
            self.kept.push(problem);
        } else {
            self.more += 1;
        }
    }

    /// Adds all of another list.
    pub fn append(&mut self, other: Self) {
        for problem in other.kept {
            self.push(problem);
        }
        self.more += other.more;
    }

    /// Whether further problems are only counted.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.kept.len() == MOST_PROBLEMS
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// The problems, and one that counts those not kept.
    #[must_use]
    pub fn into_vec(mut self) -> Vec<Problem> {
        if self.more > 0
            && let Some(last) = self.kept.last()
        {
            let count = format!("and {} more problems", self.more);
            self.kept.push(Problem::of_file(&last.file, count));
        }
        self.kept
    }
}

/// Text out of a file, cut to 60 characters and without control and other hidden characters, so
/// that it can be shown in a message.
#[must_use]
pub fn shown(text: &str) -> String {
    let mut short = printable(&text.chars().take(60).collect::<String>());
    if text.chars().nth(60).is_some() {
        short.push('…');
    }
    short
}

fn printable(text: &str) -> String {
    text.chars()
        .map(|letter| {
            if contract::clean::is_hidden(letter) {
                '?'
            } else {
                letter
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_names_file_line_key_what_and_what_to_do() {
        let problem = Problem::at(Path::new("/etc/x.toml"), 7, "`0s` is too short")
            .key("monitor.hold_off")
            .hint("use 1s to 30d");
        assert_eq!(
            problem.to_string(),
            "/etc/x.toml:7: monitor.hold_off: `0s` is too short; use 1s to 30d"
        );
        assert_eq!(
            Problem::of_file(Path::new("/etc/x.toml"), "is a directory").to_string(),
            "/etc/x.toml: is a directory"
        );
    }

    #[test]
    fn a_million_problems_are_cut_to_fifty_and_a_count() {
        let mut list = List::default();
        for _ in 0..1_000_000 {
            list.push(Problem::of_file(Path::new("/x"), "bad"));
        }
        let mut both = list.clone();
        both.append(list);
        let cut = both.into_vec();
        assert_eq!(cut.len(), 51);
        assert_eq!(cut[50].to_string(), "/x: and 1999950 more problems");
    }
}
