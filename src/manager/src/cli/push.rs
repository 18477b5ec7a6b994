//! `vrwatch-manager push`: asks for pushes, lends a hand until they are done, and prints what came
//! of each. A manager that serves from the same database takes its part of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use contract::Timestamp;
use serde::Serialize;
use tokio::time::sleep;

use super::office::{Desk, Office};
use super::routers::Which;
use super::table;
use super::{CommandError, Done};
use crate::routers::ssh::Ssh;
use crate::serve::{holder, pushes::Sender};
use crate::store::{LARGEST_PAGE, Page, Push, PushFilter, PushState};

/// How often is looked what became of what another manager does.
const EVERY: Duration = Duration::from_millis(500);

#[derive(Serialize)]
struct Came {
    router: String,
    state: PushState,
    finished: Option<Timestamp>,
    outcome: Option<String>,
}

pub(super) fn run(office: &Office, which: &Which) -> Result<Done, CommandError> {
    office.work(async |desk| push(desk, which).await)
}

async fn push(desk: Desk, which: &Which) -> Result<Done, CommandError> {
    let names: Vec<String> = if which.all {
        let routers = desk.store.inventory().await?.routers.into_iter();
        let running = routers.filter(|router| router.running);
        running.map(|router| router.name).collect()
    } else {
        which.routers.clone()
    };
    let asked = desk.store.request_pushes(&desk.actor, &names).await?;
    let sender = Sender {
        store: desk.store.clone(),
        reach: Arc::new(Ssh::new(desk.config.ssh.clone())),
        settings: Arc::new(desk.config.push.clone()),
        policy: desk.config.policy,
        holder: holder(),
    };
    loop {
        let sent = sender.some().await?;
        let found = results(&desk, &asked).await?;
        let over = |push: &Push| matches!(push.state, PushState::Done | PushState::Failed);
        if found.len() == asked.len() && found.iter().all(over) {
            return show(&desk, found);
        }
        if sent == 0 {
            sleep(EVERY).await;
        }
    }
}

/// What became of these, in their order.
async fn results(desk: &Desk, asked: &[i64]) -> Result<Vec<Push>, CommandError> {
    let (Some(first), Some(last)) = (asked.iter().min(), asked.iter().max()) else {
        return Ok(Vec::new());
    };
    let mut found = HashMap::new();
    let mut before = Some(last.saturating_add(1));
    while before.is_some_and(|before| before > *first) {
        let page = Page {
            before,
            limit: LARGEST_PAGE,
        };
        let page = desk.store.pushes(&PushFilter::default(), page).await?;
        found.extend(page.rows.into_iter().map(|push| (push.id, push)));
        before = page.next;
    }
    Ok(asked.iter().filter_map(|id| found.remove(id)).collect())
}

fn show(desk: &Desk, found: Vec<Push>) -> Result<Done, CommandError> {
    let all_have_it = found.iter().all(|push| push.state == PushState::Done);
    let rows: Vec<Came> = found
        .into_iter()
        .map(|push| Came {
            router: push.router,
            state: push.state,
            finished: push.finished,
            outcome: push.outcome,
        })
        .collect();
    table::show(desk.json, ["ROUTER", "", "WHAT CAME OF IT"], &rows, |row| {
        let word = if row.state == PushState::Done {
            "done"
        } else {
            "FAILED"
        };
        [
            row.router.clone(),
            word.to_owned(),
            table::or_dash(row.outcome.as_deref()),
        ]
    })?;
    Ok(if all_have_it { Done::Well } else { Done::Badly })
}
