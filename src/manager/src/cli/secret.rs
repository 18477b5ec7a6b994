//! Asks for a password on the terminal, which does not show it meanwhile.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::CommandError;

/// Of whoever runs the command, wherever stdin and stdout go.
const TERMINAL: &str = "/dev/tty";
/// The longest line that is read, in bytes.
const LONGEST: u64 = 2048;

/// Asks for a new password, twice.
///
/// # Errors
/// Without a terminal, and when the two differ.
pub(super) fn ask_twice() -> Result<String, CommandError> {
    let mut terminal = Silent::open()?;
    let first = terminal.ask("New password: ")?;
    let again = terminal.ask("The same again: ")?;
    if first == again {
        Ok(first)
    } else {
        Err(CommandError::Usage("the two are not the same".to_owned()))
    }
}

/// A terminal that does not show what is typed, until it is dropped.
struct Silent {
    terminal: BufReader<File>,
    before: Termios,
}

impl Silent {
    fn open() -> Result<Self, CommandError> {
        let open = || -> std::io::Result<Self> {
            let terminal = OpenOptions::new().read(true).write(true).open(TERMINAL)?;
            let before = tcgetattr(&terminal)?;
            let mut silent = before.clone();
            silent.local_modes.remove(LocalModes::ECHO);
            silent.local_modes.insert(LocalModes::ECHONL);
            tcsetattr(&terminal, OptionalActions::Flush, &silent)?;
            let terminal = BufReader::new(terminal);
            Ok(Self { terminal, before })
        };
        open().map_err(|error| {
            CommandError::Usage(format!(
                "there is no terminal to ask on ({error}): say --password-stdin, or --one-time"
            ))
        })
    }

    fn ask(&mut self, question: &str) -> Result<String, CommandError> {
        let mut ask = || -> std::io::Result<String> {
            self.terminal.get_mut().write_all(question.as_bytes())?;
            let mut line = String::new();
            (&mut self.terminal).take(LONGEST).read_line(&mut line)?;
            Ok(line.trim_end_matches(['\r', '\n']).to_owned())
        };
        ask().map_err(|error| CommandError::Usage(format!("the password: {error}")))
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        let _ = tcsetattr(
            self.terminal.get_ref(),
            OptionalActions::Flush,
            &self.before,
        );
    }
}
