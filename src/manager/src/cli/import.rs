//! `vrwatch-manager import`: shows what an import would change, and changes it with `--yes`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf, absolute};

use contract::clean;
use serde::Serialize;
use sinks::cloudstack::{Api, Written};
use sinks::file;
use terminal::output;

use super::office::{Desk, Office};
use super::{CommandError, Done};
use crate::plan::changes::{Difference, changes};
use crate::routers::import::{Found, cloudstack, read_file};

/// The longest file with an API key, in bytes.
const LONGEST_KEY: u64 = 4096;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The inventory: a file that ends in .toml or .json.
    #[arg(required_unless_present = "cloudstack", conflicts_with = "cloudstack")]
    file: Option<PathBuf>,
    /// CloudStack's API instead of a file: <https://cloud.example/client/api>.
    #[arg(
        long,
        value_name = "URL",
        requires = "api_key_file",
        requires = "secret_key_file"
    )]
    cloudstack: Option<String>,
    /// The file with the API key of a root administrator, mode 0600.
    #[arg(long, value_name = "FILE")]
    api_key_file: Option<PathBuf>,
    /// The file with its secret key, mode 0600.
    #[arg(long, value_name = "FILE")]
    secret_key_file: Option<PathBuf>,
    /// PEM with the authorities that may vouch for CloudStack; without it the system's.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Make the changes; without it they are only shown.
    #[arg(long)]
    yes: bool,
    /// Remove what the same source brought earlier and has no more: routers with their keys.
    #[arg(long)]
    prune: bool,
    /// What a file's source is called; without it its whole path.
    #[arg(long, value_name = "NAME", conflicts_with = "cloudstack")]
    source: Option<String>,
}

/// A change as `--json` shows it.
#[derive(Serialize)]
struct Shown {
    words: String,
    /// Whether something is removed by it.
    removes: bool,
    /// Whether it is made, not only shown.
    made: bool,
}

pub(super) fn run(office: &Office, arguments: Arguments) -> Result<Done, CommandError> {
    office.work(async |desk| import(desk, arguments).await)
}

async fn import(desk: Desk, arguments: Arguments) -> Result<Done, CommandError> {
    let stored = desk.store.inventory().await?;
    let mut found = match (&arguments.file, &arguments.cloudstack) {
        (Some(file), _) => read_file(file, &stored)?,
        (None, Some(url)) => live(url, &arguments).await?,
        (None, None) => return Err(CommandError::Usage("name a file".to_owned())),
    };
    if let Some(name) = &arguments.source {
        found.source = format!("file {name}");
    }
    for warning in &found.warnings {
        tracing::warn!("{warning}");
    }
    for words in &found.left_out {
        tracing::warn!("{words}");
    }
    // What could be used is imported all the same; the exit code tells that it is not all.
    let done = match found.left_out.len() {
        0 => Done::Well,
        count => {
            let kept = if arguments.prune {
                ", and nothing is removed by a list with holes"
            } else {
                ""
            };
            tracing::warn!("{count} left out{kept}");
            Done::Badly
        }
    };
    let wanted = changes(&stored, &found.inventory, &found.scope(arguments.prune));
    let made: Vec<_> = wanted.iter().map(|it| it.change.clone()).collect();
    if arguments.yes && !made.is_empty() {
        desk.store.apply(&desk.actor, &made).await?;
    }
    if desk.json {
        for difference in &wanted {
            output::print_json(&Shown {
                words: difference.to_string(),
                removes: difference.removes(),
                made: arguments.yes,
            })?;
        }
    } else {
        output::print(&told(&wanted, &found.source, arguments.yes))?;
    }
    Ok(done)
}

/// All changes for people: what is removed last, where it is seen, and what only has another source
/// now in one line for all.
fn told(wanted: &[Difference], source: &str, made: bool) -> String {
    if wanted.is_empty() {
        return "nothing to change\n".to_owned();
    }
    let mut text = String::new();
    let mut moved: BTreeMap<&str, usize> = BTreeMap::new();
    let mut count = 0;
    for difference in wanted.iter().filter(|it| !it.removes()) {
        if let Some(before) = &difference.brought_before_by {
            *moved.entry(before).or_default() += 1;
        } else {
            count += 1;
            let _ = writeln!(text, "{difference}");
        }
    }
    for (before, count) in moved {
        let line = format!("{count} as before, but from {source} now and no more from {before}");
        let _ = writeln!(text, "{}", clean::line(&line));
    }
    let removed: Vec<_> = wanted.iter().filter(|it| it.removes()).collect();
    count += removed.len();
    if !removed.is_empty() {
        let are = if made { "were" } else { "would be" };
        let _ = writeln!(
            text,
            "\nREMOVED {are} {}, routers with their keys:",
            removed.len()
        );
        for difference in removed {
            let _ = writeln!(text, "  {difference}");
        }
        text.push('\n');
    }
    let changes_are = if count == 1 { "change" } else { "changes" };
    let rest = if made {
        "made\n"
    } else {
        "to make; nothing is changed yet: say --yes\n"
    };
    let _ = write!(text, "{count} {changes_are} {rest}");
    text
}

async fn live(url: &str, arguments: &Arguments) -> Result<Found, CommandError> {
    let (Some(api_key), Some(secret_key)) = (&arguments.api_key_file, &arguments.secret_key_file)
    else {
        return Err(CommandError::Usage(
            "give --api-key-file and --secret-key-file".to_owned(),
        ));
    };
    let api = Api::try_from(Written {
        url: url.to_owned(),
        api_key: key(api_key)?,
        secret_key_file: whole(secret_key)?,
        timeout: None,
        ca_file: arguments.ca_file.as_deref().map(whole).transpose()?,
        proxy: None,
    })
    .map_err(|error| CommandError::Usage(error.to_string()))?;
    cloudstack::read(&api)
        .await
        .map_err(|error| CommandError::Failed(error.to_string()))
}

/// On the command line a path may be relative.
fn whole(path: &Path) -> Result<PathBuf, CommandError> {
    absolute(path).map_err(|error| CommandError::Usage(format!("{}: {error}", path.display())))
}

fn key(path: &Path) -> Result<String, CommandError> {
    let wrong = |what: String| CommandError::Usage(format!("--api-key-file: {what}"));
    let bytes = file::read_secret(path, LONGEST_KEY).map_err(|error| wrong(error.to_string()))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| wrong("it holds no text".to_owned()))?;
    Ok(text.trim().to_owned())
}
