//! What a section may say, and how a mistake in it is told.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::*;

const LEAST: &str = "from = \"vrwatch@example\"\nto = [\"ops@example\"]\n";

fn read(text: &str) -> Result<Config, toml::de::Error> {
    toml::from_str(text)
}

/// What is wrong with the section, or else with a file that it names.
fn refusal(text: &str) -> String {
    match read(text) {
        Err(error) => error.message().to_owned(),
        Ok(config) => config.check_files().unwrap_err().to_string(),
    }
}

#[test]
fn the_least_section_is_safe() {
    for (scheme, port) in [("smtp", 25), ("smtps", 465)] {
        let config = read(&format!("server = \"{scheme}://mail.example\"\n{LEAST}")).unwrap();
        assert_eq!(config.server.peer.port, port);
        assert!(config.tls.is_some());
        assert!(config.login.is_none());
        assert_eq!(config.digest, Duration::from_mins(1));
        assert_eq!(config.rate.mails, 10);
        assert_eq!(config.timeout, Duration::from_secs(30));
    }
}

#[test]
fn every_mistake_is_told_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    fs::write(&file, "hunter2\n").unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    let login = format!("user = \"me\"\npassword_file = \"{}\"\n", file.display());
    let never = "server = \"smtp://mail.example\"\nstarttls = \"never\"\n";
    let tls = "server = \"smtps://mail.example\"\n";
    assert!(read(&format!("{tls}{login}{LEAST}")).is_ok());
    for (text, words) in [
        (
            format!("{tls}timeout = \"1m\"\n{LEAST}"),
            "`timeout` is 1m: use 100ms to 50s",
        ),
        (
            format!("{tls}digest = \"2h\"\n{LEAST}"),
            "`digest` is 2h: use 0s (no waiting) to 1h",
        ),
        (
            format!("{tls}from = \"a@b\"\nto = []"),
            "`to` must name 1 to 32 recipients; a mailing list takes more",
        ),
        (
            format!("{tls}from = \"a@b\"\nto = [\"a@b\", \"A <a@b>\"]"),
            "`to` names a@b twice",
        ),
        (
            format!("{tls}starttls = \"required\"\n{LEAST}"),
            "`starttls` has no meaning with \"smtps://\", which speaks TLS from the start",
        ),
        (
            format!("{never}ca_file = \"/ca.pem\"\n{LEAST}"),
            "`ca_file` says how to speak TLS, but `starttls` is \"never\": remove one of the two",
        ),
        (
            format!("{tls}user = \"me\"\n{LEAST}"),
            "`user` and `password_file` belong together: give both or none",
        ),
        (
            format!("{tls}auth = \"login\"\n{LEAST}"),
            "`auth` says how to log in, but there is no `user`",
        ),
        (
            format!("{never}{login}{LEAST}"),
            "without TLS anybody on the way could read the password: use \"smtps://\" or starttls = \"required\", or set allow_plaintext_password = true",
        ),
        (
            format!("{tls}{login}allow_plaintext_password = true\n{LEAST}"),
            "`allow_plaintext_password` has no meaning here: the password only travels through TLS",
        ),
        (
            format!("{tls}user = \"me\"\npassword_file = \"p\"\n{LEAST}"),
            "`password_file` must be an absolute path, such as \"/etc/vrwatch/mail.password\"",
        ),
        (
            format!("{tls}helo = \"a b\"\n{LEAST}"),
            "`helo` must be a host name, such as \"router.example\"",
        ),
        (
            format!("{tls}rate = {{ mails = 0, within = \"1m\" }}\n{LEAST}"),
            "a rate is 1 to 1000 mails within 1s to 24h, such as { mails = 10, within = \"10m\" }",
        ),
        (
            format!("{tls}ca_file = \"/nowhere/ca.pem\"\n{LEAST}"),
            "`ca_file`: cannot read /nowhere/ca.pem: No such file or directory (os error 2)",
        ),
    ] {
        assert_eq!(refusal(&text), words, "{text}");
    }
    let plain = format!("{never}{login}allow_plaintext_password = true\n{LEAST}");
    let config = read(&plain).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
    fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    let words = refusal(&plain);
    assert!(words.contains("(mode 0644): run chmod 0600"), "{words}");
}

#[test]
fn a_wrong_value_is_pointed_at() {
    let text = format!("{LEAST}server = \"mail.example\"\n");
    let error = read(&text).unwrap_err();
    assert_eq!(&text[error.span().unwrap()], "\"mail.example\"");
    let text = "server = \"smtps://a\"\nfrom = \"a@b\"\nto = [\"ops@example\", \"ops\"]\n";
    let error = read(text).unwrap_err();
    assert!(text[error.span().unwrap()].contains("\"ops\""));
    assert!(
        error.message().starts_with("`ops` is no mail address"),
        "{error}"
    );
}
