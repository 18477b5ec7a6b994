//! `vrwatch check-config`: what would be watched and told, and what is ambiguous.

use std::path::Path;

use document::Problems;

use super::{CommandError, Done, output};
use crate::config;

pub(super) fn run(path: &Path) -> Result<Done, CommandError> {
    let loaded = config::load(path)?;
    output::print(&config::describe(&loaded))?;
    let troubles = loaded.config.troubles();
    if !troubles.is_empty() {
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
