//! Reads mails back with Python's `email` package, in its strict reading of the standards.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

const PYTHON: &str = "/usr/bin/python3";

/// Prints a mail as JSON: every header decoded, every part decoded, and whatever is wrong with it.
const PROGRAM: &str = r#"
import email, email.policy, email.utils, json, sys
mail = email.message_from_binary_file(sys.stdin.buffer, policy=email.policy.default)
headers = {}
for name, value in mail.items():
    headers.setdefault(name, []).append(str(value))
defects = [repr(d) for part in mail.walk() for d in part.defects]
defects += [repr(d) for name in mail.keys() for d in getattr(mail[name], "defects", [])]
email.utils.parsedate_to_datetime(mail["date"])
parts = [[p.get_content_type(), p.get_content()] for p in mail.walk() if not p.is_multipart()]
json.dump({"headers": headers, "defects": defects, "parts": parts, "kind": mail.get_content_type()}, sys.stdout)
"#;

/// A mail as Python understood it.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    headers: BTreeMap<String, Vec<String>>,
    pub(crate) text: String,
    pub(crate) html: String,
}

impl Letter {
    pub(crate) fn read(mail: &[u8]) -> Self {
        assert!(
            Path::new(PYTHON).exists(),
            "{PYTHON} is missing: run tests/all, which installs what the tests need"
        );
        let mut python = Command::new(PYTHON)
            .args(["-c", PROGRAM])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        python.stdin.take().unwrap().write_all(mail).unwrap();
        let output = python.wait_with_output().unwrap();
        let shown = String::from_utf8_lossy(mail);
        assert!(output.status.success(), "Python cannot read\n{shown}");
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(json["defects"], Value::Array(vec![]), "{shown}");
        assert_eq!(json["kind"], "multipart/alternative", "{shown}");
        assert_eq!(json["parts"][0][0], "text/plain", "{shown}");
        assert_eq!(json["parts"][1][0], "text/html", "{shown}");
        assert_eq!(json["parts"].as_array().unwrap().len(), 2, "{shown}");
        Self {
            headers: serde_json::from_value(json["headers"].clone()).unwrap(),
            text: json["parts"][0][1].as_str().unwrap().to_owned(),
            html: json["parts"][1][1].as_str().unwrap().to_owned(),
        }
    }

    /// The header that stands exactly once.
    pub(crate) fn header(&self, name: &str) -> &str {
        match self.headers.get(name).map(Vec::as_slice) {
            Some([value]) => value,
            other => panic!("{name}: {other:?} in {self:#?}"),
        }
    }

    /// The names of all headers that the server has not added.
    pub(crate) fn header_names(&self) -> Vec<&str> {
        let added = ["Return-path", "Envelope-to", "Delivery-date", "Received"];
        self.headers
            .keys()
            .map(String::as_str)
            .filter(|name| !added.contains(name))
            .collect()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.headers.contains_key(name)
    }

    pub(crate) fn subject(&self) -> &str {
        self.header("Subject")
    }

    /// The ids of the events it tells.
    pub(crate) fn ids(&self) -> Vec<&str> {
        self.header("X-Vrwatch-Id").split_whitespace().collect()
    }
}
