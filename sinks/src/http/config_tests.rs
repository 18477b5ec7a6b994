use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::*;

fn config(section: &str) -> Result<Config, toml::de::Error> {
    toml::from_str(section)
}

/// What is wrong with the section, or else with a file that it names.
fn words(section: &str) -> String {
    match config(section) {
        Err(error) => error.message().to_owned(),
        Ok(config) => config.check_files().unwrap_err().to_string(),
    }
}

fn secret(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    path.display().to_string()
}

const WHSEC: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[test]
fn an_address_is_enough() {
    let config = config("url = \"http://a:1/hook\"").unwrap();
    assert_eq!(config.timeout, Duration::from_secs(20));
    assert!(config.tls.is_none() && config.proxy.is_none());
    assert!(matches!(
        config.format,
        Format::CloudEvents { secrets, compress: true } if secrets.is_empty()
    ));
}

#[test]
fn one_secret_or_two_are_read_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let new = secret(folder.path(), "new", WHSEC);
    let old = secret(folder.path(), "old", WHSEC);
    for files in [format!("\"{new}\""), format!("[\"{new}\", \"{old}\"]")] {
        let config = config(&format!("url = \"http://a\"\nsecret_file = {files}")).unwrap();
        assert_eq!(config.check_files(), Ok(()));
        assert!(!format!("{config:?}").contains(&WHSEC[6..]));
    }
    fs::set_permissions(&new, Permissions::from_mode(0o640)).unwrap();
    let words = words(&format!("url = \"http://a\"\nsecret_file = \"{new}\""));
    assert!(words.contains("(mode 0640): run chmod 0600"), "{words}");
}

#[test]
fn what_does_not_belong_together_is_told_in_plain_words() {
    let folder = tempfile::tempdir().unwrap();
    let key = secret(folder.path(), "key", "hunter2");
    let cloudstack = format!(
        "url = \"http://a\"\nformat = \"cloudstack\"\napi_key = \"k\"\nsecret_key_file = \"{key}\"\n"
    );
    for (section, expected) in [
        (
            "url = \"http://a\"\ntimeout = \"51s\"".to_owned(),
            "`timeout` is 51s: use 100ms to 50s",
        ),
        (
            "url = \"http://a\"\nformat = \"alertmanager\"\nsecret_file = \"/k\"".into(),
            "`secret_file` goes with format = \"cloudevents\", but the format is \"alertmanager\": remove the key",
        ),
        (
            "url = \"http://a\"\nzone = \"z\"".into(),
            "`zone` goes with format = \"cloudstack\", but the format is \"cloudevents\": remove the key",
        ),
        (cloudstack.clone(), "format = \"cloudstack\" needs `zone`"),
        (
            format!("{cloudstack}zone = \" \"\npod = \"p\""),
            "format = \"cloudstack\" needs `zone`",
        ),
        (
            "url = \"http://a\"\nca_file = \"/ca.pem\"".into(),
            "`ca_file` says how to speak TLS, but `url` is \"http://…\": remove the key",
        ),
        (
            "url = \"https://a\"\ncertificate_file = \"/c.pem\"".into(),
            "`certificate_file` and `key_file` belong together: give both or none",
        ),
        (
            "url = \"http://a\"\nsecret_file = \"k\"".into(),
            "`secret_file` must be an absolute path",
        ),
        (
            "url = \"http://a\"\nsecret_file = []".into(),
            "`secret_file` names 0 files: name one, or the new and the old one",
        ),
        (
            format!("url = \"http://a\"\nsecret_file = \"{key}\""),
            "holds no Standard Webhooks secret: `whsec_` and the base64 of 24 to 64 bytes",
        ),
        ("format = \"cloudevents\"".into(), "missing field `url`"),
    ] {
        let told = words(&section);
        assert!(told.ends_with(expected), "{told}");
        assert!(!told.contains("hunter2"));
    }
    let whole = config(&format!("{cloudstack}zone = \"z\"\npod = \"p\"")).unwrap();
    assert!(matches!(whole.format, Format::CloudStack(_)));
}

#[test]
fn a_bad_value_is_pointed_at() {
    for (section, place) in [
        ("url = \"ftp://a\"", "\"ftp://a\""),
        ("url = \"http://a\"\nsecret_file = 3", "3"),
        ("url = \"http://a\"\nsecret_file = [\"/a\", 4]", "4"),
        ("url = \"http://a\"\nformat = \"soap\"", "\"soap\""),
    ] {
        let error = config(section).unwrap_err();
        assert_eq!(&section[error.span().unwrap()], place, "{error}");
    }
}

#[test]
fn alertmanagers_path_is_put_behind_its_base_address() {
    let config = config("url = \"http://a:9093\"\nformat = \"alertmanager\"").unwrap();
    assert_eq!(config.url.url().as_str(), "http://a:9093/api/v2/alerts");
}
