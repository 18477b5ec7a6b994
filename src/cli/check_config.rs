//! `vrwatch check-config`: what would be watched and told, and what is ambiguous; also with files
//! that are not in their places yet, so that they can be checked before they get there.

use std::path::{Path, PathBuf};

use serde::Serialize;

use document::Problems;

use super::{CommandError, Done, output};
use crate::config::{self, Loaded, StandIns};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Look at this list of services instead of the one that the configuration names.
    #[arg(long, value_name = "FILE")]
    services: Option<PathBuf>,
    /// Look at this file instead of the monitorservice.json that the configuration names.
    #[arg(long, value_name = "FILE")]
    monitorservice: Option<PathBuf>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// What would be watched, for programs.
#[derive(Serialize)]
struct Checked {
    services: Vec<Service>,
    /// CloudStack has switched monitoring off.
    switched_off: bool,
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct Service {
    name: String,
    process: String,
    pid_file: String,
}

pub(super) fn run(path: &Path, arguments: &Arguments) -> Result<Done, CommandError> {
    let stand_ins = StandIns {
        services: arguments.services.as_deref(),
        monitorservice: arguments.monitorservice.as_deref(),
    };
    let loaded = config::load_with(path, stand_ins)?;
    if arguments.json {
        output::print_json(&Checked::from(&loaded))?;
    } else {
        output::print(&config::describe(&loaded))?;
    }
    // Whoever asks about a list of services is not told of a sink's missing file.
    let troubles = loaded.config.troubles();
    if !troubles.is_empty() && arguments.services.is_none() {
        return Err(Problems(troubles).into());
    }
    if loaded.services_unknown {
        return Err(CommandError::Failed(
            "CloudStack's list of services cannot be read, so what it names is not watched"
                .to_owned(),
        ));
    }
    if loaded.config.services.is_empty() {
        return Err(CommandError::Failed("nothing is watched".to_owned()));
    }
    Ok(Done::Well)
}

impl From<&Loaded> for Checked {
    fn from(loaded: &Loaded) -> Self {
        let services = loaded.config.services.iter().map(|service| Service {
            name: service.name.clone(),
            process: service.target.process.clone(),
            pid_file: service.target.pid_file.display().to_string(),
        });
        Self {
            services: services.collect(),
            switched_off: loaded.switched_off,
            warnings: loaded.warnings.iter().map(ToString::to_string).collect(),
        }
    }
}
