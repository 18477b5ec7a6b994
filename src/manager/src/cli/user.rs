//! `vrwatch-manager user …`: who may log in.

use std::io::Read as _;

use clap::{Subcommand, ValueEnum};
use serde::Serialize;
use terminal::output;

use super::office::Office;
use super::secret;
use super::table::{self, if_so};
use super::{CommandError, Done};
use crate::api::access::{Kept, PasswordError, Passwords, Role, made_up};

/// The longest password that is read, in bytes, and some more to see that it is too long.
const LONGEST: u64 = 2048;

#[derive(Debug, Subcommand)]
pub(super) enum Commands {
    /// Add a user. Without --password-stdin a password is made up and printed, this once; it must be
    /// changed before the first log-in.
    Add {
        /// The user's name.
        name: String,
        /// What the user may do.
        #[arg(long, value_enum, default_value_t = May::Admin)]
        role: May,
        /// Read the password from stdin.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Give a user another password, asked for on the terminal; all sessions of the user end.
    Password {
        /// The user's name.
        name: String,
        /// Read the password from stdin.
        #[arg(long, conflicts_with = "one_time")]
        password_stdin: bool,
        /// Make one up and print it, this once; it must be changed before the first log-in.
        #[arg(long)]
        one_time: bool,
    },
    /// List the users.
    List,
    /// Remove a user; all sessions of the user end.
    Remove {
        /// The user's name.
        name: String,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum May {
    /// Look at everything.
    Reader,
    /// Change everything.
    Admin,
}

#[derive(Serialize)]
struct Row {
    name: String,
    role: String,
    must_change: bool,
}

pub(super) fn run(office: &Office, command: Commands) -> Result<Done, CommandError> {
    office.work(async |desk| {
        match command {
            Commands::Add {
                name,
                role,
                password_stdin,
            } => {
                let role = match role {
                    May::Reader => Role::Reader,
                    May::Admin => Role::Admin,
                };
                let from = if password_stdin {
                    From::Stdin
                } else {
                    From::Chance
                };
                let (kept, made) = password(from).await?;
                let hash = kept.written();
                let store = &desk.store;
                store
                    .add_user(&desk.actor, &name, &hash, role.name())
                    .await?;
                tell(made)?;
            }
            Commands::Password {
                name,
                password_stdin,
                one_time,
            } => {
                if desk.store.user(&name).await?.is_none() {
                    return Err(nobody(&name));
                }
                let from = match (password_stdin, one_time) {
                    (true, _) => From::Stdin,
                    (false, true) => From::Chance,
                    (false, false) => From::Terminal,
                };
                let (kept, made) = password(from).await?;
                let hash = kept.written();
                if !desk.store.set_password(&desk.actor, &name, &hash).await? {
                    return Err(nobody(&name));
                }
                tell(made)?;
            }
            Commands::List => {
                let users = desk.store.users().await?.into_iter();
                let rows: Vec<Row> = users
                    .map(|user| Row {
                        must_change: Kept::read(&user.password_hash).once,
                        name: user.name,
                        role: user.role,
                    })
                    .collect();
                table::show(desk.json, ["USER", "ROLE", "PASSWORD"], &rows, |row| {
                    [
                        row.name.clone(),
                        row.role.clone(),
                        if_so(row.must_change, "must be changed"),
                    ]
                })?;
            }
            Commands::Remove { name } => {
                let users = desk.store.users().await?;
                let mut admins = users.iter().filter(|user| user.role == Role::Admin.name());
                if admins.clone().any(|user| user.name == name)
                    && admins.all(|user| user.name == name)
                {
                    return Err(CommandError::Usage(format!(
                        "{name} is the last admin: nobody else could change anything; add another first"
                    )));
                }
                if !desk.store.remove_user(&desk.actor, &name).await? {
                    return Err(nobody(&name));
                }
            }
        }
        Ok(Done::Well)
    })
}

fn nobody(name: &str) -> CommandError {
    CommandError::Usage(format!("there is no user {name}"))
}

/// Where a password comes from.
#[derive(Clone, Copy)]
enum From {
    Stdin,
    Terminal,
    /// It is made up, and lets in once.
    Chance,
}

/// The password, and its text when it was made up here.
async fn password(from: From) -> Result<(Kept, Option<String>), CommandError> {
    let wrong = |error: PasswordError| match error {
        PasswordError::Short | PasswordError::Long => CommandError::Usage(error.to_string()),
        PasswordError::Busy | PasswordError::Broken(_) => CommandError::Failed(error.to_string()),
    };
    let text = match from {
        From::Chance => None,
        From::Stdin => Some(from_stdin()?),
        From::Terminal => Some(secret::ask_twice()?),
    };
    let passwords = Passwords::new().await.map_err(wrong)?;
    let Some(text) = text else {
        let made = made_up().map_err(wrong)?;
        let kept = passwords.hash(made.clone(), true).await.map_err(wrong)?;
        return Ok((kept, Some(made)));
    };
    let kept = passwords.hash(text, false).await.map_err(wrong)?;
    Ok((kept, None))
}

fn from_stdin() -> Result<String, CommandError> {
    let mut text = String::new();
    std::io::stdin()
        .take(LONGEST)
        .read_to_string(&mut text)
        .map_err(|error| CommandError::Usage(format!("the password on stdin: {error}")))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn tell(made: Option<String>) -> Result<(), CommandError> {
    if let Some(password) = made {
        output::print(&format!("{password}\n"))?;
    }
    Ok(())
}
