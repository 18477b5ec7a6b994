//! Logging in, and whom to trust: what goes wrong is told, heals, and never shows the password.

use std::fs;

use crate::certificates::Authority;
use crate::events::{later, outage, sink};
use crate::exim::{Exim, PASSWORD};

#[tokio::test]
async fn both_ways_of_logging_in_work_and_exim_saw_which() {
    for (auth, used) in [("plain", "A=plain:vrwatch"), ("login", "A=login:vrwatch")] {
        let exim = Exim::started();
        let section = format!(
            "{}auth = \"{auth}\"\nhelo = \"r-42.example\"\n",
            exim.section()
        );
        sink(&section, exim.folder())
            .deliver(&outage())
            .await
            .unwrap();
        let letters = exim.wait_for(1);
        let received = letters[0].header("Received");
        assert!(received.contains("r-42.example"), "{received}");
        assert!(exim.log().contains(used), "{}", exim.log());
    }
}

#[tokio::test]
async fn a_wrong_password_is_told_and_a_new_one_is_used_at_once() {
    let exim = Exim::started();
    let wrong = "wrong horse";
    let section = exim.section_with("smtp", wrong, &["ops@example"]);
    let mut sink = sink(&section, exim.folder());
    let words = later(sink.as_mut(), &outage()).await;
    assert!(words.contains("logging in failed: 535; "), "{words}");
    assert!(
        words.ends_with("; check `user` and `password_file`"),
        "{words}"
    );
    assert!(!words.contains(wrong), "{words}");
    let file = exim.path("password");
    fs::write(&file, PASSWORD).unwrap();
    sink.deliver(&outage()).await.unwrap();
    exim.wait_for(1);
    fs::remove_file(&file).unwrap();
    let words = later(sink.as_mut(), &outage()).await;
    assert!(words.contains("`password_file`: cannot read"), "{words}");
}

#[tokio::test]
async fn without_a_login_the_servers_wish_for_one_is_told() {
    let exim = Exim::started();
    let section: String = exim
        .section()
        .lines()
        .filter(|line| !line.starts_with("user") && !line.starts_with("password"))
        .fold(String::new(), |section, line| section + line + "\n");
    let words = crate::events::never(sink(&section, exim.folder()).as_mut(), &outage()).await;
    assert!(
        words.contains("refused for ops@example: 550 log in first"),
        "{words}"
    );
}

#[tokio::test]
async fn a_certificate_that_cannot_be_trusted_is_told_with_its_reason() {
    for scheme in ["smtp", "smtps"] {
        let mut exim = Exim::new();
        let good = exim.leaf_until(2100);
        exim.present(&exim.leaf_until(2002));
        exim.start();
        let section = exim.section_with(scheme, PASSWORD, &["ops@example"]);
        let mut expired = sink(&section, exim.folder());
        let words = later(expired.as_mut(), &outage()).await;
        assert!(words.contains("certificate has expired"), "{words}");

        exim.stop();
        exim.present(&good);
        exim.start();
        let theirs = Authority::new(exim.folder(), "theirs");
        let foreign = section.replace(
            &exim.authority.file.display().to_string(),
            &theirs.file.display().to_string(),
        );
        let words = later(sink(&foreign, exim.folder()).as_mut(), &outage()).await;
        assert!(words.contains("is signed by nobody whom"), "{words}");

        let named = format!("{section}server_name = \"mail.example\"\n");
        let words = later(sink(&named, exim.folder()).as_mut(), &outage()).await;
        assert!(
            words.contains("is for another name than `mail.example`"),
            "{words}"
        );

        // Nobody has logged in so far; now that the certificate is renewed, all is well.
        assert!(!exim.log().contains("A=plain"), "{}", exim.log());
        expired.deliver(&outage()).await.unwrap();
        exim.wait_for(1);
    }
}

#[tokio::test]
async fn the_wrong_kind_of_tls_is_told_apart() {
    let exim = Exim::started();
    let starttls = exim.section();
    let from_the_start = starttls.replace("smtp://", "smtps://");
    let words = later(sink(&from_the_start, exim.folder()).as_mut(), &outage()).await;
    assert!(words.contains("does not speak TLS there"), "{words}");
    let other_port = format!("{}timeout = \"1s\"\n", starttls.replace(":2525", ":4650"))
        .replace("timeout = \"20s\"\n", "");
    let words = later(sink(&other_port, exim.folder()).as_mut(), &outage()).await;
    assert!(words.contains("see \"smtps://\""), "{words}");
}
