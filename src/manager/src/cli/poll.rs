//! `vrwatch-manager poll`: visits routers now, due or not, and prints what they brought.

use std::sync::Arc;

use serde::Serialize;

use super::office::{Desk, Office};
use super::routers::Which;
use super::table;
use super::{CommandError, Done};
use crate::clock::Clock;
use crate::routers::ssh::Ssh;
use crate::routers::visit::{Brought, PollError, Poller};
use crate::serve::holder;
use crate::store::Via;

#[derive(Serialize)]
struct Visited {
    router: String,
    done: bool,
    outcome: String,
}

pub(super) fn run(office: &Office, which: &Which) -> Result<Done, CommandError> {
    office.work(async |desk| poll(desk, which).await)
}

async fn poll(desk: Desk, which: &Which) -> Result<Done, CommandError> {
    let poller = Poller::new(
        Arc::new(desk.store.clone()),
        Arc::new(Ssh::new(desk.config.ssh.clone())),
        desk.config.poll.clone(),
        Clock::system(),
        holder(),
    );
    let mut rows = Vec::new();
    if which.all {
        poller
            .poll_all(|router, outcome| rows.push(visited(router, outcome)))
            .await?;
    } else {
        for router in &which.routers {
            // Named wrongly, nobody is visited.
            desk.store.inventory_of(router).await?;
        }
        for router in &which.routers {
            rows.push(visited(router, poller.poll_once(router).await));
        }
    }
    rows.sort_by(|one, other| one.router.cmp(&other.router));
    table::show(desk.json, ["ROUTER", "", "WHAT CAME OF IT"], &rows, |row| {
        let word = if row.done { "done" } else { "FAILED" };
        [row.router.clone(), word.to_owned(), row.outcome.clone()]
    })?;
    let all_done = rows.iter().all(|row| row.done);
    Ok(if all_done { Done::Well } else { Done::Badly })
}

fn in_words(brought: &Brought) -> String {
    let mut words = format!(
        "{} new alerts, {} known; {} interfaces' usage",
        brought.new, brought.known, brought.usage
    );
    if brought.via == Via::Legacy {
        words.push_str("; by CloudStack's scripts, there is no vrwatch");
    }
    if brought.more {
        words.push_str("; there is more");
    }
    for note in &brought.notes {
        words.push_str("; ");
        words.push_str(note);
    }
    words
}

fn visited(router: &str, outcome: Result<Brought, PollError>) -> Visited {
    let (done, outcome) = match outcome {
        Ok(brought) => (true, in_words(&brought)),
        Err(error) => (false, error.to_string()),
    };
    Visited {
        router: router.to_owned(),
        done,
        outcome,
    }
}
