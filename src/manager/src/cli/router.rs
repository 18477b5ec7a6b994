//! `vrwatch-manager router …`: the routers that are known, and their keys.

use std::net::IpAddr;

use clap::Subcommand;
use serde::Serialize;
use terminal::output;

use super::office::{Desk, Office};
use super::table::{self, if_so, or_dash};
use super::{CommandError, Done};
use crate::plan::inventory::{Change, Hypervisor, Nic, Router, Traffic};
use crate::routers::ssh::known_hosts;
use crate::store::StoreError;

#[derive(Debug, Subcommand)]
pub(super) enum Commands {
    /// Add a router and print its key, this once.
    Add(Add),
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

#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// The router's name: r-42-VM.
    name: String,
    /// Its zone's id; without it the only zone there is, or `default`.
    #[arg(long)]
    zone: Option<String>,
    /// What it runs on: kvm, xenserver, vmware, hyperv or other.
    #[arg(long, default_value = "other", value_parser = hypervisor)]
    hypervisor: Hypervisor,
    /// The address of its hypervisor host, through which it is reached.
    #[arg(long)]
    host: Option<String>,
    /// Its link-local or control address.
    #[arg(long)]
    address: Option<IpAddr>,
    /// The id of a network that it serves; may be repeated.
    #[arg(long = "network", value_name = "ID")]
    networks: Vec<String>,
    /// The VPC that it serves.
    #[arg(long)]
    vpc: Option<String>,
}

#[derive(Serialize)]
struct Key {
    name: String,
    key: String,
}

fn hypervisor(text: &str) -> Result<Hypervisor, String> {
    serde_json::from_value(text.into())
        .map_err(|_| "use kvm, xenserver, vmware, hyperv or other".to_owned())
}

pub(super) fn run(office: &Office, command: Commands) -> Result<Done, CommandError> {
    office.work(async |desk| match command {
        Commands::Add(arguments) => add(desk, arguments).await,
        Commands::List => list(desk).await,
        Commands::Remove { name } => remove(desk, name).await,
        Commands::Key { name, retire_old } => key(desk, name, retire_old).await,
        Commands::ForgetHostKey { name } => forget_host_key(desk, name).await,
    })
}

async fn add(desk: Desk, arguments: Add) -> Result<Done, CommandError> {
    let name = arguments.name;
    match desk.store.inventory_of(&name).await {
        Err(StoreError::NoSuchRouter(_)) => {}
        Err(error) => return Err(error.into()),
        Ok(_) => {
            return Err(CommandError::Usage(format!(
                "there is a router {name} already; `router key {name}` gives it another key"
            )));
        }
    }
    let zone = match arguments.zone {
        Some(zone) => zone,
        None => match desk.store.inventory().await?.zones.as_slice() {
            [only] => only.id.clone(),
            _ => "default".to_owned(),
        },
    };
    let nics = arguments.networks.into_iter().map(|network| Nic {
        traffic: Traffic::Guest,
        network: Some(network),
        address: None,
    });
    let router = Router {
        name: name.clone(),
        id: None,
        zone,
        pod: None,
        hypervisor: arguments.hypervisor,
        host: arguments.host,
        address: arguments.address,
        vpc: arguments.vpc,
        redundant: false,
        running: true,
        nics: nics.collect(),
        excluded: std::collections::BTreeSet::new(),
        source: None,
    };
    let change = [Change::SetRouter(router)];
    desk.store.apply(&desk.actor, &change).await?;
    key(desk, name, false).await
}

async fn list(desk: Desk) -> Result<Done, CommandError> {
    let routers = desk.store.inventory().await?.routers;
    let header = [
        "ROUTER", "ZONE", "RUNS ON", "HOST", "ADDRESS", "VPC", "STATE",
    ];
    table::show(desk.json, header, &routers, |router| {
        let word = serde_json::to_value(router.hypervisor).unwrap_or_default();
        [
            router.name.clone(),
            router.zone.clone(),
            word.as_str().unwrap_or_default().to_owned(),
            or_dash(router.host.as_deref()),
            or_dash(router.address.map(|it| it.to_string()).as_deref()),
            or_dash(router.vpc.as_deref()),
            if_so(router.running, "running"),
        ]
    })?;
    Ok(Done::Well)
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

async fn key(desk: Desk, name: String, retire_old: bool) -> Result<Done, CommandError> {
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
