//! Sinks as the configuration has them, behind a channel with a journal on disk, and the events that
//! go through.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use channel::{Channel, Settings, SinkOptions, Transaction};
use contract::{Cause, Draft, Ended, Fact, Timestamp};
use sinks::{Host, Section};
use tokio::runtime::Runtime;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::inbox::LIMIT;

/// What a router is called.
const ROUTER: &str = "r-42-VM";
/// Its services; an outage is of one of them.
const SERVICES: [(&str, &str); 4] = [
    ("dhcp", "dnsmasq"),
    ("loadbalancing", "haproxy"),
    ("ssh", "sshd"),
    ("webserver", "apache2"),
];

/// The kind of a sink, and the body of its table.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) kind: &'static str,
    pub(super) body: String,
}

impl Written {
    pub(super) fn new(kind: &'static str, body: impl Into<String>) -> Self {
        let body = body.into();
        Self { kind, body }
    }

    /// With its header, for a configuration file.
    pub(super) fn table(&self) -> String {
        let Self { kind, body } = self;
        format!("[sink.its-{kind}.{kind}]\n{body}\n")
    }

    /// Starts it behind a channel, every event told one by one. Needs a runtime.
    pub(super) fn start(&self, channel: &Channel, name: &str, folder: &Path) -> anyhow::Result<()> {
        let kind = sinks::kind(self.kind)
            .with_context(|| format!("there is no kind of sink called `{}`", self.kind))?;
        let table = DeTable::parse(&self.body)?;
        let section = Spanned::new(table.span(), DeValue::Table(table.into_inner()));
        let host = Host::new(ROUTER, folder.join("sinks")).for_sink(name);
        let sink = (kind.build)(Section::from(section), &host)
            .map_err(|error| anyhow!("{error}\n{}", self.body))?;
        let options = SinkOptions {
            needs_disk: kind.needs_disk,
            flood: None,
        };
        channel.start_sink(name, sink, options);
        Ok(())
    }
}

/// A new channel whose journal is in this folder.
pub(super) fn channel(folder: &Path) -> anyhow::Result<Channel> {
    let settings = Settings {
        directory: folder.to_owned(),
        // Nothing is to be dropped for want of room.
        max_size: 1024 * 1024 * 1024,
    };
    let (channel, _) = Channel::open(settings, ROUTER.to_owned())?;
    Ok(channel)
}

/// A runtime as the daemon has it.
pub(super) fn runtime() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}

/// Publishes the event of this number: services go down, and run again, in turns.
pub(super) fn publish(channel: &Channel, number: u64) {
    let outage = number / 2;
    let (service, process) = SERVICES[usize::try_from(outage).unwrap_or(0) % SERVICES.len()];
    let pid = u32::try_from(outage % 32_768).unwrap_or(1);
    let time = Timestamp::now();
    let fact = if number.is_multiple_of(2) {
        Fact::ServiceDown {
            noticed: time,
            last_pid: Some(pid),
            cause: Cause::Gone { pid },
            ended: Ended::Signal(9),
        }
    } else {
        Fact::Restarted {
            pid: pid + 1,
            attempts: 1,
            downtime: Duration::from_millis(5100),
        }
    };
    channel.publish(Transaction {
        drafts: vec![Draft {
            service: Some(service.to_owned()),
            process: Some(process.to_owned()),
            outage: Some(format!("{service}-{outage}")),
            time,
            fact,
        }],
        notes: Vec::new(),
    });
}

/// Waits until every sink has everything that was published, and lost nothing.
pub(super) async fn until_delivered(channel: &Channel) -> anyhow::Result<()> {
    let all = channel.drain(LIMIT).await;
    let status = channel.status();
    ensure!(
        all && status.sinks.iter().all(|sink| sink.dropped == 0),
        "not everything was delivered: {status:?}"
    );
    Ok(())
}
