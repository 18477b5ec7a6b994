//! Receivers in Python: the system's interpreter, in an environment of its own under the target
//! folder that holds what `peers/requirements.txt` names. Each is ended by its pid however the
//! test ends.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::events::wait_for;

const PYTHON: &str = "/usr/bin/python3";
const REQUIREMENTS: &str = include_str!("peers/requirements.txt");

/// The interpreter of the environment, which is made once and shared by all tests.
fn interpreter() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python");
    let interpreter = folder.join("bin/python");
    let done = folder.join("installed.txt");
    let lock = File::create(folder.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    if fs::read_to_string(&done).is_ok_and(|installed| installed == REQUIREMENTS) {
        return interpreter;
    }
    let wanted = folder.with_extension("requirements");
    fs::write(&wanted, REQUIREMENTS).unwrap();
    run(Command::new(PYTHON)
        .args(["-m", "venv", "--clear"])
        .arg(&folder));
    run(Command::new(&interpreter)
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
        ])
        .arg(&wanted));
    fs::write(&done, REQUIREMENTS).unwrap();
    interpreter
}

fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}; run tests/all"));
    assert!(
        output.status.success(),
        "{command:?}, {}: {}\n(tests/all installs Debian's python3 and python3-venv; pip needs PyPI or a mirror of it)",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A receiver that runs.
pub(crate) struct Receiver {
    child: Child,
    log: PathBuf,
    pub(crate) port: u16,
}

impl Receiver {
    /// Starts `peers/SCRIPT` with these arguments and the file where it writes what it was told.
    pub(crate) fn start(script: &str, arguments: &[&str], folder: &Path) -> Self {
        let log = folder.join("requests");
        let mut child = Command::new(interpreter())
            .arg(
                Path::new(env!("CARGO_MANIFEST_DIR"))
                    .join("tests/http/peers")
                    .join(script),
            )
            .args(arguments)
            .arg(&log)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut port = String::new();
        let output = child.stdout.take().unwrap();
        let read = BufReader::new(output).read_line(&mut port);
        // Made before anything can panic, so that the child is ended in any case.
        let mut receiver = Self {
            child,
            log,
            port: 0,
        };
        read.unwrap();
        receiver.port = port
            .trim()
            .parse()
            .unwrap_or_else(|_| panic!("{script} did not start"));
        receiver
    }

    /// What it was told so far, one record a request.
    pub(crate) fn requests(&self) -> Vec<Value> {
        fs::read_to_string(&self.log)
            .unwrap_or_default()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Waits for so many requests.
    pub(crate) fn wait_for(&self, count: usize) -> Vec<Value> {
        wait_for("the receiver is told", || {
            Some(self.requests()).filter(|requests| requests.len() >= count)
        })
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
