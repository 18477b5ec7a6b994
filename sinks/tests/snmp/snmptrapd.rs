//! A real snmptrapd of a test's own: own folder, own address on the loopback (so that the ports of
//! one test are no other's), own engine, ended by its pid however the test ends. It prints with the
//! names of the MIBs, so that what a test reads is what an operator reads.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};

use rustix::process::{Pid, Signal, kill_process};

use crate::events::{secret_file, wait_for};

/// How many there have been in this process.
static COUNT: AtomicU8 = AtomicU8::new(1);

const PROGRAM: &str = "/usr/sbin/snmptrapd";
const PORT: u16 = 5162;

pub(crate) const COMMUNITY: &str = "community-of-the-test";
pub(crate) const AUTH_PASSWORD: &str = "auth-password-of-the-test";
pub(crate) const PRIV_PASSWORD: &str = "priv-password-of-the-test";
/// The engine that the sections of traps name.
pub(crate) const OUR_ENGINE: &str = "0x80007ed9056d79726f75746572";

/// Where the MIBs are that are needed to print names.
pub(crate) fn mib_folders() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    format!(
        "{}:{}",
        root.join("tests/snmp/mibs").display(),
        root.join("../config").display()
    )
}

/// A way to protect messages, in the words of our section and of snmptrapd.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Protection {
    pub(crate) auth: &'static str,
    pub(crate) privacy: Option<&'static str>,
}

impl Protection {
    /// The name of the user that has it.
    pub(crate) fn user(self) -> String {
        format!("{}-{}", self.auth, self.privacy.unwrap_or("none"))
    }

    fn create_user(self, engine: Option<&str>) -> String {
        let auth = match self.auth {
            "sha1" => "SHA",
            "sha224" => "SHA-224",
            "sha256" => "SHA-256",
            "sha384" => "SHA-384",
            "sha512" => "SHA-512",
            other => panic!("no {other}"),
        };
        let user = self.user();
        let engine = engine.map_or(String::new(), |engine| format!("-e {engine} "));
        let (privacy, level) = match self.privacy {
            Some("aes128") => (format!(" AES {PRIV_PASSWORD}"), "priv"),
            Some("aes256") => (format!(" AES-256 {PRIV_PASSWORD}"), "priv"),
            None => (String::new(), "auth"),
            Some(other) => panic!("no {other}"),
        };
        format!(
            "createUser {engine}{user} {auth} {AUTH_PASSWORD}{privacy}\nauthUser log {user} {level}\n"
        )
    }
}

pub(crate) const PROTECTIONS: &[Protection] = &[
    protection("sha1", Some("aes128")),
    protection("sha1", Some("aes256")),
    protection("sha224", Some("aes128")),
    protection("sha224", Some("aes256")),
    protection("sha256", Some("aes128")),
    protection("sha256", Some("aes256")),
    protection("sha384", Some("aes128")),
    protection("sha384", Some("aes256")),
    protection("sha512", Some("aes128")),
    protection("sha512", Some("aes256")),
    protection("sha256", None),
];

/// The one that most tests use.
pub(crate) const USUAL: Protection = protection("sha256", Some("aes128"));

const fn protection(auth: &'static str, privacy: Option<&'static str>) -> Protection {
    Protection { auth, privacy }
}

pub(crate) struct Snmptrapd {
    folder: tempfile::TempDir,
    address: String,
    /// The engines, ours or its own, that its users belong to.
    engines: Vec<String>,
    child: Option<Child>,
}

/// A notification as snmptrapd understood it.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// How it came: `TRAP2, SNMP v3, user …` or `INFORM, SNMP v2c, community …`.
    pub(crate) how: String,
    /// What it carried: names and values, in their order.
    pub(crate) values: Vec<(String, String)>,
}

impl Received {
    /// The value of a name, without its type.
    pub(crate) fn value(&self, name: &str) -> &str {
        let by_name: BTreeMap<_, _> = self
            .values
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let value = by_name
            .get(name)
            .unwrap_or_else(|| panic!("no {name} in {self:#?}"));
        value
            .split_once(": ")
            .map_or(*value, |(_type, value)| value)
            .trim_matches('"')
    }

    /// Every value with its type, as it was printed.
    pub(crate) fn printed(&self, name: &str) -> &str {
        let found = self.values.iter().find(|(named, _)| named == name);
        &found.unwrap_or_else(|| panic!("no {name} in {self:#?}")).1
    }
}

impl Snmptrapd {
    /// Ready to be started; knows every user at [`OUR_ENGINE`] and at its own engine.
    pub(crate) fn new() -> Self {
        assert!(
            Path::new(PROGRAM).exists(),
            "{PROGRAM} is missing: run tests/all, which installs what the tests need"
        );
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let pid = std::process::id();
        Self {
            folder: tempfile::tempdir().unwrap(),
            // 127.128.0.0/10, by pid and by test within the process.
            address: format!("127.{}.{}.{count}", 128 + (pid >> 8) % 64, pid & 0xff),
            engines: vec![OUR_ENGINE.into()],
            child: None,
        }
    }

