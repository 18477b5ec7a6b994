//! Servers that are busy, broken, slow or hostile: what can heal is kept, and told in words.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::events::{later, never, outage, sink};
use crate::fake::{Fake, Reply, agree};

/// The words when every line that begins with `at` is answered in this way.
async fn refusal(at: &'static str, reply: fn() -> Reply) -> String {
    let fake = Fake::new(move |_, line| {
        let hit = if at.is_empty() {
            line.is_empty()
        } else {
            line.starts_with(at)
        };
        if hit { reply() } else { agree(line) }
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let mut sink = sink(&fake.section("700ms"), folder.path());
    let words = later(sink.as_mut(), &outage()).await;
    assert!(!words.contains(char::is_control), "{words:?}");
    assert!(
        words.starts_with(&format!("smtp://{}: ", fake.address)),
        "{words}"
    );
    words
}

#[tokio::test]
async fn a_busy_server_is_asked_again_whatever_it_is_busy_with() {
    for (at, busy) in [
        ("", "421 too busy\r\n"),
        ("EHLO", "421 too busy\r\n"),
        ("MAIL", "451 too busy\r\n"),
        ("RCPT", "450 too busy\r\n"),
        ("DATA", "451 too busy\r\n"),
        (".", "452 too busy\r\n"),
    ] {
        let fake = Fake::new(move |_, line| {
            let hit = if at.is_empty() {
                line.is_empty()
            } else {
                line.starts_with(at)
            };
            if hit { Reply::Say(busy) } else { agree(line) }
        })
        .await;
        let folder = tempfile::tempdir().unwrap();
        let mut sink = sink(&fake.section("5s"), folder.path());
        let words = later(sink.as_mut(), &outage()).await;
        assert!(words.ends_with("too busy"), "{at}: {words}");
        assert!(words.contains(&busy[..3]), "{at}: {words}");
    }
}

#[tokio::test]
async fn an_answer_in_latin_1_is_an_answer() {
    let fake = Fake::new(|_, line| match line {
        "." => Reply::SayBytes(b"250 angenommen f\xfcr \xfe\r\n"),
        line => agree(line),
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let mut taken = sink(&fake.section("5s"), folder.path());
    taken.deliver(&outage()).await.unwrap();

    let fake = Fake::new(|_, line| match line {
        "." => Reply::SayBytes(b"554 unerw\xfcnscht\r\n"),
        line => agree(line),
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let mut refused = sink(&fake.section("5s"), folder.path());
    let words = never(refused.as_mut(), &outage()[..1]).await;
    assert!(words.ends_with("554 unerw?nscht"), "{words}");
}

#[tokio::test]
async fn a_server_that_takes_its_time_with_every_recipient_gets_fewer_at_once() {
    let named = AtomicUsize::new(0);
    let fake = Fake::new(move |_, line| {
        match line.get(..4) {
            Some("MAIL") => named.store(0, Ordering::Relaxed),
            // The third is more than there is time for.
            Some("RCPT") if named.fetch_add(1, Ordering::Relaxed) == 2 => return Reply::Hang,
            _ => {}
        }
        agree(line)
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let section = fake.section("500ms").replace(
        "[\"a@example\", \"b@example\"]",
        "[\"a@example\", \"b@example\", \"c@example\", \"d@example\", \"e@example\"]",
    );
    let mut sink = sink(&section, folder.path());
    let batch = &outage()[..1];
    let words = later(sink.as_mut(), batch).await;
    assert!(words.contains("took longer"), "{words}");
    let words = later(sink.as_mut(), batch).await;
    assert!(
        words.ends_with("3 recipients are not named to it yet"),
        "{words}"
    );
    later(sink.as_mut(), batch).await;
    sink.deliver(batch).await.unwrap();
    let recipients = fake.heard("RCPT");
    // Three were named in vain, the last of them not answered.
    let taken: Vec<&str> = recipients[3..].iter().map(String::as_str).collect();
    let expected = ["a", "b", "c", "d", "e"].map(|name| format!("RCPT TO:<{name}@example>"));
    assert_eq!(taken, expected);
    assert_eq!(fake.heard("Message-ID: ").len(), 3);
}

#[tokio::test]
async fn a_no_to_everybody_who_asks_can_heal_and_a_no_to_this_mail_cannot() {
    for at in ["", "EHLO"] {
        let words = match at {
            "" => refusal("", || Reply::Say("554 your address is blocked\r\n")).await,
            _ => refusal("EHLO", || Reply::Say("550 who are you?\r\n")).await,
        };
        assert!(words.contains("greeting the server failed: 55"), "{words}");
    }
    let words = refusal("MAIL", || {
        Reply::Say("530 5.7.0 Authentication required\r\n")
    })
    .await;
    assert!(
        words.ends_with("530 5.7.0 Authentication required"),
        "{words}"
    );
    for (at, said) in [
        ("MAIL", "550 sender unknown\r\n"),
        ("RCPT", "553 no\r\n"),
        ("DATA", "554 no valid recipients\r\n"),
    ] {
        let fake = Fake::new(move |_, line| {
            if line.starts_with(at) {
                Reply::Say(said)
            } else {
                agree(line)
            }
        })
        .await;
        let folder = tempfile::tempdir().unwrap();
        let mut sink = sink(&fake.section("5s"), folder.path());
        let words = never(sink.as_mut(), &outage()).await;
        assert!(words.contains(said.trim_end()), "{words}");
    }
}

#[tokio::test]
async fn a_server_that_hangs_is_left_in_time_with_words_about_the_step() {
    for (at, words) in [
        (
            "",
            "greeting the server took longer than 700ms; the server may wait for TLS",
        ),
        (
            "MAIL",
            "naming sender and recipients took longer than 700ms",
        ),
        ("DATA", "sending the mail took longer than 700ms"),
        (".", "sending the mail took longer than 700ms"),
    ] {
        let told = refusal(at, || Reply::Hang).await;
        assert!(told.contains(words), "{told}");
    }
}

#[tokio::test]
async fn a_server_that_hangs_on_good_bye_has_taken_the_mail_all_the_same() {
    let fake = Fake::new(|_, line| match line {
        "QUIT" => Reply::Hang,
        line => agree(line),
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    sink(&fake.section("1s"), folder.path())
        .deliver(&outage())
        .await
        .unwrap();
    assert_eq!(fake.heard(".").len(), 1);
}

#[tokio::test]
async fn a_server_that_never_stops_talking_is_left() {
    for at in ["", "EHLO", "MAIL"] {
        for babble in ["250-and\r\n", "blah"] {
            let fake = Fake::new(move |_, line| {
                let hit = if at.is_empty() {
                    line.is_empty()
                } else {
                    line.starts_with(at)
                };
                if hit {
                    Reply::Babble(babble)
                } else {
                    agree(line)
                }
            })
            .await;
            let folder = tempfile::tempdir().unwrap();
            let mut sink = sink(&fake.section("50s"), folder.path());
            let words = later(sink.as_mut(), &outage()).await;
            assert!(
                words.contains("the server does not stop talking"),
                "{words}"
            );
            assert!(words.len() < 500, "{words}");
        }
    }
}

const PASSWORD: &str = "the secret of faults";

fn with_login(section: &str, folder: &std::path::Path) -> String {
    let file = folder.join("password");
    fs::write(&file, PASSWORD).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    format!(
        "{section}user = \"me\"\npassword_file = \"{}\"\n",
        file.display()
    )
}

#[tokio::test]
async fn a_server_that_repeats_the_password_does_not_get_it_into_our_words() {
    for said in [
        "535 the secret of faults\r\n",
        "535 no such login: AG1lAHRoZSBzZWNyZXQgb2YgZmF1bHRz\r\n",
        "454 dGhlIHNlY3JldCBvZiBmYXVsdHM=\r\n",
    ] {
        for at in ["AUTH", "MAIL"] {
            let fake = Fake::new(move |_, line| {
                if line.starts_with(at) {
                    Reply::Say(said)
                } else {
                    agree(line)
                }
            })
            .await;
            let folder = tempfile::tempdir().unwrap();
            let section = with_login(&fake.section("5s"), folder.path());
            let section = format!("{section}allow_plaintext_password = true\n");
            let mut sink = sink(&section, folder.path());
            let words = later(sink.as_mut(), &outage()).await;
            let shown = match at {
                "AUTH" => format!("failed: {}; check `user`", &said[..3]),
                _ => "(an answer that repeats the password)".into(),
            };
            assert!(words.contains(&shown), "{words}");
        }
    }
}

/// A section for it with STARTTLS.
fn starttls(fake: &Fake, folder: &std::path::Path) -> String {
    let section = fake.section("5s").replace("starttls = \"never\"\n", "");
    with_login(&section, folder)
}

#[tokio::test]
async fn nothing_is_said_in_the_clear_where_starttls_is_missing_or_tampered_with() {
    // Both what a man in the middle strips, and what he slips in before TLS begins.
    for (said, words) in [
        (
            "250-fake\r\n250 AUTH PLAIN\r\n",
            "the server offers no STARTTLS",
        ),
        ("250-fake\r\n250 STARTTLS\r\n", "does not speak TLS there"),
    ] {
        let fake = Fake::new(move |_, line| match line.get(..4) {
            Some("EHLO") => Reply::Say(said),
            Some("STAR") => {
                Reply::Say("220 go on\r\n250-fake\r\n250 AUTH PLAIN\r\n235 welcome\r\n")
            }
            _ => agree(line),
        })
        .await;
        let folder = tempfile::tempdir().unwrap();
        let mut sink = sink(&starttls(&fake, folder.path()), folder.path());
        let told = later(sink.as_mut(), &outage()).await;
        assert!(told.contains(words), "{told}");
        for command in ["AUTH", "MAIL", "RCPT", "DATA"] {
            assert!(fake.heard(command).is_empty(), "{command}");
        }
    }
}

#[tokio::test]
async fn a_server_without_a_log_in_to_our_liking_is_told_apart() {
    let fake = Fake::new(|_, line| match line.get(..4) {
        Some("EHLO") => Reply::Say("250-fake\r\n250 AUTH CRAM-MD5 GSSAPI\r\n"),
        _ => agree(line),
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let section = with_login(&fake.section("5s"), folder.path());
    let section = format!("{section}allow_plaintext_password = true\n");
    let words = later(sink(&section, folder.path()).as_mut(), &outage()).await;
    assert!(
        words.ends_with("the server does not offer AUTH PLAIN or LOGIN here"),
        "{words}"
    );
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let section = "server = \"smtp://mail.invalid\"\nstarttls = \"never\"\n\
                   from = \"vrwatch@example\"\nto = [\"ops@example\"]\n";
    let words = later(sink(section, folder.path()).as_mut(), &outage()).await;
    assert!(words.contains("looking up the name"), "{words}");
}
