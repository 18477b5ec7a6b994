//! What is wrong between us and a receiver is told in words that say what to put right, and heals
//! once it is.

use std::fs;

use crate::events::{delivered, later, secret_file, sink, test_event, try_sink};
use crate::snmptrapd::{AUTH_PASSWORD, COMMUNITY, PRIV_PASSWORD, Snmptrapd, USUAL};

const SECRETS: [&str; 4] = [COMMUNITY, AUTH_PASSWORD, PRIV_PASSWORD, "a-wrong-secret"];

const QUICK: &str = "timeout = \"600ms\"\n";

/// What `Later` says when this section is used, with no secret in it.
async fn words(section: &str, snmptrapd: &Snmptrapd) -> String {
    let mut sink = sink(&(section.to_owned() + QUICK), snmptrapd.folder());
    let words = later(sink.as_mut(), &[test_event(1)]).await;
    for secret in SECRETS {
        assert!(!words.contains(secret), "{words}");
    }
    words
}

#[tokio::test]
async fn a_receiver_that_is_away_is_told_apart_from_one_that_refuses() {
    let snmptrapd = Snmptrapd::new();
    for section in [
        snmptrapd.v2c("inform"),
        snmptrapd.v2c("trap"),
        snmptrapd.v3("inform", USUAL),
        snmptrapd.v3("trap", USUAL),
    ] {
        let words = words(&section, &snmptrapd).await;
        assert!(words.contains("nobody listens on udp:127."), "{words}");
    }
}

#[tokio::test]
async fn a_wrong_community_is_among_what_a_silence_may_mean() {
    let snmptrapd = Snmptrapd::started();
    let section = snmptrapd.v2c("inform");
    let file = secret_file(snmptrapd.folder(), "community", "a-wrong-secret");
    let words = words(&section, &snmptrapd).await;
    assert!(
        words.contains("does not take the community in") && words.contains(file.to_str().unwrap()),
        "{words}"
    );
}

#[tokio::test]
async fn a_user_that_the_receiver_does_not_know_is_named() {
    let snmptrapd = Snmptrapd::started();
    let section = snmptrapd
        .v3("inform", USUAL)
        .replace(&USUAL.user(), "stranger");
    let words = words(&section, &snmptrapd).await;
    assert!(
        words.contains("does not know the user `stranger`"),
        "{words}"
    );
}

#[tokio::test]
async fn a_wrong_password_is_told_with_the_file_that_holds_it() {
    let snmptrapd = Snmptrapd::started();
    let section = snmptrapd.v3("inform", USUAL);
    let file = secret_file(snmptrapd.folder(), "auth", "a-wrong-secret");
    let words = words(&section, &snmptrapd).await;
    assert!(
        words.contains("refuses the signature") && words.contains(file.to_str().unwrap()),
        "{words}"
    );
}

#[tokio::test]
async fn another_auth_protocol_is_told() {
    let snmptrapd = Snmptrapd::started();
    let section = snmptrapd
        .v3("inform", USUAL)
        .replace("protocol = \"sha256\"", "protocol = \"sha512\"");
    let words = words(&section, &snmptrapd).await;
    assert!(words.contains("refuses the signature"), "{words}");
    assert!(words.contains("auth protocol than sha512"), "{words}");
}

#[tokio::test]
async fn a_wrong_privacy_password_is_told_with_the_file_that_holds_it() {
    let snmptrapd = Snmptrapd::started();
    let section = snmptrapd.v3("inform", USUAL);
    let file = secret_file(snmptrapd.folder(), "priv", "a-wrong-secret");
    let words = words(&section, &snmptrapd).await;
    assert!(words.contains(file.to_str().unwrap()), "{words}");
    assert!(words.contains("priv protocol than aes128"), "{words}");
}

#[tokio::test]
async fn a_user_that_may_not_encrypt_is_told() {
    let snmptrapd = Snmptrapd::started();
    let section = snmptrapd
        .v3("inform", USUAL)
        .replace(&USUAL.user(), "sha256-none");
    let words = words(&section, &snmptrapd).await;
    assert!(
        words.contains("does not let `sha256-none` sign with sha256 and encrypt with aes128"),
        "{words}"
    );
}

#[tokio::test]
async fn a_user_that_has_to_encrypt_is_told_so() {
    let snmptrapd = Snmptrapd::started();
    let section = snmptrapd.v3("inform", USUAL);
    let (clear, _) = section.split_once("priv = ").unwrap();
    let words = words(clear, &snmptrapd).await;
    assert!(words.contains("encryption"), "{words}");
    assert!(words.contains("give `priv`"), "{words}");
}

#[tokio::test]
async fn a_password_that_is_put_right_counts_with_the_next_batch() {
    let snmptrapd = Snmptrapd::started();
    let section = snmptrapd.v3("inform", USUAL) + QUICK;
    let mut sink = sink(&section, snmptrapd.folder());
    secret_file(snmptrapd.folder(), "auth", "a-wrong-secret");
    later(sink.as_mut(), &[test_event(1)]).await;
    secret_file(snmptrapd.folder(), "auth", AUTH_PASSWORD);
    delivered(sink.as_mut(), &[test_event(1)]).await;
    secret_file(snmptrapd.folder(), "auth", "a-wrong-secret");
    later(sink.as_mut(), &[test_event(2)]).await;
    assert_eq!(snmptrapd.wait_for(1).len(), 1);
}

#[tokio::test]
async fn a_secret_that_is_missing_may_come_later_and_is_told_meanwhile() {
    let snmptrapd = Snmptrapd::started();
    let section = snmptrapd.v2c("inform") + QUICK;
    let file = snmptrapd.folder().join("community");
    let mut sink = sink(&section, snmptrapd.folder());
    fs::remove_file(&file).unwrap();
    let built = try_sink(&section, snmptrapd.folder());
    assert!(matches!(built, Err(sinks::BuildError::File(_))));
    let words = later(sink.as_mut(), &[test_event(1)]).await;
    assert!(words.contains(file.to_str().unwrap()), "{words}");
    secret_file(snmptrapd.folder(), "community", COMMUNITY);
    delivered(sink.as_mut(), &[test_event(1)]).await;
}

#[tokio::test]
async fn a_secret_that_others_may_read_is_refused_at_once() {
    use std::os::unix::fs::PermissionsExt;
    let snmptrapd = Snmptrapd::new();
    let section = snmptrapd.v3("inform", USUAL);
    let file = snmptrapd.folder().join("priv");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let Err(error) = try_sink(&section, snmptrapd.folder()) else {
        panic!("takes a secret that everybody may read")
    };
    assert!(error.to_string().contains("chmod 0600"), "{error}");
}
