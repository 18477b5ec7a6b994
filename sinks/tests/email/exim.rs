//! A real exim of a test's own: own folder and spool, an own loopback address, mails in a Maildir,
//! ended by its pid however the test ends.

use std::fs::{self, File, Permissions};
use std::net::TcpStream;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};

use rustix::process::{Pid, Signal, kill_process};

use crate::certificates::{Authority, Leaf};
use crate::events::wait_for;
use crate::letters::Letter;

/// How many there have been in this process.
static COUNT: AtomicU8 = AtomicU8::new(1);

const PROGRAM: &str = "/usr/sbin/exim4";
/// The user that Debian's package makes and that its exim runs as.
const USER: &str = "Debian-exim";

/// For STARTTLS, and for TLS from the start.
const PORTS: [u16; 2] = [2525, 4650];

pub(crate) const PASSWORD: &str = "the secret of exim";

pub(crate) struct Exim {
    folder: tempfile::TempDir,
    address: String,
    pub(crate) authority: Authority,
    child: Option<Child>,
}

impl Exim {
    /// Ready to be started. Takes mails only through TLS from those who log in.
    pub(crate) fn new() -> Self {
        assert!(
            Path::new(PROGRAM).exists(),
            "{PROGRAM} is missing: run tests/all, which installs what the tests need"
        );
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let pid = std::process::id();
        // 127.128.0.0/10, by pid and by test within the process.
        let address = format!("127.{}.{}.{count}", 128 + (pid >> 8) % 64, pid & 0xff);
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let authority = Authority::new(folder.path(), "authority");
        let leaf = authority.leaf(folder.path(), &address, 2100);
        let exim = Self {
            folder,
            address,
            authority,
            child: None,
        };
        let (user, group) = exim_ids();
        for name in ["spool", "log", "mail"] {
            fs::create_dir(exim.path(name)).unwrap();
            chown(exim.path(name), Some(user), Some(group)).unwrap();
        }
        exim.present(&leaf);
        exim.write_config();
        exim
    }

    pub(crate) fn started() -> Self {
        let mut exim = Self::new();
        exim.start();
        exim
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A certificate of its authority, for its address.
    pub(crate) fn leaf_until(&self, year: i32) -> Leaf {
        self.authority.leaf(self.folder(), &self.address, year)
    }

    /// Shows this certificate from now on.
    pub(crate) fn present(&self, leaf: &Leaf) {
        let (user, group) = exim_ids();
        for (from, to) in [(&leaf.certificate, "shown.pem"), (&leaf.key, "shown.key")] {
            fs::copy(from, self.path(to)).unwrap();
            chown(self.path(to), Some(user), Some(group)).unwrap();
        }
    }

    fn write_config(&self) {
        let config = format!(
            r"
primary_hostname = mx.example
spool_directory = {folder}/spool
log_file_path = {folder}/log/%slog
pid_file_path = {folder}/spool/pid
local_interfaces = {address}
daemon_smtp_ports = 2525 : 4650
tls_on_connect_ports = 4650
tls_advertise_hosts = *
tls_certificate = {folder}/shown.pem
tls_privatekey = {folder}/shown.key
auth_advertise_hosts = ${{if def:tls_in_cipher{{*}}}}
rfc1413_query_timeout = 0s
never_users =
deliver_drop_privilege = true
smtp_accept_max = 200
acl_smtp_rcpt = recipient
acl_smtp_data = content

begin acl
recipient:
  deny !authenticated = *
       message = log in first
  deny local_parts = nobody : noone
       message = no such user here
  defer local_parts = slow
       condition = ${{if exists{{{folder}/greylist}}}}
       message = greylisted, come back later
  accept
content:
  deny condition = ${{if match{{$message_body}}{{forbidden}}}}
       message = this is spam
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
  envelope_to_add
  return_path_add

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{vrwatch}}}}{{eq{{$auth3}}{{{PASSWORD}}}}}}}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${{if and{{{{eq{{$auth1}}{{vrwatch}}}}{{eq{{$auth2}}{{{PASSWORD}}}}}}}}}
  server_set_id = $auth1
",
            folder = self.folder.path().display(),
            address = self.address,
        );
        fs::write(self.path("exim.conf"), config).unwrap();
    }

    pub(crate) fn start(&mut self) {
        let errors = File::create(self.path("stderr")).unwrap();
        let mut child = Command::new(PROGRAM)
            .arg("-C")
            .arg(self.path("exim.conf"))
            .arg("-bdf")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(errors)
            .spawn()
            .unwrap();
        wait_for("exim listens", || {
            if let Some(status) = child.try_wait().unwrap() {
                let words = fs::read_to_string(self.path("stderr")).unwrap_or_default();
                panic!("exim ended, {status}: {words}");
            }
            PORTS.iter().all(|&port| self.listens(port)).then_some(())
        });
        self.child = Some(child);
    }

    fn listens(&self, port: u16) -> bool {
        TcpStream::connect((self.address.as_str(), port)).is_ok()
    }

    /// Ends it as an init system would, and waits for it and for its ports: a child that it has just
    /// forked holds them a moment longer. The kernel would take connections for that one, and reset
    /// them when it closes.
    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
            kill_process(pid, Signal::TERM).unwrap();
            child.wait().unwrap();
            wait_for("exim lets go of its ports", || {
                (!PORTS.iter().any(|&port| self.listens(port))).then_some(())
            });
        }
    }

    /// A section that works: STARTTLS, a trusted authority, a log-in, one recipient.
    pub(crate) fn section(&self) -> String {
        self.section_with("smtp", PASSWORD, &["ops@example"])
    }

    pub(crate) fn section_with(&self, scheme: &str, password: &str, to: &[&str]) -> String {
        let file = self.path("password");
        fs::write(&file, format!("{password}\n")).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        let port = if scheme == "smtp" { 2525 } else { 4650 };
        format!(
            "server = \"{scheme}://{}:{port}\"\nca_file = \"{}\"\nuser = \"vrwatch\"\n\
             password_file = \"{}\"\nfrom = \"Wächter <vrwatch@example>\"\nto = {to:?}\n\
             digest = \"0s\"\ntimeout = \"20s\"\n",
            self.address,
            self.authority.file.display(),
            file.display(),
        )
    }

    /// What it has written about the connections.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("log/mainlog")).unwrap_or_default()
    }

    fn mails(&self) -> Vec<Vec<u8>> {
        let mut files: Vec<_> = fs::read_dir(self.path("mail/new"))
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort_by_key(|path| fs::metadata(path).unwrap().modified().unwrap());
        files.iter().map(|path| fs::read(path).unwrap()).collect()
    }

    /// Waits for so many mails in all, a copy for each recipient; they are in no certain order.
    pub(crate) fn wait_for(&self, count: usize) -> Vec<Letter> {
        let mails = wait_for("exim delivers the mails", || {
            Some(self.mails()).filter(|mails| mails.len() >= count)
        });
        assert_eq!(mails.len(), count, "{}", self.log());
        mails.iter().map(|mail| Letter::read(mail)).collect()
    }
}

impl Drop for Exim {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The user and the group that exim runs as.
fn exim_ids() -> (u32, u32) {
    let passwd = fs::read_to_string("/etc/passwd").unwrap();
    let line = passwd
        .lines()
        .find(|line| line.starts_with(&format!("{USER}:")))
        .unwrap_or_else(|| panic!("no user {USER}: run tests/all"));
    let mut fields = line.split(':').skip(2).map(|id| id.parse().unwrap());
    (fields.next().unwrap(), fields.next().unwrap())
}
