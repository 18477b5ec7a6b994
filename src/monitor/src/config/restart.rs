//! What `[monitor.restart]`, and a service's own `restart = { … }`, may say.

use serde::Deserialize;

use super::bounds::{Between, Count, HOUR, SECOND};
use super::words::shown;

/// The most parts a restart command may have.
const MOST_ARGUMENTS: usize = 64;

/// The keys as written; what is absent is taken from the table one level up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(
    deny_unknown_fields,
    default,
    expecting = "a table such as { attempts = 3, timeout = \"60s\" }"
)]
pub struct Restart {
    pub(crate) command: Option<Command>,
    pub(crate) attempts: Option<Count<1, 100>>,
    pub(crate) every: Option<Between<10, HOUR>>,
    pub(crate) timeout: Option<Between<SECOND, HOUR>>,
    pub(crate) settle: Option<Between<0, HOUR>>,
    pub(crate) end_leftovers: Option<bool>,
}

impl Restart {
    /// These keys, and `below` for what they do not say.
    pub(crate) fn over(self, below: &Self) -> Self {
        Self {
            command: self.command.or_else(|| below.command.clone()),
            attempts: self.attempts.or(below.attempts),
            every: self.every.or(below.every),
            timeout: self.timeout.or(below.timeout),
            settle: self.settle.or(below.settle),
            end_leftovers: self.end_leftovers.or(below.end_leftovers),
        }
    }
}

/// A program and its arguments; `{service}` in an argument stands for the service's name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub(crate) struct Command(Vec<String>);

impl Command {
    pub(crate) fn parts(&self) -> &[String] {
        &self.0
    }
}

impl Default for Command {
    fn default() -> Self {
        Self(
            ["service", "{service}", "restart"]
                .map(str::to_owned)
                .into(),
        )
    }
}

impl TryFrom<Vec<String>> for Command {
    type Error = String;

    fn try_from(parts: Vec<String>) -> Result<Self, String> {
        let Some(program) = parts.first() else {
            return Err("the command is empty: name a program and its arguments".to_owned());
        };
        if parts.len() > MOST_ARGUMENTS {
            return Err(format!("the command has more than {MOST_ARGUMENTS} parts"));
        }
        if program.is_empty() || (program.contains('/') && !program.starts_with('/')) {
            return Err(format!(
                "the program `{}` must be a bare name or an absolute path",
                shown(program)
            ));
        }
        if program.contains(char::is_whitespace) && parts.len() == 1 {
            return Err(format!(
                "`{}` runs without a shell: write the program and each argument as a string of its own",
                shown(program)
            ));
        }
        for part in &parts {
            check_part(part)?;
        }
        if program.contains('{') {
            return Err("the program itself must not be a placeholder".to_owned());
        }
        Ok(Self(parts))
    }
}

/// Any brace but those of `{service}` is a placeholder that does not exist.
fn check_part(part: &str) -> Result<(), String> {
    if part.contains('\0') || part.len() > 4096 {
        return Err(format!(
            "`{}` cannot be an argument: it holds a NUL or is longer than 4096 bytes",
            shown(part)
        ));
    }
    let rest = part.replace("{service}", "");
    match rest.find(['{', '}']) {
        None => Ok(()),
        Some(at) => Err(format!(
            "`{}` is no placeholder: the only one is `{{service}}`",
            shown(rest.get(at..).unwrap_or_default())
        )),
    }
}
