//! `vrwatch-manager serve`.

use super::office::Office;
use super::{CommandError, Done};
use crate::serve::{self, ServeError};

pub(super) fn run(office: &Office) -> Result<Done, CommandError> {
    office.work(async |desk| {
        serve::serve(desk.config, desk.store)
            .await
            .map_err(|error| match error {
                ServeError::Store(error) => error.into(),
                ServeError::Listen(_) | ServeError::Config(_) => {
                    CommandError::Usage(error.to_string())
                }
                ServeError::System(_) => CommandError::Failed(error.to_string()),
            })?;
        Ok(Done::Well)
    })
}
