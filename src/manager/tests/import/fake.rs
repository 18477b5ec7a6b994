//! A CloudStack in Python that checks signatures by itself. Ended by its pid however the test ends.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use sinks::cloudstack::{Api, Written};

const PYTHON: &str = "/usr/bin/python3";
const API_KEY: &str = "Key-1_~a";

pub(crate) struct CloudStack {
    child: Child,
    folder: tempfile::TempDir,
    port: u16,
    scheme: &'static str,
}

impl CloudStack {
    pub(crate) fn started() -> Self {
        Self::start(tempfile::tempdir().unwrap(), &[])
    }

    /// Speaks TLS with this certificate and key.
    pub(crate) fn with_certificate(certificate: &str, key: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = [("certificate.pem", certificate), ("key.pem", key)].map(|(name, text)| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        });
        Self::start(folder, &files)
    }

    fn start(folder: tempfile::TempDir, tls: &[PathBuf]) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import/cloudstack.py");
        let mut child = Command::new(PYTHON)
            .arg(script)
            .args([API_KEY, "hunter2"])
            .arg(folder.path().join("requests"))
            .args(tls)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{PYTHON}: {error}; run tests/all"));
        let output = child.stdout.take().unwrap();
        // Made before anything can panic, so that the child is ended in any case.
        let mut started = Self {
            child,
            folder,
            port: 0,
            scheme: if tls.is_empty() { "http" } else { "https" },
        };
        let mut port = String::new();
        BufReader::new(output).read_line(&mut port).unwrap();
        started.port = port.trim().parse().expect("cloudstack.py did not start");
        started
    }

    /// How it is reached, with this trouble and this secret key.
    pub(crate) fn written(&self, trouble: &str, secret: &str) -> Written {
        let file = self.folder.path().join("secret");
        fs::write(&file, secret).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        Written {
            url: format!(
                "{}://localhost:{}/{trouble}/client/api",
                self.scheme, self.port
            ),
            api_key: API_KEY.into(),
            secret_key_file: file,
            timeout: None,
            ca_file: None,
            proxy: None,
        }
    }

    pub(crate) fn api(&self, trouble: &str) -> Api {
        Api::try_from(self.written(trouble, "hunter2\n")).unwrap()
    }

    /// The commands so far, each with its page.
    pub(crate) fn asked(&self) -> Vec<(String, String)> {
        let text = fs::read_to_string(self.folder.path().join("requests")).unwrap_or_default();
        let one = |line: &str| {
            let record: Value = serde_json::from_str(line).unwrap();
            let field = |name: &str| record[name].as_str().unwrap().to_owned();
            (field("command"), field("page"))
        };
        text.lines().map(one).collect()
    }
}

impl Drop for CloudStack {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
