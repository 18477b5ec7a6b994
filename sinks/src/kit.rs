//! The contract kit: what every sink must do, tried on every sink in the list. A sink brings a
//! [`Trial`]; nothing here knows one by name.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use contract::{DeliverError, Sink};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::{BuildError, Host, KINDS, Kind, Section, SectionError, examples};

/// What the kit needs to try a kind.
#[async_trait]
pub(crate) trait Trial: Debug + Sync {
    /// The body of a section whose sink tells whoever listens at `address` and gives up within a
    /// second. Files that it names (with secrets, if the kind has any) are made in `folder`.
    /// `None` for a kind that calls nobody.
    fn section(&self, address: SocketAddr, folder: &Path) -> Option<String>;

    /// A receiver that takes whatever it is told.
    async fn receiver(&self, folder: &Path) -> Box<dyn Receiver>;

    /// The secrets in the files of these sections.
    fn secrets(&self) -> &'static [&'static str];

    /// Whether the sink itself recognises what it has told already, and tells it once.
    fn tells_once(&self) -> bool {
        false
    }
}

/// A receiver that takes whatever it is told.
#[async_trait]
pub(crate) trait Receiver: Send {
    /// The body of a section whose sink tells this receiver.
    fn section(&self) -> String;

    /// Everything it has been told since it was made, as it came.
    async fn heard(&mut self) -> Vec<u8>;
}

/// Longer than any sink of a trial may take, short enough not to hang a test run.
const PATIENCE: Duration = Duration::from_secs(20);

fn build(kind: &Kind, section: &str) -> Result<Box<dyn Sink>, BuildError> {
    let section = Section::from(toml_value(section)?);
    (kind.build)(section, &Host::new("r-42-VM", "/nonexistent"))
}

fn toml_value(section: &str) -> Result<toml::Spanned<toml::de::DeValue<'_>>, SectionError> {
    let table = toml::de::DeTable::parse(section)?;
    let span = table.span();
    Ok(toml::Spanned::new(
        span,
        toml::de::DeValue::Table(table.into_inner()),
    ))
}

/// The words of the error when a whole batch goes to `section`.
async fn refusal(kind: &Kind, section: &str) -> String {
    let mut sink = build(kind, section).unwrap();
    let outcome = tokio::time::timeout(PATIENCE, sink.deliver(&examples::events()))
        .await
        .unwrap_or_else(|_| panic!("{}: never gives up", kind.name));
    match outcome {
        Err(DeliverError::Later { cause, .. }) => {
            assert!(
                !kind
                    .trial
                    .secrets()
                    .iter()
                    .any(|secret| cause.contains(secret)),
                "{}: a secret in `{cause}`",
                kind.name
            );
            assert!(!cause.contains(char::is_control), "{cause:?}");
            cause
        }
        other => panic!("{}: {other:?} instead of Later", kind.name),
    }
}

#[test]
fn every_kind_has_a_name_of_its_own_and_one_line_of_help() {
    for (index, kind) in KINDS.iter().enumerate() {
        assert!(kind.name.bytes().all(|byte| byte.is_ascii_lowercase()));
        assert!(!kind.summary.is_empty() && !kind.summary.contains('\n'));
        assert!(KINDS[..index].iter().all(|other| other.name != kind.name));
        assert_eq!(crate::kind(kind.name).unwrap().name, kind.name);
    }
    assert!(crate::kind("no kind").is_none());
}

#[test]
fn every_sample_builds() {
    for kind in KINDS {
        // The files that it names need not be there.
        if let Err(BuildError::Section(error)) = build(kind, kind.sample) {
            panic!("{}: {error}", kind.name);
        }
    }
}

#[test]
fn an_unknown_key_is_refused_by_name_and_pointed_at() {
    for kind in KINDS {
        let text = format!("{}\ncolour = \"green\"\n", kind.sample);
        let Err(BuildError::Section(error)) = build(kind, &text) else {
            panic!("{}: takes an unknown key", kind.name)
        };
        assert!(error.message().contains("colour"), "{}: {error}", kind.name);
        assert_eq!(&text[error.span().unwrap()], "colour", "{}", kind.name);
    }
}

#[tokio::test]
async fn a_receiver_that_is_not_there_says_later() {
    for kind in KINDS {
        let folder = tempfile::tempdir().unwrap();
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = gone.local_addr().unwrap();
        drop(gone);
        if let Some(section) = kind.trial.section(address, folder.path()) {
            refusal(kind, &section).await;
        }
    }
}

#[tokio::test]
async fn a_receiver_that_accepts_and_stays_silent_says_later() {
    for kind in KINDS {
        let folder = tempfile::tempdir().unwrap();
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = silent.local_addr().unwrap();
        let _socket = std::net::UdpSocket::bind(address).unwrap();
        if let Some(section) = kind.trial.section(address, folder.path()) {
            refusal(kind, &section).await;
        }
    }
}

#[tokio::test]
async fn a_receiver_that_talks_nonsense_says_later() {
    for kind in KINDS {
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let talker = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.write_all(b"\x1b[31mwhat?\r\n\r\n").await;
            }
        });
        if let Some(section) = kind.trial.section(address, folder.path()) {
            refusal(kind, &section).await;
        }
        talker.abort();
    }
}

#[tokio::test]
async fn a_batch_that_is_delivered_twice_carries_the_same_ids() {
    for kind in KINDS {
        let folder = tempfile::tempdir().unwrap();
        let mut receiver = kind.trial.receiver(folder.path()).await;
        let mut sink = build(kind, &receiver.section()).unwrap();
        let mut batch = examples::events();
        for event in &mut batch {
            // None may be found in another.
            event.id = format!("event-{:02}", event.seq);
        }
        for _ in 0..2 {
            tokio::time::timeout(PATIENCE, sink.deliver(&batch))
                .await
                .unwrap()
                .unwrap();
        }
        let heard = receiver.heard().await;
        for event in &batch {
            let id = event.id.as_bytes();
            let times = heard.windows(id.len()).filter(|part| *part == id).count();
            let expected = if kind.trial.tells_once() {
                times == 1
            } else {
                times >= 2
            };
            assert!(expected, "{}: {} came {times} times", kind.name, event.id);
        }
    }
}

#[tokio::test]
async fn a_delivery_that_was_given_up_half_way_leaves_the_sink_usable() {
    for kind in KINDS {
        let folder = tempfile::tempdir().unwrap();
        let receiver = kind.trial.receiver(folder.path()).await;
        let mut sink = build(kind, &receiver.section()).unwrap();
        let batch = examples::events();
        for polls in 1..6 {
            let mut delivery = sink.deliver(&batch);
            for _ in 0..polls {
                let poll = poll_once(&mut delivery).await;
                if poll.is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        tokio::time::timeout(PATIENCE, sink.deliver(&batch))
            .await
            .unwrap()
            .unwrap();
    }
}

/// Polls once.
async fn poll_once<T>(future: &mut (dyn Future<Output = T> + Send + Unpin)) -> std::task::Poll<T> {
    let mut future = std::pin::Pin::new(future);
    std::future::poll_fn(|context| std::task::Poll::Ready(future.as_mut().poll(context))).await
}
