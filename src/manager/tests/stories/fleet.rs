//! Routers that are visited: one real sshd, in which every address is a router with a journal and a
//! `vrwatch poll` of its own that notes who asks, and for what.

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::net::{IpAddr, Ipv4Addr, TcpStream};
use std::ops::RangeInclusive;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use channel::{Channel, Settings, Transaction};
use contract::{Draft, Event};
use manager::plan::inventory::{Change, Hypervisor};

use crate::harness::{self, eventually};
use crate::kills;
use crate::ssh::Keys;

/// Where all of them listen.
pub(crate) const PORT: u16 = 3922;

/// One router.
pub(crate) struct Visited {
    pub(crate) name: String,
    address: Ipv4Addr,
    folder: PathBuf,
    journal: Channel,
    /// The ids of what it has in its journal.
    pub(crate) told: Vec<String>,
}

/// An answered `vrwatch poll`.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    /// In milliseconds since 1970.
    pub(crate) time: u64,
    /// The connection over which it came: a visit has one.
    pub(crate) visit: String,
    /// The number of the event that it asked behind.
    pub(crate) after: u64,
}

/// The routers.
pub(crate) struct Fleet {
    pub(crate) routers: Vec<Visited>,
    sshd: Child,
}

impl Fleet {
    /// Starts those of these numbers, which let in who has the manager's key. All is kept in the
    /// folder of the keys.
    pub(crate) fn start(numbers: RangeInclusive<u8>, keys: &Keys) -> Self {
        let routers: Vec<Visited> = numbers
            .clone()
            .map(|number| visited(number, keys))
            .collect();
        let first = *numbers.start();
        let folder = keys.path("");
        let shown = folder.display();
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(folder.join(format!("key-{first}")))
            .status()
            .unwrap();
        assert!(made.success());
        let mut listen = String::new();
        let mut rooms = String::new();
        for number in numbers {
            let (address, room) = (address(number), folder.join(name(number)));
            let room = room.display();
            writeln!(listen, "ListenAddress {address}:{PORT}").unwrap();
            writeln!(rooms, "Match LocalAddress {address}").unwrap();
            writeln!(rooms, "SetEnv PATH={room}/bin:/usr/bin:/bin").unwrap();
        }
        let config = format!(
            "{listen}HostKey {shown}/key-{first}\nPidFile none\nAuthorizedKeysFile {shown}/manager.pub\n\
             StrictModes no\nUsePAM no\nPermitRootLogin prohibit-password\n\
             PasswordAuthentication no\nMaxStartups 100\n{rooms}"
        );
        fs::write(folder.join(format!("config-{first}")), config).unwrap();
        fs::create_dir_all("/run/sshd").unwrap();
        let sshd = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "/usr/sbin/sshd", "-D", "-f"])
            .arg(folder.join(format!("config-{first}")))
            .arg("-E")
            .arg(folder.join(format!("log-{first}")))
            .stdin(Stdio::null())
            .spawn()
            .expect("sshd is missing: run tests/all");
        let fleet = Self { routers, sshd };
        eventually(
            "the routers' sshd listens",
            || TcpStream::connect((address(first), PORT)).ok().map(drop),
            || fs::read_to_string(folder.join(format!("log-{first}"))).unwrap_or_default(),
        );
        fleet
    }

    /// The `[ssh]` table for them.
    pub(crate) fn settings(keys: &Keys) -> String {
        let key = keys.path("manager");
        format!(
            "[ssh]\nport = {PORT}\nkey_file = \"{}\"\nknown_hosts = \"PLACE/known_hosts\"\n\
             connect_timeout = \"5s\"\nalive_every = \"1s\"\n",
            key.display()
        )
    }

    /// What makes them known.
    pub(crate) fn changes(&self) -> Vec<Change> {
        let routers = self.routers.iter();
        routers
            .map(|router| known(&router.name, router.address))
            .collect()
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        let _ = self.sshd.kill();
        let _ = self.sshd.wait();
    }
}

impl Visited {
    /// An outage and its end, for its journal.
    pub(crate) fn has_an_outage(&mut self) {
        let drafts = kills::outage(&self.name, self.told.len() / 2)
            .into_iter()
            .map(draft)
            .collect();
        let events = self.journal.publish(Transaction {
            drafts,
            notes: Vec::new(),
        });
        self.told.extend(events.into_iter().map(|event| event.id));
    }

