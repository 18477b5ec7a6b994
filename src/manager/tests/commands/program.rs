//! Runs the program in a folder of its own, and asks its server over a plain connection.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::mariadb::MariaDb;

/// More than anything takes on a machine that does other things too.
const GENEROUS: Duration = Duration::from_mins(1);

/// Where everything is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Database {
    Sqlite,
    /// One of the program's own.
    MariaDb,
}

pub(crate) struct Program {
    folder: TempDir,
    _database: Option<MariaDb>,
    /// What runs it, with its arguments; empty when it is run as it is.
    run_by: Vec<String>,
}

#[allow(dead_code, reason = "shared by stories that need different parts")]
impl Program {
    /// With a configuration that keeps all in a folder of its own, and what else it says; `PLACE` in
    /// it is that folder.
    pub(crate) fn with(more: &str) -> Self {
        Self::on(Database::Sqlite, more)
    }

    /// The same with this database.
    pub(crate) fn on(database: Database, more: &str) -> Self {
        let server = match database {
            Database::Sqlite => None,
            Database::MariaDb => Some(MariaDb::start()),
        };
        let program = Self::written(|place| {
            let url = match &server {
                None => format!("sqlite:{place}/manager.db"),
                Some(server) => server.url(),
            };
            format!(
                "[http]\nlisten = \"127.0.0.1:0\"\n[database]\nurl = \"{url}\"\n\
                 [secrets]\nkey_file = \"{place}/sealing.key\"\n[state]\ndirectory = \"{place}\"\n\
                 {more}"
            )
            .replace("PLACE", place)
        });
        Self {
            _database: server,
            ..program
        }
    }

    /// With the configuration that `text` makes for a folder of its own.
    pub(crate) fn written(text: impl FnOnce(&str) -> String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = text(folder.path().to_str().unwrap());
        fs::write(folder.path().join("manager.toml"), text).unwrap();
        Self {
            folder,
            _database: None,
            run_by: Vec::new(),
        }
    }

    /// From now on this runs it, which becomes it.
    pub(crate) fn run_by(mut self, words: &[&str]) -> Self {
        self.run_by = words.iter().map(|&word| word.to_owned()).collect();
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let program = env!("CARGO_BIN_EXE_vrwatch-manager").to_owned();
        let mut words = self.run_by.iter().chain([&program]);
        let mut command = Command::new(words.next().unwrap());
        command
            .args(words)
            .arg("--config")
            .arg(self.path("manager.toml"))
            .args(arguments)
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// What it prints, when all is well.
    pub(crate) fn says(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What it complains about, when it ends with this code.
    pub(crate) fn fails(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {errors}");
        errors
    }

    /// The same with something on stdin.
    pub(crate) fn says_to(&self, input: &str, arguments: &[&str]) -> String {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).unwrap();
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{arguments:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What it shows on a terminal of its own, where this is typed.
    pub(crate) fn on_a_terminal(&self, typed: &str, arguments: &[&str]) -> String {
        let quoted = |text: &str| format!("'{text}'");
        let config = self.path("manager.toml");
        let mut words = vec![
            quoted(env!("CARGO_BIN_EXE_vrwatch-manager")),
            "--config".into(),
        ];
        words.push(quoted(config.to_str().unwrap()));
        words.extend(arguments.iter().map(|text| quoted(text)));
        let mut child = Command::new("script")
            .args([
                "--quiet",
                "--return",
                "--echo",
                "never",
                "--command",
                &words.join(" "),
            ])
            .arg("/dev/null")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let mut shown = Vec::new();
        for line in typed.lines() {
            // Typed when it is asked for.
            let mut byte = [0];
            while byte != *b":" {
                assert_eq!(stdout.read(&mut byte).unwrap(), 1, "{shown:?}");
                shown.push(byte[0]);
            }
            stdin.write_all(format!("{line}\n").as_bytes()).unwrap();
        }
        stdout.read_to_end(&mut shown).unwrap();
        let shown = String::from_utf8_lossy(&shown).into_owned();
        assert!(child.wait().unwrap().success(), "{arguments:?}: {shown}");
        shown
    }

    /// What it complains about in a session that has no terminal, when it ends with 2.
    pub(crate) fn without_a_terminal(&self, arguments: &[&str]) -> String {
        let inner = self.command(arguments);
        let output = Command::new("setsid")
            .arg("--wait")
            .arg(inner.get_program())
            .args(inner.get_args())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
        errors
    }

    pub(crate) fn serve(&self) -> Server {
        let mut child = self
            .command(&["serve"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (lines, read) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let _ = lines.send(line);
            }
        });
        let mut server = Server {
            child,
            read,
            log: Vec::new(),
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
        };
        let line = server.until("listening");
        let at = line.split("address=").nth(1).unwrap();
        server.address = at.split(' ').next().unwrap().parse().unwrap();
        server
    }
}

/// A server that ends with this.
pub(crate) struct Server {
    child: Child,
    read: Receiver<String>,
    pub(crate) log: Vec<String>,
    address: SocketAddr,
}

#[allow(dead_code, reason = "shared by stories that need different parts")]
impl Server {
    /// Waits for a line with this in it.
    pub(crate) fn until(&mut self, part: &str) -> String {
        loop {
            let line = match self.read.recv_timeout(GENEROUS) {
                Ok(line) => line,
                Err(error) => panic!("{error} before {part:?}: {:#?}", self.log),
            };
            self.log.push(line.clone());
            if line.contains(part) {
                return line;
            }
        }
    }

    /// Status, and the body.
    pub(crate) fn ask(&self, head: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(GENEROUS)).unwrap();
        let (line, headers) = head.split_once('\n').unwrap_or((head, ""));
        let request = format!(
            "{line} HTTP/1.1\r\nhost: manager\r\nconnection: close\r\ncontent-length: {}\r\n\
             content-type: application/json\r\n{}\r\n{body}",
            body.len(),
            headers
                .lines()
                .fold(String::new(), |all, one| all + one + "\r\n"),
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        assert!(!head.to_lowercase().contains("chunked"), "{head}");
        (status, body.to_owned())
    }

    /// All that it has said so far.
    pub(crate) fn heard(&mut self) -> &[String] {
        self.log.extend(self.read.try_iter());
        &self.log
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// Asks it to end, as systemd does; its exit code.
    pub(crate) fn end(mut self) -> Option<i32> {
        self.signal(Signal::TERM);
        self.child.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
