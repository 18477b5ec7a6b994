//! Receivers in Python. Each is ended by its pid however the test ends.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::events::wait_for;
use crate::interpreter::interpreter;

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
