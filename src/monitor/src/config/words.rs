//! Names and paths that are known to be sound: what is held in one of these types has been
//! checked, and says in plain words what was wrong when it has not.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The longest service name, in bytes.
const LONGEST_NAME: usize = 64;
/// The longest process name or argument, in bytes. Source: `varchar(255)` in `CloudStack`'s table.
const LONGEST_WORD: usize = 255;
/// The longest path, in bytes. Source: `PATH_MAX`, limits.h(0p), less the final NUL.
const LONGEST_PATH: usize = 4095;

/// What a service is called in events, commands and files.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Name(String);

/// What the service's process is called, as `pidof` takes it: a bare name or an absolute path.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ProcessName(String);

/// Where the service keeps its process id.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PidFile(PathBuf);

/// What the restart command calls the service.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Argument(String);

/// A path that does not depend on where the daemon was started.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct AbsolutePath(PathBuf);

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let fits = |letter: char| letter.is_ascii_alphanumeric() || "._@-".contains(letter);
        if text.is_empty() || text.len() > LONGEST_NAME || !text.chars().all(fits) {
            return Err(format!(
                "`{}` is no service name: use 1 to {LONGEST_NAME} of A-Z a-z 0-9 . _ @ -",
                shown(&text)
            ));
        }
        Ok(Self(text))
    }
}

impl TryFrom<String> for ProcessName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let problem = if text.is_empty() {
            "it is empty"
        } else if text.len() > LONGEST_WORD {
            "it is longer than 255 bytes"
        } else if text.chars().any(char::is_control) {
            "it holds control characters"
        } else if text.contains('/') && (!text.starts_with('/') || text.ends_with('/')) {
            "a path to a program must be absolute"
        } else {
            return Ok(Self(text));
        };
        Err(format!("`{}` is no process name: {problem}", shown(&text)))
    }
}

impl TryFrom<String> for PidFile {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.ends_with('/') {
            return Err(format!("`{}` is a folder, not a pid file", shown(&text)));
        }
        absolute(text).map(Self)
    }
}

impl TryFrom<String> for Argument {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let problem = if text.is_empty() {
            "it is empty"
        } else if text.len() > LONGEST_WORD {
            "it is longer than 255 bytes"
        } else if text.starts_with('-') {
            "it would be taken for an option"
        } else if text
            .chars()
            .any(|letter| letter.is_control() || letter.is_whitespace() || letter == '/')
        {
            "it must not hold spaces, slashes or control characters"
        } else {
            return Ok(Self(text));
        };
        Err(format!(
            "`{}` cannot be given to the restart command: {problem}",
            shown(&text)
        ))
    }
}

impl TryFrom<String> for AbsolutePath {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        absolute(text).map(Self)
    }
}

fn absolute(text: String) -> Result<PathBuf, String> {
    if text.chars().any(char::is_control) {
        return Err(format!("`{}` holds control characters", shown(&text)));
    }
    if text.len() > LONGEST_PATH {
        return Err(format!("`{}` is longer than a path can be", shown(&text)));
    }
    if !text.starts_with('/') {
        return Err(format!(
            "`{}` is not absolute: write the whole path, from /",
            shown(&text)
        ));
    }
    Ok(PathBuf::from(text))
}

impl Name {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ProcessName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last part of the path, or all of a bare name.
    #[must_use]
    pub fn base(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }
}

impl PidFile {
    /// The path as written.
    #[must_use]
    pub fn as_path(&self) -> &Path {
        &self.0
    }

    /// The path in the form in which two spellings of one file are equal: `/var/run` is `/run`,
    /// and `.` and empty parts mean nothing. Decided by the text alone.
    #[must_use]
    pub fn same_file_key(&self) -> PathBuf {
        // `components` drops `//` and `/./`.
        let plain: PathBuf = self.0.components().collect();
        match plain.strip_prefix("/var/run") {
            Ok(rest) => Path::new("/run").join(rest),
            Err(_) => plain,
        }
    }
}

impl Argument {
    /// The argument as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AbsolutePath {
    /// A path that the program itself knows.
    pub(crate) fn fixed(path: PathBuf) -> Self {
        Self(path)
    }

    /// The path.
    #[must_use]
    pub fn as_path(&self) -> &Path {
        &self.0
    }
}

/// What was written, cut to a length that fits a message, and without control characters.
pub(crate) fn shown(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(60)
        .map(|letter| if letter.is_control() { '?' } else { letter })
        .collect();
    if text.chars().nth(60).is_some() {
        shown.push('…');
    }
    shown
}
