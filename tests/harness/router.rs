//! A router in a box: private mount, network, process, host-name and IPC namespaces, in which
//! Debian's unmodified `service` scripts run the real daemons on their usual ports and pid files.
//! Its first process waits on a pipe from the test, so the box cannot outlive it, not even a kill -9.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::harness::{Peer, eventually, program};

/// What a command in the box did.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// What it wrote to its standard output.
    pub(crate) stdout: String,
    /// What it wrote to its standard error.
    pub(crate) stderr: String,
}

impl Outcome {
    /// Both outputs, for a text that may be in either.
    pub(crate) fn output(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// The same, when the command succeeded.
    #[track_caller]
    pub(crate) fn expect_success(self) -> Self {
        assert!(self.status.success(), "it failed: {self:#?}");
        self
    }
}

/// A running box. Dropping it ends every process in it.
pub(crate) struct Router {
    /// `unshare`, which waits for the first process.
    holder: Child,
    /// The process whose namespaces and root are those of the box.
    inside: u32,
}

impl Router {
    /// Boots a router whose first process collects orphans, with the configuration of all four
    /// daemons in place and none of them running.
    pub(crate) fn boot() -> Self {
        Self::boot_with("reap")
    }

    /// Boots a router in which an orphan that ends stays a zombie.
    pub(crate) fn boot_without_reaper() -> Self {
        Self::boot_with("keep-zombies")
    }

    /// Boots a router and starts these daemons in it.
    pub(crate) fn running(peers: &[Peer]) -> Self {
        let router = Self::boot();
        for &peer in peers {
            router.start(peer);
        }
        router
    }

    fn boot_with(reaper: &str) -> Self {
        let mut holder = Command::new("unshare")
            .args(["--mount", "--net", "--pid", "--ipc", "--uts"])
            .args(["--fork", "--kill-child", "--mount-proc"])
            .args(["sh", "-c", include_str!("boot.sh"), "boot"])
            .arg(program())
            .arg(reaper)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("`unshare` is missing: tests/all installs what the stories need");
        let mut said = String::new();
        let mut stdout = BufReader::new(holder.stdout.take().unwrap());
        stdout.read_line(&mut said).unwrap();
        if said != "ready\n" {
            let mut complaint = String::new();
            let _ = holder.stderr.take().unwrap().read_to_string(&mut complaint);
            panic!("no box could be made; the stories need root and namespaces: {complaint}");
        }
        // It stays in the new namespaces itself.
        let inside = holder.id();
        let router = Self::held_by(holder, inside);
        for peer in Peer::ALL {
            peer.install(&router);
        }
        router
    }

    /// A box that ends when `holder`'s standard input does, seen as the process `inside` sees it.
    pub(super) const fn held_by(holder: Child, inside: u32) -> Self {
        Self { holder, inside }
    }

    /// A command that will run in the box, with nothing of the test's own environment.
    pub(crate) fn command<I>(&self, argv: I) -> Command
    where
        I: IntoIterator,
        I::Item: AsRef<std::ffi::OsStr>,
    {
        let namespaces = format!("/proc/{}/ns", self.inside);
        let mut command = Command::new("/usr/bin/nsenter");
        command
            .arg(format!("--mount={namespaces}/mnt"))
            .arg(format!("--net={namespaces}/net"))
            .arg(format!("--ipc={namespaces}/ipc"))
            .arg(format!("--uts={namespaces}/uts"))
            .arg(format!("--pid={namespaces}/pid_for_children"))
            .arg("--")
            .args(argv)
            .env_clear()
            .env("PATH", "/run/box/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LANG", "C")
            .env("HOME", "/root")
            .stdin(Stdio::null());
        command
    }

    /// A command with the test's own files, of which the box has only the network. It ends with
    /// whatever started it.
    pub(crate) fn command_in_its_network(&self, program: &Path) -> Command {
        let mut command = Command::new("/usr/bin/nsenter");
        command
            .arg(format!("--net=/proc/{}/ns/net", self.inside))
            .args(["--", "setpriv", "--pdeathsig", "KILL", "--"])
            .arg(program)
            .stdin(Stdio::null());
        command
    }

    /// Opens something in the box's network for the test itself, which keeps it there.
    pub(crate) fn open_in_its_network<T: Send>(&self, open: impl FnOnce() -> T + Send) -> T {
        let network = fs::File::open(format!("/proc/{}/ns/net", self.inside)).unwrap();
        let enter_and_open = || {
            // Holds for this thread alone, which ends with it.
            let kind = Some(LinkNameSpaceType::Network);
            move_into_link_name_space(network.as_fd(), kind).unwrap();
            open()
        };
        thread::scope(|scope| scope.spawn(enter_and_open).join().unwrap())
    }

    /// Runs a command in the box until it ends.
    ///
    /// Its output goes to files: a daemon that it starts may keep a pipe open for ever.
    pub(crate) fn run<I>(&self, argv: I) -> Outcome
    where
        I: IntoIterator,
        I::Item: AsRef<std::ffi::OsStr>,
    {
        let mut outputs = [tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap()];
        let status = self
            .command(argv)
            .stdout(outputs[0].try_clone().unwrap())
            .stderr(outputs[1].try_clone().unwrap())
            .status()
            .unwrap();
        let [stdout, stderr] = outputs.each_mut().map(|file| {
            let mut bytes = Vec::new();
            std::io::Seek::rewind(file).unwrap();
            file.read_to_end(&mut bytes).unwrap();
            String::from_utf8_lossy(&bytes).into_owned()
        });
        Outcome {
            status,
            stdout,
            stderr,
        }
    }

