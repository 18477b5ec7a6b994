//! A real snmptrapd in the box, which takes what a user of v3 signs and encrypts, or a
//! community of v2c, and writes it down with the names of our MIB.

use std::fs;
use std::net::UdpSocket;
use std::path::Path;

use crate::harness::{Router, eventually};

/// Where it listens.
pub(crate) const PORT: u16 = 1162;
/// Passwords and community, and where the sections find them.
pub(crate) const AUTH_PASSWORD: &str = "auth-password-of-the-nms";
pub(crate) const AUTH_FILE: &str = "/etc/vrwatch/snmp.auth";
pub(crate) const PRIV_PASSWORD: &str = "priv-password-of-the-nms";
pub(crate) const PRIV_FILE: &str = "/etc/vrwatch/snmp.priv";
pub(crate) const COMMUNITY: &str = "community-of-the-nms";
pub(crate) const COMMUNITY_FILE: &str = "/etc/vrwatch/snmp.community";

const FOLDER: &str = "/run/snmptrapd";
const RECEIVED: &str = "/run/snmptrapd/received";
const PID_FILE: &str = "/run/snmptrapd/pid";

/// The management system of a box; it ends with the box.
pub(crate) struct Snmptrapd<'router> {
    router: &'router Router,
}

impl<'router> Snmptrapd<'router> {
    #[track_caller]
    pub(crate) fn start(router: &'router Router) -> Self {
        router.write(
            &format!("{FOLDER}/snmptrapd.conf"),
            &format!(
                "createUser vrwatch SHA-256 {AUTH_PASSWORD} AES {PRIV_PASSWORD}\n\
                 authUser log vrwatch priv\nauthCommunity log {COMMUNITY}\n\
                 format2 BEGIN %P\\n%V\\n%v\\nEND\\n\n"
            ),
        );
        for (file, secret) in [
            (AUTH_FILE, AUTH_PASSWORD),
            (PRIV_FILE, PRIV_PASSWORD),
            (COMMUNITY_FILE, COMMUNITY),
        ] {
            router.write_secret(file, secret);
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let stand_ins = fs::read_dir(root.join("sinks/tests/snmp/mibs")).unwrap();
        let mibs = stand_ins.map(|file| file.unwrap().path());
        for mib in mibs.chain([root.join("config/VRWATCH-MIB.txt")]) {
            let name = mib.file_name().unwrap().to_str().unwrap();
            let text = fs::read_to_string(&mib).unwrap();
            router.write(&format!("{FOLDER}/mibs/{name}"), &text);
        }
        let snmptrapd = Self { router };
        snmptrapd.come_back();
        snmptrapd
    }

    /// The body of a section that tells it at this host: v3, encrypted informs.
    pub(crate) fn section(host: &str) -> String {
        format!(
            "target = \"udp:{host}:{PORT}\"\nversion = \"v3\"\nkind = \"inform\"\ntimeout = \"1s\"\n\
             user = \"vrwatch\"\nauth = {{ protocol = \"sha256\", password_file = \"{AUTH_FILE}\" }}\n\
             priv = {{ protocol = \"aes128\", password_file = \"{PRIV_FILE}\" }}\n"
        )
    }

    /// The same with v2c.
    pub(crate) fn section_with_community(host: &str) -> String {
        format!(
            "target = \"udp:{host}:{PORT}\"\nversion = \"v2c\"\nkind = \"inform\"\ntimeout = \"1s\"\n\
             community_file = \"{COMMUNITY_FILE}\"\n"
        )
    }

    #[track_caller]
    pub(crate) fn go_away(&self) {
        let pid = self.router.pid_in(PID_FILE).expect("snmptrapd runs");
        self.router.signal(pid, "TERM");
        eventually(
            "snmptrapd ends",
            || (!self.router.is_alive(pid)).then_some(()),
            || self.router.processes(),
        );
    }

    #[track_caller]
    pub(crate) fn come_back(&self) {
        let target = format!("udp:127.0.0.1:{PORT}");
        let start = format!(
            "cd {FOLDER} && export SNMPCONFPATH=nothing SNMP_PERSISTENT_DIR={FOLDER}/persistent && \
             exec snmptrapd -C -n -Oa -m ALL -M {FOLDER}/mibs -c {FOLDER}/snmptrapd.conf \
             -A -Lf {RECEIVED} -p {PID_FILE} {target}"
        );
        let start = self.router.run(["sh", "-c", &start]);
        assert!(start.status.success(), "run tests/all: {start:#?}");
        let is_free = || UdpSocket::bind(("127.0.0.1", PORT)).is_ok();
        eventually(
            "snmptrapd listens",
            || {
                let listens = !self.router.open_in_its_network(is_free);
                (listens && self.router.pid_in(PID_FILE).is_some()).then_some(())
            },
            || format!("{start:#?}\n{}", self.router.read(RECEIVED)),
        );
    }

    /// What it has received, as it writes it.
    pub(crate) fn received(&self) -> String {
        self.router.read(RECEIVED)
    }

    /// The ids of the events, in the order in which they came.
    pub(crate) fn ids(&self) -> Vec<String> {
        let text = self.received();
        let values = text.lines().filter_map(|line| {
            line.split_once("vrwatchEventId")?
                .1
                .split_once(" = STRING: ")
        });
        values
            .map(|(_, id)| id.trim_matches('"').to_owned())
            .collect()
    }
}
