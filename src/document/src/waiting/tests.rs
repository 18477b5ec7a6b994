//! A sink whose file is away or badly kept, and what becomes of it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use contract::{DeliverError, Draft, Event, Fact, Timestamp};
use sinks::Host;

use crate::sink::{Source, Syslog, read};
use crate::{Document, List, SinkSpec};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n";

/// The one sink of this text.
fn spec(text: &str) -> Result<SinkSpec, String> {
    let source = Source {
        file: Path::new("f").into(),
        text: text.into(),
    };
    let document = Document::parse(&source.file, text).unwrap();
    let host = Host::new("r", "/nonexistent");
    let mut problems = List::default();
    let mut specs = read(&document, &source, &host, Syslog::Optional, &mut problems);
    match problems.into_vec().first() {
        Some(problem) => Err(problem.to_string()),
        None => Ok(specs.remove(0)),
    }
}

fn event() -> Event {
    let draft = Draft {
        service: None,
        process: None,
        outage: None,
        time: Timestamp::EPOCH,
        fact: Fact::Test { text: "x".into() },
    };
    Event::new(draft, "id".into(), 1, "r".into())
}

fn hook(key: &Path) -> String {
    let key = key.display();
    format!("# one\n\n[sink.hook.http]\nurl = \"http://127.0.0.1:1/\"\nsecret_file = \"{key}\"\n")
}

#[tokio::test]
async fn a_sink_waits_for_its_file_and_then_works_without_being_asked() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    let spec = spec(&hook(&key)).unwrap();
    let told = format!(
        "f:3: sink.hook.http: `secret_file`: cannot read {}: No such file or directory (os error 2)",
        key.display()
    );
    assert_eq!(spec.trouble().unwrap().to_string(), told);
    let mut sink = spec.build().unwrap();
    for _ in 0..2 {
        assert!(sink.refreshes_every().is_some());
        let Err(DeliverError::Later { cause, .. }) = sink.refresh().await else {
            panic!("it works without its file")
        };
        assert_eq!(cause, told);
    }
    fs::write(&key, SECRET).unwrap();
    fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
    let Err(DeliverError::Later { cause, .. }) = sink.refresh().await else {
        panic!("it takes a secret that others may read")
    };
    assert!(cause.contains("others may read it (mode 0644)"), "{cause}");
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    assert_eq!(sink.refresh().await, Ok(()));
    assert_eq!(sink.refreshes_every(), None);
    // Now it is the sink itself that answers.
    let Err(DeliverError::Later { cause, .. }) = sink.deliver(&[event()]).await else {
        panic!("nobody listens there")
    };
    assert!(cause.contains("127.0.0.1:1"), "{cause}");
}

#[test]
fn a_mended_file_makes_another_sink_of_the_same_text() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    let before = spec(&hook(&key)).unwrap();
    assert_eq!(before, spec(&hook(&key)).unwrap());
    fs::write(&key, SECRET).unwrap();
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    let after = spec(&hook(&key)).unwrap();
    assert!(after.trouble().is_none() && after != before);
}

#[test]
fn what_is_wrong_with_a_section_as_a_whole_names_the_sink_and_its_line() {
    let text = "\n[sink.x.http]\nurl = \"http://a\"\nca_file = \"/ca\"\n";
    assert_eq!(
        spec(text).unwrap_err(),
        "f:2: sink.x.http: `ca_file` says how to speak TLS, but `url` is \"http://…\": remove the key"
    );
    let text = "\n[sink.x]\nhttp = { url = \"http://a\", timeout = \"1ms\" }\n";
    let told = spec(text).unwrap_err();
    assert!(told.starts_with("f:3: sink.x.http"), "{told}");
}

#[test]
fn a_sink_whose_receiver_says_nothing_is_known_behind_its_filter_too() {
    for (target, confirms) in [("udp:127.0.0.1:1", false), ("unix:/dev/log", true)] {
        let text = format!("[sink.x.syslog]\ntarget = \"{target}\"\nmin_severity = \"major\"\n");
        let sink = spec(&text).unwrap().build().unwrap();
        assert_eq!(sink.confirms(), confirms, "{target}");
    }
}
