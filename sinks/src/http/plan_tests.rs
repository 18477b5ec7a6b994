//! Which settings are refused, and in which words.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::*;

#[test]
fn settings_that_cannot_work_or_are_not_safe_are_refused_and_no_secret_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("router.key");
    fs::write(&secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
    fs::set_permissions(&secret, Permissions::from_mode(0o600)).unwrap();
    let written = |url: &str| Written {
        url: url.into(),
        secret_file: secret.clone(),
        ..Written::default()
    };
    for url in [
        "http://127.0.0.1:8080",
        "http://localhost",
        "http://[::1]:8080/",
    ] {
        let settings = Settings::try_from(written(url)).unwrap();
        assert!(!format!("{settings:?}").contains("MfKQ"));
    }
    let insecure = Written {
        insecure: true,
        ..written("http://manager.example")
    };
    assert!(Settings::try_from(insecure).is_ok());

    let with = |change: &dyn Fn(&mut Written)| {
        let mut written = written("http://127.0.0.1:8080");
        change(&mut written);
        Settings::try_from(written).unwrap_err().to_string()
    };
    for (change, expected) in [
        (
            &(|it: &mut Written| it.url = "manager".into()) as &dyn Fn(&mut Written),
            "`url`: this is no address",
        ),
        (
            &|it| it.url = "http://127.0.0.1/api".into(),
            "`url`: write it without a path",
        ),
        (
            &|it| it.url = "http://127.0.0.1/?a".into(),
            "`url`: write it without a path",
        ),
        (
            &|it| it.url = "http://192.0.2.1".into(),
            "or set insecure = true",
        ),
        (
            &|it| it.url = "http://127.0.0.1.example".into(),
            "or set insecure = true",
        ),
        (
            &|it| it.timeout = Some(human::Duration::from_millis(1)),
            "`timeout`: is 1ms: use 100ms to 50s",
        ),
        (
            &|it| it.secret_file = "router.key".into(),
            "`secret_file`: must be an absolute path",
        ),
        (&|it| it.secret_file = "/nonexistent".into(), "cannot read"),
        (
            &|it| it.ca_file = Some("/ca.pem".into()),
            "`ca_file`: says how to speak TLS",
        ),
        (
            &|it| it.proxy = Some("proxy".into()),
            "`proxy`: this is no address",
        ),
    ] {
        let words = with(change);
        assert!(words.contains(expected), "{words}");
    }
    fs::set_permissions(&secret, Permissions::from_mode(0o644)).unwrap();
    let words = with(&|_| {});
    assert!(
        words.contains("mode 0644") && !words.contains("MfKQ"),
        "{words}"
    );
}

#[test]
fn the_path_is_signed_as_it_stands_in_the_request_line() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("router.key");
    fs::write(&secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    fs::set_permissions(&secret, Permissions::from_mode(0o600)).unwrap();
    let settings = Settings::try_from(Written {
        url: "http://127.0.0.1:8080/".into(),
        secret_file: secret,
        ..Written::default()
    })
    .unwrap();
    for (router, path) in [
        ("r-42-VM", "/api/v1/routers/r-42-VM/services"),
        ("a/b?c%d", "/api/v1/routers/a%2Fb%3Fc%25d/services"),
    ] {
        let source = Source::new(settings.clone(), router);
        assert_eq!(source.path, path);
    }
}
