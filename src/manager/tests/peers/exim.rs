//! A real exim of a test's own, for a relay on the same machine: own folder, spool and loopback
//! address, mails in a Maildir, ended by its pid however the test ends.

use std::fs::{self, File, Permissions};
use std::net::TcpStream;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How many there have been in this process.
static COUNT: AtomicU8 = AtomicU8::new(1);

const PROGRAM: &str = "/usr/sbin/exim4";
/// The user that Debian's package makes and that its exim runs as.
const USER: &str = "Debian-exim";
const PORT: u16 = 2526;

pub(crate) struct Exim {
    folder: tempfile::TempDir,
    address: String,
    child: Child,
}

impl Exim {
    pub(crate) fn started() -> Self {
        assert!(
            Path::new(PROGRAM).exists(),
            "{PROGRAM} is missing: run tests/all, which installs what the tests need"
        );
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let pid = std::process::id();
        // 127.64.0.0/10, by pid and by test within the process.
        let address = format!("127.{}.{}.{count}", 64 + (pid >> 8) % 64, pid & 0xff);
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let (user, group) = ids();
        for name in ["spool", "log", "mail"] {
            let path = folder.path().join(name);
            fs::create_dir(&path).unwrap();
            chown(&path, Some(user), Some(group)).unwrap();
        }
        let config = config(folder.path(), &address);
        fs::write(folder.path().join("exim.conf"), config).unwrap();
        let child = Command::new(PROGRAM)
            .arg("-C")
            .arg(folder.path().join("exim.conf"))
            .arg("-bdf")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(folder.path().join("stderr")).unwrap())
            .spawn()
            .unwrap();
        let mut exim = Self {
            folder,
            address,
            child,
        };
        let start = Instant::now();
        while TcpStream::connect((exim.address.as_str(), PORT)).is_err() {
            let ended = exim.child.try_wait().unwrap();
            assert!(
                ended.is_none() && start.elapsed() < Duration::from_mins(2),
                "exim does not listen: {ended:?}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        exim
    }

    /// The body of a section that tells it.
    pub(crate) fn section(&self) -> String {
        format!(
            "server = \"smtp://{}:{PORT}\"\nstarttls = \"never\"\nfrom = \"vrwatch@example\"\n\
             to = [\"ops@example\"]\n",
            self.address
        )
    }

    /// The mails that are delivered, the oldest first, with folded lines unfolded.
    pub(crate) fn mails(&self) -> Vec<String> {
        let mut files: Vec<PathBuf> = fs::read_dir(self.folder.path().join("mail/new"))
            .into_iter()
            .flatten()
            .map(|file| file.unwrap().path())
            .collect();
        files.sort_by_key(|file| fs::metadata(file).unwrap().modified().unwrap());
        let read = |file: &PathBuf| String::from_utf8_lossy(&fs::read(file).unwrap()).into_owned();
        files
            .iter()
            .map(read)
            .map(|mail| mail.replace("\r\n", "\n").replace("\n ", " "))
            .collect()
    }
}

impl Drop for Exim {
    fn drop(&mut self) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let _ = self.child.wait();
    }
}

fn config(folder: &Path, address: &str) -> String {
    format!(
        r"
primary_hostname = mx.example
spool_directory = {folder}/spool
log_file_path = {folder}/log/%slog
pid_file_path = {folder}/spool/pid
local_interfaces = {address}
daemon_smtp_ports = {PORT}
rfc1413_query_timeout = 0s
never_users =
deliver_drop_privilege = true
acl_smtp_rcpt = recipient

begin acl
recipient:
  accept

begin routers
everybody:
  driver = accept
  transport = maildir

begin transports
maildir:
  driver = appendfile
  maildir_format
  directory = {folder}/mail
  user = {USER}
  group = {USER}
",
        folder = folder.display(),
    )
}

/// The numbers of exim's user and group.
fn ids() -> (u32, u32) {
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let line = users
        .lines()
        .find(|line| line.starts_with(&format!("{USER}:")))
        .unwrap_or_else(|| panic!("there is no user {USER}: run tests/all"));
    let mut numbers = line.split(':').skip(2).map(|it| it.parse().unwrap());
    (numbers.next().unwrap(), numbers.next().unwrap())
}
