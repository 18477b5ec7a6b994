//! `vrwatch hold` and `vrwatch release`: stop and resume watching by hand.

use std::path::Path;

use super::{CommandError, Done, output, places};
use crate::control::{self, Reply, Request};

#[derive(Debug, clap::Args)]
pub(super) struct HoldArguments {
    /// The service, as the configuration names it.
    service: String,
    /// For how long, such as 10m; without it until released.
    #[arg(long = "for", value_name = "DURATION")]
    duration: Option<contract::human::Duration>,
    /// Why; it is told to everybody.
    #[arg(long, default_value = "")]
    reason: String,
}

#[derive(Debug, clap::Args)]
pub(super) struct ReleaseArguments {
    /// The service, as the configuration names it.
    service: String,
}

pub(super) fn hold(path: &Path, arguments: HoldArguments) -> Result<Done, CommandError> {
    let for_ms = arguments
        .duration
        .map(|duration| u64::try_from(duration.0.as_millis()).unwrap_or(u64::MAX));
    control::hold_time(for_ms).map_err(|words| CommandError::Usage(format!("--for: {words}")))?;
    ask(
        path,
        &Request::Hold {
            service: arguments.service,
            for_ms,
            reason: arguments.reason,
        },
    )
}

pub(super) fn release(path: &Path, arguments: ReleaseArguments) -> Result<Done, CommandError> {
    ask(
        path,
        &Request::Release {
            service: arguments.service,
        },
    )
}

fn ask(path: &Path, request: &Request) -> Result<Done, CommandError> {
    let socket = places(path)?.control_socket;
    match control::ask(&socket, request) {
        Ok(Reply::Done(what)) => {
            output::print(&format!("{what}\n"))
                .map_err(|problem| CommandError::Failed(format!("{what}; but {problem}")))?;
            Ok(Done::Well)
        }
        Ok(Reply::Refused(why)) => Err(CommandError::Usage(why)),
        Ok(Reply::Status(_)) => Err(CommandError::Failed(
            "the daemon answered something else than was asked".to_owned(),
        )),
        Err(error) => Err(CommandError::Failed(error.to_string())),
    }
}
