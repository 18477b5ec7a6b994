//! The sample, the defaults, and mistakes.

use std::fs;
use std::path::{Path, PathBuf};

use super::load;

fn written(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("manager.toml");
    fs::write(&path, text).unwrap();
    (folder, path)
}

fn refusal(text: &str) -> String {
    let (folder, path) = written(text);
    let problems = load(Some(&path)).unwrap_err().to_string();
    problems.replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn the_sample_says_what_the_defaults_are() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/manager.toml");
    let sample = load(Some(&sample)).unwrap();
    assert!(sample.warnings.is_empty(), "{:?}", sample.warnings);
    let (_folder, path) = written("");
    let default = load(Some(&path)).unwrap();
    assert_eq!(
        format!("{:?}", sample.config),
        format!("{:?}", default.config)
    );
}

#[test]
fn sinks_that_are_told_of_storms_alone_must_exist() {
    assert_eq!(
        refusal(
            "[forward]\nstorm = { summed = [\"admin\"] }\n\
             [sink.admins.syslog]\ntarget = \"udp:127.0.0.1:9\"\n"
        ),
        "manager.toml:1: forward.storm.summed: there is no sink `admin`; did you mean `admins`?"
    );
}

#[test]
fn a_listener_that_others_reach_wants_encryption_or_a_word() {
    assert_eq!(
        refusal("[http]\nlisten = \"0.0.0.0:8080\"\n"),
        "manager.toml:1: http.listen: 0.0.0.0:8080 can be reached by others, but nothing is encrypted \
         there; add [http.tls], or listen on 127.0.0.1, or say `insecure = true` when something before \
         it encrypts"
    );
    for text in [
        "[http]\nlisten = \"0.0.0.0:8080\"\ninsecure = true\n",
        "[http]\nlisten = \"[::1]:8080\"\n",
        "[http]\nlisten = \"0.0.0.0:8443\"\ntls = { certificate_file = \"c\", key_file = \"k\" }\n",
    ] {
        let (_folder, path) = written(text);
        load(Some(&path)).unwrap();
    }
}

#[test]
fn a_mistake_names_line_key_and_the_nearest_right_key() {
    assert_eq!(
        refusal("[http]\nlisten = \"127.0.0.1:1\"\n\n[databas]\n[retention]\nalert = \"1d\"\n"),
        "manager.toml:4: databas: there is no such table; did you mean `database`?\n\
         manager.toml:6: retention.alert: there is no such key; did you mean `alerts`?"
    );
    let said = refusal("[database]\nurl = \"postgres://me:s3cret@h/d\"\n");
    assert!(
        said.contains("database.url") && !said.contains("s3cret"),
        "{said}"
    );
    let said = refusal("[retention]\nusage = \"5s\"\n");
    assert!(said.contains("`usage` is less than 1h"), "{said}");
}

#[test]
fn what_serve_could_not_use_is_told_with_line_and_key() {
    for (text, told) in [
        (
            "[http]\nconnections = 0\n",
            "manager.toml:2: http.connections: with none",
        ),
        (
            "[http]\n\nhead_timeout = \"0s\"\n",
            "manager.toml:3: http.head_timeout: in so short",
        ),
        (
            "[database]\nurl = \"mysql://vrwatch@host:notaport/db\"\n",
            "manager.toml:2: database.url: the database URL cannot be read",
        ),
        (
            "[database]\nurl = \"sqlite::memory:\"\n",
            "manager.toml:2: database.url: the database cannot be opened: a database in memory",
        ),
        (
            "[database]\nurl = \"sqlite:/etc\"\n",
            "manager.toml:2: database.url: the database cannot be opened: /etc is a folder",
        ),
        (
            "[secrets]\nkey_file = \"\"\n",
            "manager.toml:2: secrets.key_file: write the whole path",
        ),
        (
            "[state]\ndirectory = \"here\"\n",
            "manager.toml:2: state.directory: write the whole path",
        ),
        (
            "[ssh]\nport = 0\n",
            "manager.toml:2: ssh.port: there is no port 0",
        ),
        (
            "[ssh.jump]\nuser = \"root\"\nport = 0\n",
            "manager.toml:3: ssh.jump.port: there is no port 0",
        ),
        (
            "[push]\nservices = \"/a\"\nmonitorservice = \"/a\"\n",
            "manager.toml:2: push.services: two files",
        ),
        (
            "[poll]\ninterval = \"0s\"\n",
            "manager.toml:2: poll.interval: `interval` must be",
        ),
        (
            "[poll]\n\njitter = 0.9\n",
            "manager.toml:3: poll.jitter: `jitter` must be",
        ),
        (
            "[retention]\nusage = \"5s\"\n",
            "manager.toml:2: retention.usage: `usage` is less",
        ),
    ] {
        let said = refusal(text);
        assert!(said.starts_with(told), "{said}");
    }
}

#[test]
fn a_file_that_was_named_must_be_there() {
    let said = load(Some(Path::new("/nonexistent/manager.toml"))).unwrap_err();
    assert!(said.to_string().contains("there is no such file"), "{said}");
}
