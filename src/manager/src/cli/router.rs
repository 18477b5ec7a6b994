//! `vrwatch-manager router …`: the routers that are known, and their keys.

use clap::Subcommand;
use serde::Serialize;
use terminal::output;

use super::office::{Desk, Office};
use super::table::{self, or_dash};
use super::{CommandError, Done, by_hand};
use crate::plan::inventory::{Change, Router};
use crate::routers::ssh::known_hosts;
use crate::store::RouterState;

#[derive(Debug, Subcommand)]
pub(super) enum Commands {
    /// Add a router and print its key, this once.
    Add(by_hand::Add),
    /// Change what is known of a router: where it is reached, what it serves.
    Set(by_hand::Set),
    /// List all routers.
    List,
    /// Remove a router. Its keys end; its alerts stay until they are old.
    Remove {
        /// The router's name.
        name: String,
    },
    /// Print a new key for a router, this once. Older ones stay valid until they are retired.
    Key {
        /// The router's name.
        name: String,
        /// End the older keys at once.
        #[arg(long)]
        retire_old: bool,
    },
    /// Forget the host key of a router, or of a host, that was made anew. What it shows at the next
    /// visit counts from then on, unless `ssh.first_contact` wants it known before.
    ForgetHostKey {
        /// The router's name, or the host's address.
        name: String,
    },
}

#[derive(Serialize)]
struct Key {
    name: String,
    key: String,
}

pub(super) fn run(office: &Office, command: Commands) -> Result<Done, CommandError> {
    office.work(async |desk| match command {
        Commands::Add(arguments) => by_hand::add(desk, arguments).await,
        Commands::Set(arguments) => by_hand::set(desk, arguments).await,
        Commands::List => list(desk).await,
        Commands::Remove { name } => remove(desk, name).await,
        Commands::Key { name, retire_old } => key(desk, name, retire_old).await,
        Commands::ForgetHostKey { name } => forget_host_key(desk, name).await,
    })
}

async fn list(desk: Desk) -> Result<Done, CommandError> {
    let routers = desk.store.inventory().await?.routers;
    let states = desk.store.router_states().await?;
    let rows: Vec<Listed> = routers
        .into_iter()
        .map(|router| Listed {
            state: states.get(&router.name).cloned().unwrap_or_default(),
            router,
        })
        .collect();
    let header = [
        "ROUTER",
        "ZONE",
        "RUNS ON",
        "HOST",
        "ADDRESS",
        "VPC",
        "STATE",
        "KEYS",
        "LAST VISIT",
    ];
    table::show(desk.json, header, &rows, |row| {
        let router = &row.router;
        let word = serde_json::to_value(router.hypervisor).unwrap_or_default();
        [
            router.name.clone(),
            router.zone.clone(),
            word.as_str().unwrap_or_default().to_owned(),
            or_dash(router.host.as_deref()),
            or_dash(router.address.map(|it| it.to_string()).as_deref()),
            or_dash(router.vpc.as_deref()),
            row.word().to_owned(),
            match row.state.keys {
                0 => "-".to_owned(),
                keys => keys.to_string(),
            },
            or_dash(row.state.last_seen.map(|it| it.to_string()).as_deref()),
        ]
    })?;
    Ok(Done::Well)
}

/// A router in the list.
#[derive(Serialize)]
struct Listed {
    #[serde(flatten)]
    router: Router,
    #[serde(flatten)]
    state: RouterState,
}

impl Listed {
    const fn word(&self) -> &'static str {
        if !self.router.running {
            "stopped"
        } else if self.state.unreachable {
            "unreachable"
        } else if self.state.misses > 0 {
            "missed"
        } else if self.state.last_seen.is_some() {
            "reachable"
        } else {
            "not visited yet"
        }
    }
}

async fn remove(desk: Desk, name: String) -> Result<Done, CommandError> {
    desk.store.inventory_of(&name).await?;
    let change = [Change::RemoveRouter(name)];
    desk.store.apply(&desk.actor, &change).await?;
    Ok(Done::Well)
}

async fn forget_host_key(desk: Desk, name: String) -> Result<Done, CommandError> {
    let file = desk.config.ssh.known_hosts.path();
    let shown = file.display();
    match known_hosts::forget(&file, &name) {
        Ok(true) => {}
        Ok(false) => {
            return Err(CommandError::Usage(format!(
                "no host key of {name} is known in {shown}"
            )));
        }
        Err(error) => return Err(CommandError::Failed(format!("{shown}: {error}"))),
    }
    desk.store
        .audit(&desk.actor, "forget_host_key", &name, "")
        .await?;
    Ok(Done::Well)
}

pub(super) async fn key(desk: Desk, name: String, retire_old: bool) -> Result<Done, CommandError> {
    let key = desk.store.issue_key(&desk.actor, &name).await?;
    if retire_old {
        desk.store.retire_keys(&desk.actor, &name, key.id).await?;
    }
    let key = key.reveal();
    if desk.json {
        output::print_json(&Key { name, key })?;
    } else {
        output::print(&format!("{key}\n"))?;
    }
    Ok(Done::Well)
}