    /// Everything it was asked so far, in order.
    pub(crate) fn questions(&self) -> Vec<Question> {
        let text = fs::read_to_string(self.folder.join("asked")).unwrap_or_default();
        text.lines()
            .map(|line| {
                let mut words = line.split(' ');
                let mut next = || words.next().unwrap_or_default();
                Question {
                    time: next().parse().unwrap(),
                    visit: next().to_owned(),
                    // `poll --after 1.SEQ.NAME`
                    after: match line.split_once("--after ") {
                        Some((_, cursor)) => cursor.split('.').nth(1).unwrap().parse().unwrap(),
                        None => 0,
                    },
                }
            })
            .collect()
    }

    /// The longest that it waited between two questions.
    pub(crate) fn longest_wait(&self) -> Duration {
        let times: Vec<u64> = self.questions().iter().map(|it| it.time).collect();
        let waits = times.windows(2).map(|pair| pair[1] - pair[0]);
        Duration::from_millis(waits.max().unwrap_or_default())
    }

    /// Nobody asked while another did, no two visits went on at once, and no cursor went back.
    pub(crate) fn was_visited_by_one_at_a_time(&self) {
        let name = &self.name;
        let overlaps = fs::read_to_string(self.folder.join("overlaps")).unwrap_or_default();
        assert_eq!(overlaps, "", "{name} was visited by two at once");
        let questions = self.questions();
        let mut visits: Vec<&str> = questions.iter().map(|it| it.visit.as_str()).collect();
        visits.dedup();
        let count = visits.len();
        visits.sort_unstable();
        visits.dedup();
        assert_eq!(
            visits.len(),
            count,
            "{name}: visits went on at once: {questions:#?}"
        );
        self.was_never_asked_behind_an_earlier_cursor();
    }

    pub(crate) fn was_never_asked_behind_an_earlier_cursor(&self) {
        let questions = self.questions();
        let in_order = questions.is_sorted_by_key(|question| question.after);
        assert!(
            in_order,
            "{}: a cursor went back: {questions:#?}",
            self.name
        );
    }
}

/// A router that is visited at this address.
pub(crate) fn known(name: &str, address: Ipv4Addr) -> Change {
    let mut router = kills::router(name);
    router.hypervisor = Hypervisor::Vmware;
    router.address = Some(IpAddr::V4(address));
    router.running = true;
    Change::SetRouter(router)
}

/// Its address is of no network of another test, which has its own port or its own network.
pub(crate) const fn address(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 9, 0, number)
}

pub(crate) fn name(number: u8) -> String {
    format!("v-{number}-VM")
}

fn visited(number: u8, keys: &Keys) -> Visited {
    let name = name(number);
    let folder = keys.path(&name);
    let shown = folder.display();
    fs::create_dir_all(folder.join("bin")).unwrap();
    fs::write(
        folder.join("vrwatch.toml"),
        format!(
            "[router]\nname = \"{name}\"\n[journal]\ndirectory = \"{shown}\"\n\
             [control]\nsocket = \"{shown}/control.sock\"\n\
             [sink.local.syslog]\ntarget = \"unix:{shown}/log\"\n"
        ),
    )
    .unwrap();
    let program = harness::program();
    let program = program.display();
    let script = folder.join("bin/vrwatch");
    fs::write(
        &script,
        format!(
            "#!/bin/sh\n\
             visitor=$(echo $SSH_CONNECTION | cut -d' ' -f1,2 | tr ' ' :)\n\
             if [ \"$1\" = poll ]; then\n\
             exec 9>>{shown}/lock\n\
             flock -n 9 || echo \"$*\" >>{shown}/overlaps\n\
             echo \"$(date +%s%3N) $visitor $*\" >>{shown}/asked\n\
             sleep 0.2\n\
             set -- --config {shown}/vrwatch.toml \"$@\"\n\
             fi\n\
             exec {program} \"$@\"\n"
        ),
    )
    .unwrap();
    fs::set_permissions(&script, Permissions::from_mode(0o755)).unwrap();
    let settings = Settings {
        directory: folder.clone(),
        ..Settings::default()
    };
    let (journal, _) = Channel::open(settings, name.clone()).unwrap();
    Visited {
        address: address(number),
        name,
        folder,
        journal,
        told: Vec::new(),
    }
}

/// An event that is yet to get its number and id.
fn draft(event: Event) -> Draft {
    Draft {
        service: event.service,
        process: event.process,
        outage: event.outage,
        time: event.time,
        fact: event.fact,
    }
}
