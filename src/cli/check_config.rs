//! `vrwatch check-config`: what would be watched and told, and what is ambiguous.

use std::path::Path;

use super::{CommandError, Done};
use crate::config;

pub(super) fn run(path: &Path) -> Result<Done, CommandError> {
    let loaded = config::load(path)?;
    print!("{}", config::describe(&loaded));
    Ok(Done::Well)
}
