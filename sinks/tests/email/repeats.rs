//! What was sent is not sent again; what may have been sent comes again under the same name.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::events::{down, event, later, outage, restarted, sink};
use crate::fake::{Fake, Reply, agree};

/// The Message-IDs of the mails that a server has heard.
fn message_ids(fake: &Fake) -> Vec<String> {
    fake.heard("Message-ID: ")
}

#[tokio::test]
async fn a_mail_that_was_cut_off_comes_again_under_the_same_name() {
    let fake = Fake::new(|connection, line| match (connection, line) {
        (0, ".") => Reply::Cut,
        (_, line) => agree(line),
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let section = fake.section("5s");
    let words = later(sink(&section, folder.path()).as_mut(), &outage()).await;
    assert!(words.contains("sending the mail failed"), "{words}");
    // vrwatch is started again, and more has happened.
    let mut more = outage();
    more.push(event(4, "haproxy", restarted()));
    sink(&section, folder.path()).deliver(&more).await.unwrap();
    let ids = message_ids(&fake);
    assert_eq!(ids.len(), 3);
    assert_eq!(ids[0], ids[1]);
    assert_ne!(ids[1], ids[2]);
    let told = fake.heard("X-Vrwatch-Id: ");
    assert_eq!(told[0], told[1]);
    assert_eq!(told[2], "X-Vrwatch-Id: id000004");
}

#[tokio::test]
async fn after_a_cut_between_two_mails_the_first_is_not_sent_again() {
    let mails = AtomicUsize::new(0);
    let fake = Fake::new(move |_, line| match line {
        "." if mails.fetch_add(1, Ordering::Relaxed) == 1 => Reply::Cut,
        line => agree(line),
    })
    .await;
    let batch = [
        event(1, "haproxy", down()),
        event(2, "dnsmasq", down()),
        event(3, "sshd", down()),
    ];
    let folder = tempfile::tempdir().unwrap();
    let section = fake.section("5s");
    later(sink(&section, folder.path()).as_mut(), &batch).await;
    // Not even by the next process.
    sink(&section, folder.path()).deliver(&batch).await.unwrap();
    assert_eq!(
        fake.heard("X-Vrwatch-Id: "),
        ["1", "2", "2", "3"].map(|seq| format!("X-Vrwatch-Id: id00000{seq}"))
    );
}

#[tokio::test]
async fn without_a_disk_a_mail_that_comes_again_with_more_in_it_has_another_name() {
    let fake = Fake::new(|_, line| agree(line)).await;
    let section = fake.section("5s");
    let nowhere = std::path::Path::new("/dev/null");
    let mut batch = outage();
    sink(&section, nowhere).deliver(&batch).await.unwrap();
    sink(&section, nowhere).deliver(&batch).await.unwrap();
    batch.push(event(4, "haproxy", restarted()));
    sink(&section, nowhere).deliver(&batch).await.unwrap();
    let ids = message_ids(&fake);
    assert_eq!(ids[0], ids[1]);
    assert_ne!(ids[1], ids[2]);
}