    /// Debian's `service NAME ACTION`.
    pub(crate) fn service(&self, peer: Peer, action: &str) -> Outcome {
        self.run(["service", peer.service(), action])
    }

    /// Starts a daemon and waits until it answers.
    #[track_caller]
    pub(crate) fn start(&self, peer: Peer) -> u32 {
        self.service(peer, "start").expect_success();
        self.until_it_answers(peer)
    }

    /// Waits until the process of the pid file lives and its port answers; returns its pid.
    #[track_caller]
    pub(crate) fn until_it_answers(&self, peer: Peer) -> u32 {
        eventually(
            &format!("{peer:?} runs and answers"),
            || self.pid_of(peer).filter(|_| self.answers(peer)),
            || self.processes(),
        )
    }

    /// Whether something listens on the daemon's port.
    pub(crate) fn answers(&self, peer: Peer) -> bool {
        let connect = format!("exec 3<>/dev/tcp/127.0.0.1/{}", peer.port());
        self.run(["bash", "-c", &connect]).status.success()
    }

    /// The process that a daemon's pid file names, as the box numbers it, if it lives.
    pub(crate) fn pid_of(&self, peer: Peer) -> Option<u32> {
        self.pid_in(peer.pid_file())
    }

    /// The process that a pid file names, as the box numbers it, if it lives.
    pub(crate) fn pid_in(&self, pid_file: &str) -> Option<u32> {
        let text = fs::read_to_string(self.path(pid_file)).ok()?;
        let pid = text.trim().parse().ok()?;
        self.is_alive(pid).then_some(pid)
    }

    /// Starts a process that gets this very number, which must be free: a pid that is used again.
    #[track_caller]
    pub(crate) fn stranger_as(&self, pid: u32) {
        let spawn = format!(
            "echo {} >/proc/sys/kernel/ns_last_pid; sleep 600 & [ $! = {pid} ] || kill -KILL $!",
            pid - 1
        );
        // Another process may have been started in between and have taken the number's turn.
        eventually(
            &format!("a stranger has got the number {pid}"),
            || {
                if !self.is_alive(pid) {
                    self.run(["sh", "-c", &spawn]);
                }
                // Until its exec it still goes by the name of the shell.
                self.pids_named("sleep").contains(&pid).then_some(())
            },
            || self.processes(),
        );
    }

    /// Every live process of that name.
    pub(crate) fn pids_named(&self, name: &str) -> Vec<u32> {
        let found = self.run(["pgrep", "-x", name]);
        found
            .stdout
            .lines()
            .map(|line| line.parse().unwrap())
            .collect()
    }

    /// Whether a process of the box runs and is not a zombie.
    pub(crate) fn is_alive(&self, pid: u32) -> bool {
        self.state(pid)
            .is_some_and(|state| state != 'Z' && state != 'X')
    }

    /// The letter of a process's state, proc(5).
    pub(crate) fn state(&self, pid: u32) -> Option<char> {
        let stat = fs::read_to_string(self.path(&format!("/proc/{pid}/stat"))).ok()?;
        stat.rsplit_once(") ")?.1.chars().next()
    }

    /// Sends a signal, by its name without `SIG`.
    #[track_caller]
    pub(crate) fn signal(&self, pid: u32, signal: &str) {
        self.run(["kill", "-s", signal, &pid.to_string()])
            .expect_success();
    }

    /// `kill -9` of the process that the daemon's pid file names; returns its pid.
    #[track_caller]
    pub(crate) fn kill9(&self, peer: Peer) -> u32 {
        self.kill9_in(peer.pid_file())
    }

    /// The same of the process that a pid file names. It is dead on return, which takes a moment
    /// after the signal.
    #[track_caller]
    pub(crate) fn kill9_in(&self, pid_file: &str) -> u32 {
        let pid = self.pid_in(pid_file).expect("it runs");
        self.signal(pid, "KILL");
        eventually(
            "it is dead",
            || (!self.is_alive(pid)).then_some(()),
            || self.processes(),
        );
        pid
    }

    /// A process of the box, as the test numbers it: whoever names it means the box's namespaces.
    pub(crate) const fn inside(&self) -> u32 {
        self.inside
    }

    /// Where the test finds a file of the box.
    ///
    /// # Panics
    /// For `/var/run`: the link there is absolute, so from outside it leads out of the box.
    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        assert!(inside.starts_with('/') && !inside.starts_with("/var/run"));
        PathBuf::from(format!("/proc/{}/root{inside}", self.inside()))
    }

    /// Reads a file of the box; empty when it is not there.
    pub(crate) fn read(&self, inside: &str) -> String {
        fs::read(self.path(inside))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// Writes a file of the box, with the directories above it.
    pub(crate) fn write(&self, inside: &str, text: &str) {
        let path = self.path(inside);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Writes a file that only root may read.
    pub(crate) fn write_secret(&self, inside: &str, text: &str) {
        self.write(inside, text);
        fs::set_permissions(self.path(inside), Permissions::from_mode(0o600)).unwrap();
    }

    /// Everything that runs in the box, for a failure's message.
    pub(crate) fn processes(&self) -> String {
        self.run(["ps", "-eo", "pid,ppid,pgid,sid,stat,args"])
            .output()
    }
}

impl Router {
    /// Ends it, and returns when nothing of it is left.
    pub(super) fn end(&mut self) {
        // The end of its input ends the first process, and that ends all others; the kill is for a
        // box that never got that far.
        drop(self.holder.stdin.take());
        if std::thread::panicking() {
            let _ = self.holder.kill();
        }
        let _ = self.holder.wait();
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        self.end();
    }
}
