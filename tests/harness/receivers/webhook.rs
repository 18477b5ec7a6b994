//! A webhook over HTTPS that checks every signature with the Python library of Standard Webhooks;
//! the same that the sink's own tests have.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use contract::Event;
use serde_json::Value;

use crate::harness::Router;
use crate::harness::interpreter::interpreter;
use crate::harness::syslog::{CERTIFICATE, KEY};

/// Where it listens.
pub(crate) const PORT: u16 = 8443;
/// What it knows.
pub(crate) const SECRET: &str = "whsec_c3Rvcmllcy1hYm91dC1hLXJvdXRlci1pbi1hLWJveA==";

const LOG: &str = "/run/webhook";

/// A webhook; shows the certificate of the box.
pub(crate) struct Webhook<'router> {
    router: &'router Router,
    child: Child,
}

impl<'router> Webhook<'router> {
    /// Starts it and waits until it listens. A syslog server must have been started before.
    #[track_caller]
    pub(crate) fn start(router: &'router Router) -> Self {
        let script =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("sinks/tests/http/peers/webhook.py");
        let mut child = router
            .command_in_its_network(&interpreter())
            .arg(script)
            .args([router.path(CERTIFICATE), router.path(KEY)])
            .arg(SECRET)
            .arg(router.path(LOG))
            .arg(PORT.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut port = String::new();
        let output = child.stdout.take().unwrap();
        let read = BufReader::new(output).read_line(&mut port);
        // Made before anything can panic, so that the child is ended in any case.
        let webhook = Self { router, child };
        read.unwrap();
        assert_eq!(port.trim(), PORT.to_string(), "webhook.py did not start");
        webhook
    }

    /// Every request so far.
    pub(crate) fn requests(&self) -> Vec<Value> {
        let text = self.router.read(LOG);
        // The last one may be half written.
        let lines = text
            .split_inclusive('\n')
            .filter(|line| line.ends_with('\n'));
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// The events whose signature was right, in the order in which they came.
    pub(crate) fn events(&self) -> Vec<Event> {
        let requests = self.requests();
        let batches = requests
            .iter()
            .filter_map(|request| request["events"].as_array());
        batches
            .flatten()
            .map(|event| serde_json::from_value(event["data"].clone()).unwrap())
            .collect()
    }
}

impl Drop for Webhook<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
