//! A real `MariaDB` of a test's own: in a directory of its own, on a loopback port, ended with the
//! test, also when that is killed. Tests that need one say
//! `#[path = "../peers/mariadb.rs"] mod mariadb;`, those within the crate with the way from there.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

const SERVER: &str = "/usr/sbin/mariadbd";
const PATIENCE: Duration = Duration::from_mins(2);

/// A running server; it ends when this is dropped.
pub(crate) struct MariaDb {
    server: Child,
    port: u16,
    directory: TempDir,
}

impl MariaDb {
    /// Starts one with an empty database `vrwatch`.
    pub(crate) fn start() -> Self {
        Self::start_in(&std::env::temp_dir())
    }

    /// The same with all that is its own in a folder there.
    pub(crate) fn start_in(place: &Path) -> Self {
        assert!(
            Path::new(SERVER).exists(),
            "{SERVER} is missing: run `tests/all` once, it installs what the tests need"
        );
        let directory = tempfile::Builder::new()
            .prefix("vrwatch-mariadb-")
            .tempdir_in(place)
            .unwrap();
        let data = directory.path().join("data");
        run(Command::new("cp").arg("-r").arg(template()).arg(&data));
        let init = directory.path().join("init.sql");
        fs::write(
            &init,
            "CREATE DATABASE IF NOT EXISTS vrwatch;\n\
             CREATE USER IF NOT EXISTS 'vrwatch'@'127.0.0.1' IDENTIFIED BY 'enter';\n\
             GRANT ALL ON vrwatch.* TO 'vrwatch'@'127.0.0.1';\n",
        )
        .unwrap();
        let mut mariadb = Self {
            server: Command::new("true").spawn().unwrap(),
            port: 0,
            directory,
        };
        mariadb.server.wait().unwrap();
        // Somebody else may take the port between our letting go of it and the server's taking it.
        for _ in 0..5 {
            mariadb.port = TcpListener::bind("127.0.0.1:0")
                .unwrap()
                .local_addr()
                .unwrap()
                .port();
            mariadb.launch();
            if mariadb.is_up() {
                return mariadb;
            }
        }
        panic!("mariadbd does not start: {}", mariadb.log());
    }

    fn launch(&mut self) {
        let path = self.directory.path();
        let log = fs::File::create(path.join("log")).unwrap();
        let temporary = path.join("tmp");
        fs::create_dir_all(&temporary).unwrap();
        // `setpriv` has the kernel end the server when the test is killed.
        self.server = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", SERVER, "--no-defaults"])
            .arg(format!("--datadir={}", path.join("data").display()))
            // A server that starts removes what it takes for its own left-overs there, also those
            // that another one is using.
            .arg(format!("--tmpdir={}", temporary.display()))
            .arg(format!("--socket={}", path.join("socket").display()))
            .arg(format!("--pid-file={}", path.join("pid").display()))
            .arg(format!("--init-file={}", path.join("init.sql").display()))
            .arg(format!("--port={}", self.port))
            .args(["--bind-address=127.0.0.1", "--skip-name-resolve"])
            .args(["--user=root", "--innodb-buffer-pool-size=64M"])
            .args(["--performance-schema=OFF", "--max-connections=200"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
    }

    /// Waits until it answers, or has ended.
    fn is_up(&mut self) -> bool {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if self.log().contains("ready for connections") {
                return true;
            }
            if self.server.try_wait().unwrap().is_some() {
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("mariadbd does not come up: {}", self.log());
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    /// The URL for `[database] url`.
    pub(crate) fn url(&self) -> String {
        format!("mysql://vrwatch:enter@127.0.0.1:{}/vrwatch", self.port)
    }
}

#[allow(dead_code, reason = "stories about its end alone need it")]
impl MariaDb {
    /// kill -9.
    pub(crate) fn kill9(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }

    /// Starts it again, where it was.
    pub(crate) fn start_again(&mut self) {
        // Its port may be taken for a moment by a connection that somebody made from there.
        for _ in 0..20 {
            self.launch();
            if self.is_up() {
                return;
            }
        }
        panic!("mariadbd does not start again: {}", self.log());
    }
}

impl Drop for MariaDb {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// An empty data directory, made once for all tests of this build.
fn template() -> PathBuf {
    // Beside `deps`, where the test program is: cargo tells tests within a crate of no such folder.
    let program = std::env::current_exe().unwrap();
    let kept = program.ancestors().nth(3).unwrap().join("tmp");
    let template = kept.join("mariadb-template");
    if template.exists() {
        return template;
    }
    fs::create_dir_all(&kept).unwrap();
    let fresh = tempfile::Builder::new()
        .prefix("mariadb-fresh-")
        .tempdir_in(&kept)
        .unwrap();
    let data = fresh.path().join("data");
    run(Command::new("mariadb-install-db")
        .args(["--no-defaults", "--user=root", "--skip-test-db"])
        .args([
            "--auth-root-authentication-method=normal",
            "--innodb-log-file-size=16M",
        ])
        .arg(format!("--datadir={}", data.display())));
    // Another test may have been faster: then its template stands.
    let _ = fs::rename(&data, &template);
    template
}

fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
