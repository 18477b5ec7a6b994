//! The way of an event onto the disk and through the channel, beside a bare write and sync of the
//! same size on the same file system.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use channel::{Channel, Settings, SinkOptions, Transaction};
use contract::{DeliverError, Draft, Event, Fact, Sink, Timestamp};
use tokio::sync::Notify;

use crate::samples::Samples;
use crate::table::Table;
use crate::{Effort, clock};

/// The most events that are on their way at once.
const WINDOW: u64 = 4096;
/// Events between two looks at what has arrived.
const BURST: u64 = 64;

pub(crate) fn measure(disk: &Path, effort: Effort, table: &mut Table) -> anyhow::Result<()> {
    synced(disk, effort, table)?;
    streamed(disk, effort, table)
}

fn synced(disk: &Path, effort: Effort, table: &mut Table) -> anyhow::Result<()> {
    let channel = open(&disk.join("synced"))?;
    let mut bare_file = File::options()
        .append(true)
        .create_new(true)
        .open(disk.join("bare"))?;
    let mut ours = Samples::default();
    let mut bare = Samples::default();
    let mut length = 0;
    for number in 0..effort.synced_events {
        let start = clock::now();
        let events = channel.publish(Transaction {
            drafts: vec![draft(number as u64)],
            notes: Vec::new(),
        });
        let synced = channel.sync();
        ours.push(clock::now() - start);
        ensure!(synced, "the journal is not on disk: {:?}", channel.status());
        if length == 0 {
            length = serde_json::to_vec(&events[0])?.len();
        }

        let bytes = vec![b'x'; length];
        let start = clock::now();
        bare_file.write_all(&bytes)?;
        bare_file.sync_data()?;
        bare.push(clock::now() - start);
    }
    channel.close();
    let figure = "event → on disk";
    table.add_times(figure, "bare write + fdatasync", &bare, None);
    table.add_times(figure, "vrwatch, its channel", &ours, None);
    Ok(())
}

fn streamed(disk: &Path, effort: Effort, table: &mut Table) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut rates = Samples::default();
    for number in 0..effort.streams {
        let folder = disk.join(format!("streamed-{number}"));
        let took = runtime.block_on(stream(&folder, effort.streamed_events))?;
        rates.push(effort.streamed_events * 1_000_000_000 / took.max(1));
        fs::remove_dir_all(folder)?;
    }
    table.add_rates(
        "durable events per second, to one sink",
        "vrwatch, its channel",
        &rates,
        None,
    );
    Ok(())
}

/// Publishes events and waits until a sink that may only see what is on disk has had them all.
async fn stream(folder: &Path, count: u64) -> anyhow::Result<u64> {
    let channel = open(folder)?;
    let taken = Arc::new(Taken::default());
    let options = SinkOptions {
        needs_disk: true,
        flood: None,
    };
    channel.start_sink("null", Box::new(Null(Arc::clone(&taken))), options);
    let start = clock::now();
    for number in 0..count {
        channel.publish(Transaction {
            drafts: vec![draft(number)],
            notes: Vec::new(),
        });
        if number % BURST == 0 {
            tokio::task::yield_now().await;
            taken.at_least(number.saturating_sub(WINDOW)).await?;
        }
    }
    taken.at_least(count).await?;
    let took = clock::now() - start;
    ensure!(
        taken.events.load(Ordering::Relaxed) == count,
        "the sink took more than was published"
    );
    channel.close();
    Ok(took)
}

#[derive(Default)]
struct Taken {
    events: AtomicU64,
    more: Notify,
}

impl Taken {
    async fn at_least(&self, count: u64) -> anyhow::Result<()> {
        while self.events.load(Ordering::Relaxed) < count {
            tokio::time::timeout(crate::inbox::LIMIT, self.more.notified())
                .await
                .context("the sink got nothing more")?;
        }
        Ok(())
    }
}

/// Takes everything and does nothing with it.
struct Null(Arc<Taken>);

#[async_trait::async_trait]
impl Sink for Null {
    async fn deliver(&mut self, batch: &[Event]) -> Result<(), DeliverError> {
        let count = batch.len() as u64;
        self.0.events.fetch_add(count, Ordering::Relaxed);
        self.0.more.notify_one();
        Ok(())
    }
}

fn open(folder: &Path) -> anyhow::Result<Channel> {
    let settings = Settings {
        directory: folder.to_owned(),
        // Nothing is to be dropped for want of room.
        max_size: 1024 * 1024 * 1024,
    };
    let (channel, _) = Channel::open(settings, "r-42-VM".to_owned())?;
    Ok(channel)
}

fn draft(number: u64) -> Draft {
    Draft {
        service: Some("loadbalancing".to_owned()),
        process: Some("haproxy".to_owned()),
        outage: Some(format!("loadbalancing-{number}")),
        time: Timestamp::now(),
        fact: Fact::Restarted {
            pid: u32::try_from(number % 32_768).unwrap_or(1),
            attempts: 1,
            downtime: Duration::from_millis(5100),
        },
    }
}
