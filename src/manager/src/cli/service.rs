//! `vrwatch-manager service …`: the rows of `monitoring_services`.

use clap::Subcommand;

use super::office::Office;
use super::table::{self, if_so};
use super::{CommandError, Done};
use crate::plan::forms::check_row;
use crate::plan::inventory::MonitoringService;

#[derive(Debug, Subcommand)]
pub(super) enum Commands {
    /// List the services.
    List,
    /// Add a service, or replace the one of that name.
    Add(Add),
    /// Remove a service: no router watches it any more.
    Remove {
        /// Its name.
        service: String,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// Its name: dhcp.
    service: String,
    /// The process's name: dnsmasq.
    #[arg(long)]
    process: String,
    /// The name that the service manager knows; without it the process's.
    #[arg(long)]
    service_name: Option<String>,
    /// The init script; without it the one in /etc/init.d of the service's name.
    #[arg(long)]
    path: Option<String>,
    /// The pid file.
    #[arg(long)]
    pidfile: String,
    /// Every router watches it.
    #[arg(long)]
    default: bool,
}

pub(super) fn run(office: &Office, command: Commands) -> Result<Done, CommandError> {
    office.work(async |desk| {
        match command {
            Commands::List => {
                let services = desk.store.services().await?;
                let header = [
                    "SERVICE",
                    "PROCESS",
                    "SERVICE NAME",
                    "PATH",
                    "PID FILE",
                    "DEFAULT",
                ];
                table::show(desk.json, header, &services, |row| {
                    [
                        row.service.clone(),
                        row.process_name.clone(),
                        row.service_name.clone(),
                        row.service_path.clone(),
                        row.pidfile.clone(),
                        if_so(row.is_default, "default"),
                    ]
                })?;
            }
            Commands::Add(add) => {
                let service_name = add.service_name.unwrap_or_else(|| add.process.clone());
                let service = MonitoringService {
                    id: 0,
                    uuid: String::new(),
                    service: add.service,
                    process_name: add.process,
                    service_path: add
                        .path
                        .unwrap_or_else(|| format!("/etc/init.d/{service_name}")),
                    service_name,
                    pidfile: add.pidfile,
                    is_default: add.default,
                };
                check_row(&service).map_err(|error| CommandError::Usage(error.to_string()))?;
                desk.store.set_service(&desk.actor, &service).await?;
            }
            Commands::Remove { service } => {
                if !desk.store.remove_service(&desk.actor, &service).await? {
                    return Err(CommandError::Usage(format!(
                        "there is no service {service}"
                    )));
                }
            }
        }
        Ok(Done::Well)
    })
}
