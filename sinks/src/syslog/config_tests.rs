//! What a section may say, and how a mistake in it is told.

use super::*;

fn read(text: &str) -> Result<Config, toml::de::Error> {
    toml::from_str(text)
}

/// What is wrong with the section, or else with a file that it names.
fn refusal(text: &str) -> String {
    match read(text) {
        Err(error) => error.message().to_owned(),
        Ok(config) => {
            let checked = config.tls.unwrap().settings.check_files();
            checked.unwrap_err().to_string()
        }
    }
}

#[test]
fn an_empty_section_tells_the_local_daemon() {
    let config = read("").unwrap();
    assert_eq!(config.target, Target::Unix("/dev/log".into()));
    assert_eq!(config.format, Format::Rfc3164);
    assert_eq!(config.tag, Tag("monit".into()));
    assert_eq!(config.timeout, Duration::from_secs(10));
    assert_eq!(config.confirm, Confirm::Close);
    assert!(config.tls.is_none());
    assert!(matches!(config.facility.0, syslog::Facility::LOG_DAEMON));
}

#[test]
fn every_mistake_is_told_in_words() {
    for (text, words) in [
        ("timeout = \"0s\"", "`timeout` is 0s: use 100ms to 10m"),
        ("timeout = \"11m\"", "`timeout` is 11m: use 100ms to 10m"),
        (
            "target = \"udp:a:1\"\nconfirm = \"close\"",
            "`confirm` has no meaning over UDP, which confirms nothing: use \"tcp:…\" or \"tls:…\", or remove the key",
        ),
        (
            "target = \"tcp:a:1\"\nca_file = \"/ca.pem\"",
            "`ca_file` says how to speak TLS, but the target is `tcp:a:1`: use \"tls:HOST:PORT\" or remove the key",
        ),
        (
            "target = \"tls:a:1\"\nca_file = \"ca.pem\"",
            "`ca_file` must be an absolute path, such as \"/etc/vrwatch/ca_file.pem\"",
        ),
        (
            "target = \"tls:a:1\"\nkey_file = \"/key.pem\"",
            "`certificate_file` and `key_file` belong together: give both or none",
        ),
        (
            "target = \"tls:a:1\"\nserver_name = \"a b\"",
            "`server_name` is no host name and no address",
        ),
        (
            "target = \"tls:a:1\"\nca_file = \"/nowhere/ca.pem\"",
            "`ca_file`: cannot read /nowhere/ca.pem: No such file or directory (os error 2)",
        ),
        (
            "facility = \"loud\"",
            "`loud` is no facility: use daemon, user, auth, authpriv, cron, syslog, or local0 to local7",
        ),
        (
            "tag = \"a b\"",
            "a tag has 1 to 32 letters, digits, `-`, `_`, `.` or `/`, such as \"monit\"",
        ),
    ] {
        assert_eq!(refusal(text), words, "{text}");
    }
}

#[test]
fn a_wrong_value_is_pointed_at() {
    let text = "format = \"rfc3164\"\ntarget = \"dev/log\"\n";
    let error = read(text).unwrap_err();
    assert_eq!(&text[error.span().unwrap()], "\"dev/log\"");
}
