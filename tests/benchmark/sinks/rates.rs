//! How many events per second each sink hands over, from publishing to the receiver's answer, through
//! the journal and the worker; and how long a single event takes that comes alone.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};

use super::told::{self, Written};
use crate::inbox::eventually;
use crate::peers::exim::Exim;
use crate::peers::loopback::{Authority, Loopback};
use crate::peers::rsyslogd::Rsyslogd;
use crate::peers::snmptrapd::{Notification, Snmptrapd};
use crate::samples::Samples;
use crate::table::Table;
use crate::{Effort, Places, clock};

/// The most events that are on their way at once.
const WINDOW: u64 = 4096;
/// Events between two looks at what has arrived.
const BURST: u64 = 64;

/// A sink in front of a receiver.
struct Subject<'peers> {
    name: &'static str,
    sink: Written,
    /// One of so many of the events; each takes this sink so much longer.
    share: u64,
    /// How many events the receiver wrote down in all, if it can be asked.
    received: Option<&'peers dyn Fn() -> u64>,
}

pub(super) fn measure(places: &Places, effort: Effort, table: &mut Table) -> anyhow::Result<()> {
    let rsyslogd = Rsyslogd::start(&places.run.join("rsyslogd"))?;
    let snmptrapd = Snmptrapd::start(&places.run.join("snmptrapd"))?;
    let exim = Exim::start(&places.run.join("exim"))?;
    let authority = Authority::new(&places.run)?;
    let https = Loopback::web(Some(authority.server()?))?;
    let http = Loopback::web(None)?;
    let smtp = Loopback::mail(None)?;
    let smtps = Loopback::mail(Some(authority.server()?))?;
    let lines = || rsyslogd.received();
    let notifications = || snmptrapd.received();
    let key = places.run.join("webhook.key");
    std::fs::write(&key, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n")?;
    rustix::fs::chmod(&key, rustix::fs::Mode::from_raw_mode(0o600))?;
    let web = |scheme: &str, port, more: &str| {
        Written::new(
            "http",
            format!(
                "url = \"{scheme}://127.0.0.1:{port}/\"\nsecret_file = \"{}\"\n{more}",
                key.display()
            ),
        )
    };
    let ca = format!("ca_file = \"{}\"\n", authority.file.display());
    let subjects = [
        Subject {
            name: "syslog, unix socket, rsyslogd",
            sink: Written::new("syslog", format!("target = \"unix:{}\"", rsyslogd.socket())),
            share: 5,
            received: Some(&lines),
        },
        Subject {
            name: "syslog, TCP, rsyslogd",
            sink: Written::new("syslog", format!("target = \"tcp:{}\"", rsyslogd.address())),
            share: 5,
            received: Some(&lines),
        },
        Subject {
            name: "http, signed, gzip, loopback",
            sink: web("http", http.port(), ""),
            share: 5,
            received: None,
        },
        Subject {
            name: "http, the same with TLS",
            sink: web("https", https.port(), &ca),
            share: 5,
            received: None,
        },
        Subject {
            name: "email, loopback",
            sink: mail(
                &format!("smtp://127.0.0.1:{}", smtp.port()),
                "starttls = \"never\"",
            ),
            share: 10,
            received: None,
        },
        Subject {
            name: "email, the same with TLS",
            sink: mail(&format!("smtps://127.0.0.1:{}", smtps.port()), &ca),
            share: 10,
            received: None,
        },
        Subject {
            name: "email, exim",
            sink: mail(
                &format!("smtp://{}", exim.address()),
                "starttls = \"never\"",
            ),
            share: 10,
            received: None,
        },
        Subject {
            name: "snmp, v2c traps, snmptrapd",
            sink: Written::new("snmp", snmptrapd.section(Notification::V2cTrap)),
            share: 25,
            // What it does not get is lost.
            received: None,
        },
        Subject {
            name: "snmp, v3 informs, snmptrapd",
            sink: Written::new("snmp", snmptrapd.section(Notification::V3Inform)),
            share: 25,
            received: Some(&notifications),
        },
        Subject {
            name: "poll, the log on disk",
            sink: Written::new(
                "poll",
                format!("log = \"{}/log\"\ninfo = true", places.disk.display()),
            ),
            share: 5,
            received: None,
        },
    ];
    for (number, subject) in subjects.iter().enumerate() {
        let folder = places.disk.join(format!("rates-{number}"));
        one(&folder, subject, effort, table).with_context(|| subject.name)?;
    }
    Ok(())
}

fn mail(server: &str, more: &str) -> Written {
    Written::new(
        "email",
        format!(
            "server = \"{server}\"\nfrom = \"vrwatch@example\"\nto = [\"ops@example\"]\n\
             digest = \"0s\"\nrate = {{ mails = 1000, within = \"1s\" }}\n{more}\n"
        ),
    )
}

fn one(
    folder: &Path,
    subject: &Subject<'_>,
    effort: Effort,
    table: &mut Table,
) -> anyhow::Result<()> {
    std::fs::create_dir(folder)?;
    let runtime = told::runtime()?;
    let count = effort.streamed_events / subject.share;
    let mut rates = Samples::default();
    for round in 0..effort.streams {
        let folder = folder.join(round.to_string());
        let before = subject.received.map_or(0, |received| received());
        let took = runtime.block_on(stream(&folder, &subject.sink, count))?;
        rates.push(count * 1_000_000_000 / took.max(1));
        std::fs::remove_dir_all(folder)?;
        if let Some(received) = subject.received {
            eventually("the receiver has written down every event", || {
                (received() - before >= count).then_some(())
            })?;
            ensure!(received() - before == count, "more was received than sent");
        }
    }
    table.add_rates(
        "events per second, to the receiver",
        subject.name,
        &rates,
        None,
    );
    let mut alone = Samples::default();
    runtime.block_on(singly(
        &folder.join("singly"),
        &subject.sink,
        effort,
        &mut alone,
    ))?;
    table.add_times(
        "one event alone → taken by the receiver",
        subject.name,
        &alone,
        None,
    );
    Ok(())
}

/// As fast as the sink takes them; gives how long it took.
async fn stream(folder: &Path, sink: &Written, count: u64) -> anyhow::Result<u64> {
    let channel = told::channel(folder)?;
    sink.start(&channel, "subject", folder)?;
    let start = clock::now();
    for number in 0..count {
        told::publish(&channel, number);
        if number % BURST == 0 {
            tokio::task::yield_now().await;
            while channel
                .status()
                .sinks
                .iter()
                .any(|sink| sink.pending > WINDOW)
            {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    }
    told::until_delivered(&channel).await?;
    let took = clock::now() - start;
    channel.close();
    Ok(took)
}

/// One after the other, each when the one before has arrived.
async fn singly(
    folder: &Path,
    sink: &Written,
    effort: Effort,
    samples: &mut Samples,
) -> anyhow::Result<()> {
    let channel = told::channel(folder)?;
    sink.start(&channel, "subject", folder)?;
    for number in 0..=effort.single_events {
        tokio::time::sleep(Duration::from_micros(fastrand::u64(2_000..8_000))).await;
        let start = clock::now();
        told::publish(&channel, number);
        told::until_delivered(&channel).await?;
        // The first makes files and meets the receiver.
        if number > 0 {
            samples.push(clock::now() - start);
        }
    }
    channel.close();
    Ok(())
}
