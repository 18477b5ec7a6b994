//! `vrwatch-manager import`: shows what an import would change, and changes it with `--yes`.

use std::path::{Path, PathBuf};

use sinks::cloudstack::{Api, Written};
use sinks::file;
use terminal::output;

use super::office::{Desk, Office};
use super::{CommandError, Done};
use crate::plan::changes::changes;
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
    /// Remove what the same source brought earlier and has no more.
    #[arg(long)]
    prune: bool,
}

pub(super) fn run(office: &Office, arguments: Arguments) -> Result<Done, CommandError> {
    office.work(async |desk| import(desk, arguments).await)
}

async fn import(desk: Desk, arguments: Arguments) -> Result<Done, CommandError> {
    let stored = desk.store.inventory().await?;
    let found = match (&arguments.file, &arguments.cloudstack) {
        (Some(file), _) => read_file(file, &stored)?,
        (None, Some(url)) => live(url, &arguments).await?,
        (None, None) => return Err(CommandError::Usage("name a file".to_owned())),
    };
    for warning in &found.warnings {
        tracing::warn!("{warning}");
    }
    let wanted = changes(&stored, &found.inventory, &found.scope(arguments.prune));
    if wanted.is_empty() {
        output::print("nothing to change\n")?;
        return Ok(Done::Well);
    }
    for difference in &wanted {
        output::print(&format!("{difference}\n"))?;
    }
    let count = wanted.len();
    let changes_are = if count == 1 { "change" } else { "changes" };
    if !arguments.yes {
        output::print(&format!(
            "{count} {changes_are} to make; nothing is changed yet: say --yes\n"
        ))?;
        return Ok(Done::Well);
    }
    let wanted: Vec<_> = wanted
        .into_iter()
        .map(|difference| difference.change)
        .collect();
    desk.store.apply(&desk.actor, &wanted).await?;
    output::print(&format!("{count} {changes_are} made\n"))?;
    Ok(Done::Well)
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
        secret_key_file: secret_key.clone(),
        timeout: None,
        ca_file: arguments.ca_file.clone(),
        proxy: None,
    })
    .map_err(|error| CommandError::Usage(error.to_string()))?;
    cloudstack::read(&api)
        .await
        .map_err(|error| CommandError::Failed(error.to_string()))
}

fn key(path: &Path) -> Result<String, CommandError> {
    let wrong = |what: String| CommandError::Usage(format!("--api-key-file: {what}"));
    let bytes = file::read_secret(path, LONGEST_KEY).map_err(|error| wrong(error.to_string()))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| wrong("it holds no text".to_owned()))?;
    Ok(text.trim().to_owned())
}
