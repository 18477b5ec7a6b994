//! A visit to a router that has no vrwatch, with the scripts that CloudStack put there.

use std::time::Duration;

use super::legacy::{self, Entry};
use super::netusage;
use super::stamp::Stamp;
use super::walk::{Brought, Step, VisitError, Walk, failed, is_absent};
use crate::plan::inventory::Traffic;
use crate::routers::shell::Shell;
use crate::store::{Cursor, UsageSample, Via};

const ALERTS: &str = "/opt/cloud/bin/getRouterAlerts.sh";
const USAGE: &str = "/opt/cloud/bin/netusage.sh";
const VPC_USAGE: &str = "/opt/cloud/bin/vpc_netusage.sh";

/// How much earlier than what was read is asked for. The script gives only what is later than a
/// second: whatever comes later in that second, or after its clock was put right by less, is found.
const OVERLAP: Duration = Duration::from_mins(2);
/// No stamp is kept that is further ahead of the manager's clock: else one line with a wrong date
/// would hide every later one. More than any time zone.
const AHEAD: Duration = Duration::from_hours(15);
/// How many lines are committed at once.
const AT_ONCE: usize = 500;

pub(super) async fn go(mut walk: Walk<'_>, shell: &mut dyn Shell) -> Result<Brought, VisitError> {
    walk.brought.via = Via::Legacy;
    let router = walk.due.router.name.clone();
    let stored = walk.due.cursor.legacy_stamp.as_deref();
    let old: Option<Stamp> = stored.and_then(|stamp| stamp.parse().ok());
    let (date, time) = old.unwrap_or(Stamp::FIRST).earlier(OVERLAP).words();
    let answer = walk.ask(shell, ALERTS, &[&date, &time]).await?;
    if is_absent(&answer) {
        return Err(VisitError::Nothing);
    }
    if !answer.is_well() {
        return Err(failed("getRouterAlerts.sh", &answer));
    }
    let printed = legacy::read(&answer.output);
    if printed.strange > 0 {
        let shown = printed.notes.join(" | ");
        let note = format!("{} lines have no stamp: {shown}", printed.strange);
        tracing::warn!(router, note, "a router's log has strange lines");
        walk.brought.notes.push(note);
    }
    let usage = usage(&mut walk, shell).await?;
    let open = if printed.entries.is_empty() {
        std::collections::BTreeMap::new()
    } else {
        let open = walk.book.open_outages(&router).await;
        open.map_err(VisitError::Store)?
    };
    // All at once, so that outages go on from one part to the next.
    let mut events = legacy::events(&router, &printed.entries, &open).into_iter();
    let newest_allowed = Stamp::of(walk.clock.now().saturating_add(AHEAD));
    let mut stamp = old;
    let mut rest = printed.entries.as_slice();
    loop {
        let (part, behind) = rest.split_at(rest.len().min(AT_ONCE));
        rest = behind;
        stamp = moved(stamp, part, newest_allowed);
        walk.brought.more = !rest.is_empty();
        let more = !rest.is_empty() && !walk.is_enough(part.len());
        let step = Step {
            events: events.by_ref().take(part.len()).collect(),
            cursor: Cursor {
                legacy_stamp: stamp.map(|stamp| stamp.to_string()),
                ..walk.due.cursor.clone()
            },
            usage: if more { Vec::new() } else { usage.clone() },
            more,
            ..Step::default()
        };
        walk.commit(step).await?;
        if !more {
            return Ok(walk.brought);
        }
    }
}

/// The stamp behind these entries: never earlier than before, never too far ahead.
fn moved(stamp: Option<Stamp>, entries: &[Entry], most: Stamp) -> Option<Stamp> {
    let newest = entries.iter().map(|entry| entry.stamp).max();
    stamp.max(newest).map(|stamp| stamp.min(most))
}

/// The counters. That they cannot be read keeps no alert back.
async fn usage(walk: &mut Walk<'_>, shell: &mut dyn Shell) -> Result<Vec<UsageSample>, VisitError> {
    let router = &walk.due.router;
    let now = walk.clock.now();
    let mut samples = Vec::new();
    let mut add = |interface: String, output: &[u8]| {
        let counted = netusage::read(output);
        samples.extend(counted.map(|counted| UsageSample {
            time: now,
            interface,
            bytes_received: counted.received,
            bytes_sent: counted.sent,
        }));
        counted.is_some()
    };
    if router.vpc.is_none() {
        let answer = walk.ask(shell, USAGE, &["-g"]).await?;
        if !(answer.is_well() && add("public".to_owned(), &answer.output)) {
            walk.brought
                .notes
                .push("netusage.sh gave no counters".to_owned());
        }
        return Ok(samples);
    }
    let public = router
        .nics
        .iter()
        .filter(|nic| nic.traffic == Traffic::Public);
    for address in public.filter_map(|nic| nic.address) {
        let address = address.to_string();
        let arguments = ["-l", &address, "-g"];
        let answer = walk.ask(shell, VPC_USAGE, &arguments).await?;
        if !(answer.is_well() && add(address.clone(), &answer.output)) {
            let note = format!("vpc_netusage.sh gave no counters of {address}");
            walk.brought.notes.push(note);
        }
    }
    Ok(samples)
}
