//! `vrwatch-manager test-alert`: one marked event through every sink of the manager's own, and what
//! each answered. It makes the sinks afresh, so it works whether a server runs or not, and stores
//! nothing.

use contract::{Draft, Event, Fact, Timestamp};
use serde::Serialize;

use super::office::Office;
use super::table;
use super::{CommandError, Done};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Only this sink, as the configuration names it.
    #[arg(long, value_name = "NAME")]
    sink: Option<String>,
}

#[derive(Serialize)]
struct Row {
    sink: String,
    kind: &'static str,
    delivered: bool,
    answer: String,
}

pub(super) fn run(office: &Office, arguments: &Arguments) -> Result<Done, CommandError> {
    let config = office.load()?.config;
    let names: Vec<&str> = config.sinks.iter().map(|sink| sink.name.as_str()).collect();
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
                text: "this is a test of vrwatch-manager's alerts; nothing is wrong".to_owned(),
            },
        },
        format!("test-{}-{}", now.unix_millis(), std::process::id()),
        0,
        "vrwatch-manager".to_owned(),
    );
    let asked = |name: &str| arguments.sink.as_ref().is_none_or(|asked| *asked == name);
    let sinks = config.sinks.iter().filter(|sink| asked(&sink.name));
    let rows = Office::without_store(async {
        let mut rows = Vec::new();
        for spec in sinks {
            let (delivered, answer) = spec.try_out(&event).await?;
            rows.push(Row {
                sink: spec.name.clone(),
                kind: spec.kind,
                delivered,
                answer,
            });
        }
        Ok(rows)
    })?;
    table::show(office.json, ["SINK", "KIND", "ANSWER"], &rows, |row| {
        [row.sink.clone(), row.kind.to_owned(), row.answer.clone()]
    })?;
    Ok(if rows.iter().all(|row| row.delivered) {
        Done::Well
    } else {
        Done::Badly
    })
}
