//! The commands that a management server runs on a router, over a journal of a hundred thousand
//! alerts: from the start of the process to the end of its output.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use anyhow::{Context, ensure};
use channel::{Channel, Settings, Transaction};
use contract::{Cause, Draft, Ended, Fact, Timestamp};

use crate::peers;
use crate::samples::Samples;
use crate::table::{Mark, Table, time};
use crate::{Effort, clock};

/// Alerts in the journal, a second apart.
const ALERTS: u64 = 100_000;
/// The bytes of `yyyy-MM-dd HH:mm:ss`.
const STAMP: usize = 19;
/// What an answer may take, in nanoseconds.
const MARK: u64 = 50_000_000;

pub(crate) fn measure(disk: &Path, effort: Effort, table: &mut Table) -> anyhow::Result<()> {
    let world = World::new(disk)?;
    let figure = format!("vrwatch legacy-alerts, {ALERTS} alerts");
    let mut row = |of: &str, samples: &Samples, marked: bool| {
        let mark =
            marked.then(|| Mark::below(samples.p99(), MARK, format!("p99 < {}", time(MARK))));
        table.add_times(&figure, of, samples, mark);
    };

    let mut answers = Samples::default();
    let mut entries = 0;
    let mut stamp = Vec::new();
    let nothing_new = loop {
        let (said, took) = world.legacy_alerts(&[], &stamp)?;
        if said == "No Alerts\n" {
            break took;
        }
        answers.push(took);
        let last = said
            .trim_end()
            .split_terminator("\\n")
            .inspect(|_| entries += 1)
            .last();
        let last = last.context("an answer without an entry")?;
        // Of a fixed width; what follows is joined to it by a comma.
        let words = last.get(..STAMP).context("an entry without a stamp")?;
        stamp = words.split(' ').map(str::to_owned).collect();
    };
    ensure!(
        entries == ALERTS,
        "{entries} of {ALERTS} alerts were handed out"
    );
    row("every answer until all are handed out", &answers, true);
    let mut nothing = Samples::from(vec![nothing_new]);
    for _ in 1..effort.asks {
        nothing.push(world.legacy_alerts(&[], &stamp)?.1);
    }
    row("nothing new", &nothing, true);
    let mut forgotten = Samples::default();
    for _ in 0..effort.asks {
        // Then all of the journal is looked at.
        fs::remove_file(world.state.join("legacy-alerts.json"))?;
        forgotten.push(world.legacy_alerts(&[], &stamp)?.1);
    }
    row("nothing new, nothing remembered", &forgotten, true);
    let mut all = Samples::default();
    for _ in 0..effort.asks.div_ceil(4) {
        all.push(world.legacy_alerts(&["--limit", "100000"], &[])?.1);
    }
    row("all of them in one answer", &all, false);
    poll(&world, effort, table)
}

fn poll(world: &World, effort: Effort, table: &mut Table) -> anyhow::Result<()> {
    let figure = format!("vrwatch poll, {ALERTS} alerts");
    let mut cursor = String::new();
    let mut pages = Samples::default();
    for _ in 0..effort.asks {
        let (document, took) = world.poll(&cursor, "500")?;
        pages.push(took);
        cursor = text(&document["cursor"])?;
    }
    table.add_times(&figure, "500 events", &pages, None);
    loop {
        let (document, _) = world.poll(&cursor, "5000")?;
        cursor = text(&document["cursor"])?;
        if document["more"] != true {
            break;
        }
    }
    let mut nothing = Samples::default();
    for _ in 0..effort.asks {
        let (document, took) = world.poll(&cursor, "500")?;
        ensure!(
            document["events"] == serde_json::json!([]),
            "there is something new"
        );
        nothing.push(took);
    }
    table.add_times(&figure, "nothing new", &nothing, None);
    Ok(())
}

fn text(value: &serde_json::Value) -> anyhow::Result<String> {
    let text = value.as_str().context("a cursor is a text")?;
    Ok(text.to_owned())
}

/// A configuration and a journal.
struct World {
    config: PathBuf,
    state: PathBuf,
}

impl World {
    fn new(folder: &Path) -> anyhow::Result<Self> {
        let world = Self {
            config: folder.join("vrwatch.toml"),
            state: folder.join("state"),
        };
        let here = folder.display();
        fs::write(
            &world.config,
            format!(
                r#"
                router.name = "r-42-VM"
                monitor.services = "{here}/monitor.conf"
                monitor.monitorservice = "{here}/monitorservice.json"
                journal = {{ directory = "{here}/state", max_size = "256MiB" }}
                control.socket = "{here}/control"
                sink.local.syslog.target = "unix:{here}/log"
                "#
            ),
        )?;
        let settings = Settings {
            directory: world.state.clone(),
            max_size: 256 << 20,
        };
        let (channel, _) = Channel::open(settings, "r-42-VM".to_owned())?;
        let now = Timestamp::now().unix_millis();
        for number in 0..ALERTS {
            let age = i64::try_from((ALERTS - number) * 1000)?;
            let time = Timestamp::from_unix_millis(now - age).context("no such time")?;
            channel.publish(Transaction {
                drafts: vec![draft(number, time)],
                notes: Vec::new(),
            });
        }
        ensure!(channel.close(), "the journal is not on disk");
        Ok(world)
    }

    fn legacy_alerts(&self, options: &[&str], stamp: &[String]) -> anyhow::Result<(String, u64)> {
        let start = clock::now();
        let output = peers::vrwatch::command(&self.config)
            .arg("legacy-alerts")
            .args(options)
            .arg("--")
            .args(stamp)
            .output()?;
        let took = clock::now() - start;
        Ok((String::from_utf8(well(output)?)?, took))
    }

    fn poll(&self, cursor: &str, limit: &str) -> anyhow::Result<(serde_json::Value, u64)> {
        let mut command = peers::vrwatch::command(&self.config);
        command.args(["poll", "--limit", limit]);
        if !cursor.is_empty() {
            command.args(["--after", cursor]);
        }
        let start = clock::now();
        let output = command.output()?;
        let took = clock::now() - start;
        Ok((serde_json::from_slice(&well(output)?)?, took))
    }
}

fn well(output: Output) -> anyhow::Result<Vec<u8>> {
    ensure!(
        output.status.success() && output.stderr.is_empty(),
        "it ended with {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(output.stdout)
}

fn draft(number: u64, time: Timestamp) -> Draft {
    let pid = u32::try_from(number % 32_768).unwrap_or(1);
    Draft {
        service: Some("dhcp".to_owned()),
        process: Some("dnsmasq".to_owned()),
        outage: Some(format!("01936b5e-5a3f-7c11-8e0a-{number:012x}")),
        time,
        fact: Fact::ServiceDown {
            noticed: time,
            last_pid: Some(pid),
            cause: Cause::Gone { pid },
            ended: Ended::Signal(9),
        },
    }
}
