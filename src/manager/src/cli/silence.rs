//! `vrwatch-manager silence …`: what is stored but not told for a while.

use clap::Subcommand;
use contract::{Timestamp, human};
use terminal::output;

use super::office::Office;
use super::table::{self, or_dash};
use super::{CommandError, Done};
use crate::api::rest::SilenceShown;
use crate::store::{LARGEST_PAGE, NewSilence, Page};

#[derive(Debug, Subcommand)]
pub(super) enum Commands {
    /// Begin a silence and print its number. Without router, zone and service: all is silent.
    ///
    /// What it names is stored and not told, but for the end of an outage that was told. When it is
    /// over what still goes on is told; what began and ended within it is told to nobody.
    Add(Add),
    /// List the silences that go on or are to come, and how many alerts they have withheld.
    List {
        /// Those that are over too, the last made first.
        #[arg(long)]
        all: bool,
    },
    /// End a silence now: what it withheld and still goes on is told.
    Remove {
        /// Its number.
        id: i64,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// Of this router.
    #[arg(long)]
    router: Option<String>,
    /// Of routers in the zone of this id.
    #[arg(long)]
    zone: Option<String>,
    /// About this service.
    #[arg(long)]
    service: Option<String>,
    /// For how long: 2h.
    #[arg(long = "for", value_name = "DURATION")]
    lasts: human::Duration,
    /// From when; without it from now.
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Why.
    #[arg(long)]
    reason: String,
}

pub(super) fn run(office: &Office, command: Commands) -> Result<Done, CommandError> {
    office.work(async |desk| {
        match command {
            Commands::Add(add) => {
                let starts = add.from.unwrap_or_else(Timestamp::now);
                let silence = NewSilence {
                    zone: add.zone,
                    router: add.router,
                    service: add.service,
                    starts,
                    ends: starts.saturating_add(add.lasts.0),
                    reason: add.reason,
                };
                let id = desk.store.add_silence(&desk.actor, &silence).await?;
                output::print(&format!("{id}\n"))?;
            }
            Commands::List { all } => {
                let rows = if all {
                    let most = Page {
                        limit: LARGEST_PAGE,
                        ..Page::default()
                    };
                    desk.store.silences(most).await?.rows
                } else {
                    desk.store.open_silences().await?
                };
                let rows: Vec<SilenceShown> = rows.into_iter().map(Into::into).collect();
                let header = [
                    "ID", "ZONE", "ROUTER", "SERVICE", "FROM", "UNTIL", "WITHHELD", "TOLD", "BY",
                    "WHY",
                ];
                table::show(desk.json, header, &rows, |row| {
                    [
                        row.id.to_string(),
                        or_dash(row.zone.as_deref()),
                        or_dash(row.router.as_deref()),
                        or_dash(row.service.as_deref()),
                        row.starts.to_string(),
                        row.ends.to_string(),
                        row.withheld.to_string(),
                        row.told_afterwards.to_string(),
                        row.created_by.clone(),
                        row.reason.clone(),
                    ]
                })?;
            }
            Commands::Remove { id } => {
                if !desk.store.end_silence(&desk.actor, id).await? {
                    return Err(CommandError::Usage(format!(
                        "there is no silence {id} that goes on"
                    )));
                }
            }
        }
        Ok(Done::Well)
    })
}