    pub(crate) fn started() -> Self {
        let mut snmptrapd = Self::new();
        snmptrapd.start();
        snmptrapd
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn target(&self) -> String {
        format!("udp:{}:{PORT}", self.address)
    }

    /// Also knows every user at this engine, from the next start on.
    pub(crate) fn trust_engine(&mut self, engine: &str) {
        self.engines.push(engine.into());
    }

    fn write_config(&self) {
        let mut config = format!("authCommunity log {COMMUNITY}\n");
        for protection in PROTECTIONS {
            config += &protection.create_user(None);
            for engine in &self.engines {
                config += &protection.create_user(Some(engine));
            }
        }
        // A line of how it came, a line a value, and a line that ends it.
        writeln!(config, "format2 BEGIN %P\\n%V\\n%v\\nEND\\n").unwrap();
        fs::write(self.path("snmptrapd.conf"), config).unwrap();
    }

    pub(crate) fn start(&mut self) {
        self.write_config();
        let errors = fs::File::create(self.path("stderr")).unwrap();
        let mut child = Command::new(PROGRAM)
            .args(["-f", "-C", "-n", "-Oa", "-m", "ALL", "-M"])
            .arg(mib_folders())
            .arg("-c")
            .arg(self.path("snmptrapd.conf"))
            .arg("-Lf")
            .arg(self.path("received"))
            .arg("-p")
            .arg(self.path("pid"))
            .arg(self.target())
            .env("SNMPCONFPATH", self.path("nothing"))
            .env("SNMP_PERSISTENT_DIR", self.path("persistent"))
            .env_remove("MIBS")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(errors)
            .spawn()
            .unwrap();
        let address = format!("{}:{PORT}", self.address);
        wait_for("snmptrapd listens", || {
            if let Some(status) = child.try_wait().unwrap() {
                let words = fs::read_to_string(self.path("stderr")).unwrap_or_default();
                let log = fs::read_to_string(self.path("received")).unwrap_or_default();
                panic!("snmptrapd ended, {status}: {words}{log}");
            }
            UdpSocket::bind(&address).is_err().then_some(())
        });
        self.child = Some(child);
    }

    /// Ends it as an init system would, and waits for it. It keeps its engine on disk.
    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
            kill_process(pid, Signal::TERM).unwrap();
            child.wait().unwrap();
        }
    }

    /// Makes it another engine with the next start.
    pub(crate) fn forget_engine(&self) {
        assert!(self.child.is_none(), "stop it first");
        fs::remove_dir_all(self.path("persistent")).unwrap();
    }

    /// A section that tells it over v2c.
    pub(crate) fn v2c(&self, kind: &str) -> String {
        let file = secret_file(self.folder(), "community", COMMUNITY);
        format!(
            "target = \"{}\"\nversion = \"v2c\"\nkind = \"{kind}\"\ncommunity_file = \"{}\"\n",
            self.target(),
            file.display()
        )
    }

    /// A section that tells it over v3.
    pub(crate) fn v3(&self, kind: &str, protection: Protection) -> String {
        let Protection { auth, privacy } = protection;
        let file = |name, password| secret_file(self.folder(), name, password);
        let mut section = format!(
            "target = \"{}\"\nversion = \"v3\"\nkind = \"{kind}\"\nuser = \"{}\"\n\
             auth = {{ protocol = \"{auth}\", password_file = \"{}\" }}\n",
            self.target(),
            protection.user(),
            file("auth", AUTH_PASSWORD).display()
        );
        if let Some(privacy) = privacy {
            writeln!(
                section,
                "priv = {{ protocol = \"{privacy}\", password_file = \"{}\" }}",
                file("priv", PRIV_PASSWORD).display()
            )
            .unwrap();
        }
        section
    }

    /// The key that makes a section of v3 traps use the engine that it knows.
    pub(crate) fn our_engine() -> String {
        format!("engine_id = \"{OUR_ENGINE}\"\n")
    }

    /// Everything it has received and written so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        let bytes = fs::read(self.path("received")).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        text.split("BEGIN ")
            .skip(1)
            .filter_map(|entry| entry.split_once("\nEND\n"))
            .map(|(entry, _)| {
                let (how, values) = entry.split_once('\n').unwrap_or((entry, ""));
                Received {
                    how: how.into(),
                    values: values
                        .lines()
                        .filter_map(|line| line.split_once(" = "))
                        .map(|(name, value)| (name.into(), value.into()))
                        .collect(),
                }
            })
            .collect()
    }

    /// Waits for so many notifications.
    pub(crate) fn wait_for(&self, count: usize) -> Vec<Received> {
        wait_for("snmptrapd writes the notifications", || {
            Some(self.received()).filter(|received| received.len() >= count)
        })
    }
}

impl Drop for Snmptrapd {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            let log = fs::read(self.path("received")).unwrap_or_default();
            eprintln!("snmptrapd said:\n{}", String::from_utf8_lossy(&log));
        }
    }
}
