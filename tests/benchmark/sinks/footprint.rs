//! What the daemon weighs with a sink of every kind: its memory while all deliver and while all but
//! the local syslog are dead, and the size of its binary.

use std::path::Path;
use std::time::Duration;

use anyhow::ensure;

use super::told::Written;
use crate::inbox::eventually;
use crate::peers;
use crate::peers::loopback::{Authority, Loopback};
use crate::peers::snmptrapd::{Notification, Snmptrapd};
use crate::peers::vrwatch::{Vrwatch, Watched};
use crate::process;
use crate::services::Restartables;
use crate::table::{Mark, Table, size};
use crate::{CROWDS, Effort, Places};

/// By then everything is at rest again.
const SETTLING: Duration = Duration::from_secs(3);
/// What the daemon may hold resident, and what its binary may have; bytes.
const RESIDENT_MARK: u64 = 8_000_000;
const BINARY_MARK: u64 = 5_000_000;
/// The kinds that are on, the local syslog among them.
const KINDS: usize = 5;

pub(super) fn measure(places: &Places, effort: Effort, table: &mut Table) -> anyhow::Result<()> {
    let mut services = Restartables::set_up(&places.run.join("services"), CROWDS[0])?;
    let authority = Authority::new(&places.run)?;
    let peers = Peers {
        web: Loopback::web(Some(authority.server()?))?,
        mail: Loopback::mail(Some(authority.server()?))?,
        snmptrapd: Snmptrapd::start(&places.run.join("snmptrapd-of-the-daemon"))?,
    };
    let sinks: String = peers
        .sinks(&authority.file, &places.run)
        .iter()
        .map(Written::table)
        .collect();
    let watched = Watched::Restartables(&services);
    let mut vrwatch = Vrwatch::start_telling(&places.run.join("all-on"), "1s", &watched, &sinks)?;
    services.until_all_run()?;

    let mut restarts = 0;
    let mut kill = |vrwatch: &mut Vrwatch, times: usize| -> anyhow::Result<()> {
        for _ in 0..times {
            restarts += 1;
            services.kill(0)?;
            services.until_it_runs(0)?;
            vrwatch.until_restarted(0, restarts)?;
        }
        Ok(())
    };
    kill(&mut vrwatch, effort.deliveries)?;
    eventually("every sink has everything", || {
        vrwatch.sinks().ok().filter(|sinks| {
            sinks.len() == KINDS
                && sinks
                    .iter()
                    .all(|sink| sink["pending"] == 0 && sink["delivered"] != 0)
        })
    })?;
    let outages = effort.deliveries;
    let figure = format!("five sinks on, {outages} outages told");
    weigh(&figure, &vrwatch, table)?;

    // All but the local syslog find nobody any more.
    drop(peers);
    std::fs::remove_dir_all(places.run.join("log-of-the-daemon"))?;
    kill(&mut vrwatch, effort.deliveries)?;
    std::thread::sleep(effort.idle / 2);
    let failing = vrwatch
        .sinks()?
        .iter()
        .filter(|sink| !sink["failing_since"].is_null())
        .count();
    ensure!(
        failing == KINDS - 1,
        "{failing} sinks fail: {:?}",
        vrwatch.sinks()?
    );
    weigh(
        &format!("four of them dead, {outages} more"),
        &vrwatch,
        table,
    )?;

    let binary = peers::vrwatch::size()?;
    let mark = Mark::below(binary, BINARY_MARK, format!("< {}", size(BINARY_MARK)));
    table.add_size(
        "binary with every kind of sink",
        "vrwatch",
        binary,
        Some(mark),
    );
    Ok(())
}

/// Who is told.
struct Peers {
    web: Loopback,
    mail: Loopback,
    snmptrapd: Snmptrapd,
}

impl Peers {
    /// Four sinks; the daemon has the fifth already.
    fn sinks(&self, authorities: &Path, folder: &Path) -> [Written; 4] {
        let ca = format!("ca_file = \"{}\"", authorities.display());
        let log = folder.join("log-of-the-daemon");
        // Made here, so that it can be taken away.
        let _ = std::fs::create_dir(&log);
        [
            Written::new(
                "http",
                format!(
                    "url = \"https://127.0.0.1:{}/\"\n{ca}\nflood = false",
                    self.web.port()
                ),
            ),
            Written::new(
                "email",
                format!(
                    "server = \"smtps://127.0.0.1:{}\"\nfrom = \"vrwatch@example\"\n\
                     to = [\"ops@example\"]\ndigest = \"1s\"\nflood = false\n\
                     rate = {{ mails = 1000, within = \"1s\" }}\n{ca}",
                    self.mail.port()
                ),
            ),
            Written::new(
                "snmp",
                format!(
                    "{}\nflood = false",
                    self.snmptrapd.section(Notification::V3Inform)
                ),
            ),
            Written::new(
                "poll",
                format!("log = \"{}/log\"\nflood = false", log.display()),
            ),
        ]
    }
}

fn weigh(figure: &str, vrwatch: &Vrwatch, table: &mut Table) -> anyhow::Result<()> {
    std::thread::sleep(SETTLING);
    let memory = process::memory(&[vrwatch.pid()])?;
    let mark = |value| Mark::below(value, RESIDENT_MARK, format!("< {}", size(RESIDENT_MARK)));
    table.add_size(figure, "RSS", memory.resident, Some(mark(memory.resident)));
    table.add_size(figure, "PSS", memory.proportional, None);
    let most = process::most_resident(vrwatch.pid())?;
    table.add_size(figure, "RSS, the most so far", most, None);
    Ok(())
}
