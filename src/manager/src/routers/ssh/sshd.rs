//! Real sshds for tests: each with keys of its own on a loopback address, ended with its object.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::config;

/// A folder of a test: the keys of the manager and of the host, and what the tests need.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) folder: TempDir,
}

impl Keys {
    pub(crate) fn new() -> Self {
        let keys = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        for name in ["manager", "on_host", "stranger"] {
            generate(&keys.path(name));
        }
        keys
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The `[ssh]` table for routers at `router`'s port and hosts at `host`'s, with more keys.
    pub(crate) fn settings(&self, router: u16, host: u16, more: &str) -> config::Ssh {
        let folder = self.folder.path().display();
        toml::from_str(&format!(
            r#"
                port = {router}
                key_file = "{folder}/manager"
                known_hosts = "{folder}/known_hosts"
                jump.port = {host}
                jump.host_key_file = "{folder}/on_host"
                {more}
            "#
        ))
        .unwrap()
    }

    pub(crate) fn known_hosts(&self) -> String {
        fs::read_to_string(self.path("known_hosts")).unwrap_or_default()
    }
}

/// One sshd.
#[derive(Debug)]
pub(crate) struct Sshd {
    pub(crate) address: Ipv4Addr,
    pub(crate) port: u16,
    folder: TempDir,
    child: Option<Child>,
}

impl Sshd {
    /// Starts one that lets in who holds one of these keys. Its programs see `MACHINE=name`.
    pub(crate) fn start(name: &str, keys: &Keys, let_in: &[&str]) -> Self {
        Self::start_with(name, keys, let_in, "/usr/bin:/bin")
    }

    /// The same where programs are looked for in `path`.
    pub(crate) fn start_with(name: &str, keys: &Keys, let_in: &[&str], path: &str) -> Self {
        // Router and host have addresses of their own, as in life.
        let last = if name == "host" { 2 } else { 3 };
        let address = Ipv4Addr::new(127, 0, 0, last);
        let port = TcpListener::bind((address, 0))
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let mut sshd = Self {
            address,
            port,
            folder: tempfile::tempdir().unwrap(),
            child: None,
        };
        let folder = sshd.folder.path();
        generate(&folder.join("host_key"));
        let authorized: String = let_in
            .iter()
            .map(|key| fs::read_to_string(keys.path(&format!("{key}.pub"))).unwrap())
            .collect();
        fs::write(folder.join("authorized_keys"), authorized).unwrap();
        let here = folder.display();
        let configuration = format!(
            "ListenAddress {address}:{port}\nHostKey {here}/host_key\nPidFile none\n\
             AuthorizedKeysFile {here}/authorized_keys\nStrictModes no\nUsePAM no\n\
             PermitRootLogin prohibit-password\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\nMaxStartups 100\nSetEnv MACHINE={name} PATH={path}\n"
        );
        fs::write(folder.join("sshd_config"), configuration).unwrap();
        sshd.run();
        sshd
    }

    fn run(&mut self) {
        // sshd insists on this folder, which its unit would make.
        fs::create_dir_all("/run/sshd").unwrap();
        let log = self.folder.path().join("log");
        let child = Command::new("/usr/sbin/sshd")
            .args(["-D", "-f"])
            .arg(self.folder.path().join("sshd_config"))
            .arg("-E")
            .arg(&log)
            .stdin(Stdio::null())
            .spawn()
            .expect("sshd is missing: run tests/all");
        self.child = Some(child);
        until("sshd listens", || {
            TcpStream::connect((self.address, self.port)).is_ok()
        });
    }

    /// Makes it anew, as a router that was destroyed: the same address, another host key.
    pub(crate) fn make_anew(&mut self) {
        self.stop();
        let key = self.folder.path().join("host_key");
        fs::remove_file(&key).unwrap();
        generate(&key);
        self.run();
    }

    /// The processes that serve connections.
    pub(crate) fn sessions(&self) -> Vec<i32> {
        let pid = self.child.as_ref().unwrap().id();
        fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))
            .unwrap_or_default()
            .split_whitespace()
            .map(|pid| pid.parse().unwrap())
            .collect()
    }

    /// Cuts every connection.
    pub(crate) fn cut(&self) {
        for pid in self.sessions() {
            kill(pid);
        }
    }

    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            for pid in fs::read_to_string(format!("/proc/{0}/task/{0}/children", child.id()))
                .unwrap_or_default()
                .split_whitespace()
            {
                kill(pid.parse().unwrap());
            }
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.stop();
    }
}

fn kill(pid: i32) {
    if let Some(pid) = rustix::process::Pid::from_raw(pid) {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
}

fn generate(path: &Path) {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(path)
        .status()
        .expect("ssh-keygen is missing: run tests/all");
    assert!(made.success());
}

/// Waits for a condition, generously.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_mins(1);
    while !holds() {
        assert!(Instant::now() < end, "it never came about that {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
