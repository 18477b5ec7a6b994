//! `vrwatch test-alert`: one marked event through every sink, and what each answered. It builds the
//! sinks afresh from the configuration, so it works whether the daemon runs or not.

use std::path::Path;

use contract::{Draft, Event, Fact, Timestamp};

use super::output::{self, Audience};
use super::{CommandError, Done, block_on};
use crate::config;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Only this sink, as the configuration names it.
    #[arg(long, value_name = "NAME")]
    sink: Option<String>,
}

pub(super) fn run(path: &Path, arguments: &Arguments) -> Result<Done, CommandError> {
    let loaded = config::load(path)?;
    let names: Vec<&str> = loaded
        .config
        .sinks
        .iter()
        .map(|sink| sink.name.as_str())
        .collect();
    if let Some(asked) = &arguments.sink
        && !names.contains(&asked.as_str())
    {
        return Err(CommandError::Usage(format!(
            "--sink: no sink is called `{asked}`; configured are: {}",
            names.join(", ")
        )));
    }
    let now = Timestamp::now();
    let event = Event::new(
        Draft {
            service: None,
            process: None,
            outage: None,
            time: now,
            fact: Fact::Test {
                text: "this is a test of vrwatch's alerts; nothing is wrong".to_owned(),
            },
        },
        format!("test-{}-{}", now.unix_millis(), std::process::id()),
        0,
        loaded.config.router.clone(),
    );
    let mut all_well = true;
    let mut printed = Ok(Audience::Stays);
    for spec in &loaded.config.sinks {
        if arguments
            .sink
            .as_ref()
            .is_some_and(|asked| *asked != spec.name)
        {
            continue;
        }
        let (well, words) = block_on(async { Ok(spec.try_out(&event).await?) })?;
        all_well &= well;
        // The others are tried even when nobody can read any more.
        printed = printed.and(output::print(&format!(
            "{} ({}): {words}\n",
            spec.name, spec.kind
        )));
    }
    printed?;
    Ok(if all_well { Done::Well } else { Done::Badly })
}
