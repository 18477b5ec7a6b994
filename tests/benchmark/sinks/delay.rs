//! From an event to its line at the local syslog, while another sink's receiver is dead; in turns
//! with the same without such a sink.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};

use super::dead::{self, Dead};
use super::told::{self, Written};
use crate::inbox;
use crate::samples::Samples;
use crate::table::{Mark, Table, time};
use crate::{Effort, Places, clock};

const FIGURE: &str = "event → syslog, with a dead sink";

/// By then the dead sink has failed for the first time, or hangs.
const HEAD_START: Duration = Duration::from_millis(50);

pub(super) fn measure(places: &Places, effort: Effort, table: &mut Table) -> anyhow::Result<()> {
    let dead = dead::all(&places.run)?;
    let mut subjects: Vec<(Option<&Dead>, Samples)> = vec![(None, Samples::default())];
    subjects.extend(dead.iter().map(|dead| (Some(dead), Samples::default())));
    // The machine is not the same all the time, so each has its share of every part of it.
    let mut order: Vec<usize> = (0..subjects.len()).collect();
    for number in 0..effort.delay_rounds {
        fastrand::shuffle(&mut order);
        for &subject in &order {
            let (dead, samples) = &mut subjects[subject];
            let name = format!("delay-{number}-{subject}");
            let socket = places.run.join(&name);
            round(&places.disk.join(&name), &socket, *dead, effort, samples)
                .with_context(|| dead.map_or(String::new(), |dead| dead.name.clone()))?;
        }
    }
    let alone = subjects[0].1.p99();
    for (dead, samples) in &subjects {
        let (name, mark) = match dead {
            None => ("none", None),
            Some(dead) => {
                let most = alone * 2;
                let words = format!("p99 ≤ 2 × none = {}", time(most));
                let mark = Mark::at_most(samples.p99(), most, words);
                (dead.name.as_str(), Some(mark))
            }
        };
        table.add_times(FIGURE, name, samples, mark);
    }
    Ok(())
}

fn round(
    folder: &Path,
    socket: &Path,
    dead: Option<&Dead>,
    effort: Effort,
    samples: &mut Samples,
) -> anyhow::Result<()> {
    let lines = inbox::datagrams(socket)?;
    let local = Written::new("syslog", format!("target = \"unix:{}\"", socket.display()));
    told::runtime()?.block_on(async {
        let channel = told::channel(folder)?;
        local.start(&channel, "local", folder)?;
        if let Some(dead) = dead {
            dead.sink.start(&channel, "dead", folder)?;
        }
        told::publish(&channel, 0);
        tokio::time::sleep(HEAD_START).await;
        lines.clear();
        let mut published = Vec::new();
        for number in 1..=effort.delay_events {
            // Long enough for everything to sleep again, and never in step with anything.
            let pause = Duration::from_micros(fastrand::u64(2_000..8_000));
            tokio::time::sleep(pause).await;
            published.push(clock::now());
            told::publish(&channel, number);
        }
        // Nobody blocks the runtime while a line is still on its way.
        tokio::time::sleep(HEAD_START).await;
        for at in published {
            let heard = lines.first("a line arrives at the syslog", |_| Some(()))?;
            samples.push(heard.at.saturating_sub(at));
        }
        let status = channel.status();
        let failed = status
            .sinks
            .iter()
            .find(|sink| sink.name == "dead")
            .is_none_or(|sink| sink.delivered == 0);
        ensure!(failed, "a dead receiver took something: {status:?}");
        channel.close();
        Ok(())
    })
}
