//! Peers that misbehave: silent ones, ones that answer nonsense or only sometimes, and names that
//! are none. Each is noticed in time, and what was acknowledged does not come again.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use contract::{DeliverError, Fact};
use tokio::net::UdpSocket;

use crate::events::{delivered, event, later, secret_file, sink, test_event};

/// A section that tells a receiver at this address over v2c.
fn v2c(address: SocketAddr, folder: &Path) -> String {
    let file = secret_file(folder, "community", "public");
    format!(
        "target = \"udp:{address}\"\nversion = \"v2c\"\ntimeout = \"300ms\"\ncommunity_file = \"{}\"\n",
        file.display()
    )
}

/// A section that tells it over v3.
fn v3(address: SocketAddr, folder: &Path) -> String {
    let file = secret_file(folder, "auth", "long-enough");
    format!(
        "target = \"udp:{address}\"\nversion = \"v3\"\ntimeout = \"300ms\"\nuser = \"me\"\n\
         auth = {{ protocol = \"sha1\", password_file = \"{}\" }}\n",
        file.display()
    )
}

/// A peer that answers each message with what `answer` makes of it.
async fn peer(answer: impl Fn(&[u8]) -> Option<Vec<u8>> + Send + 'static) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = vec![0; 65536];
        while let Ok((length, sender)) = socket.recv_from(&mut buffer).await {
            if let Some(answer) = answer(&buffer[..length]) {
                let _ = socket.send_to(&answer, sender).await;
            }
        }
    });
    address
}

/// The acknowledgement of a v2c inform: the same message, its PDU tagged as a response. Finds the
/// PDU by the community before it.
fn acknowledgement(message: &[u8]) -> Vec<u8> {
    let community = message.windows(6).position(|it| it == b"public").unwrap();
    let mut answer = message.to_vec();
    assert_eq!(answer[community + 6], 0xa6, "no inform");
    answer[community + 6] = 0xa2;
    answer
}

/// What a peer makes of a message.
type Answer = fn(&[u8]) -> Vec<u8>;

#[tokio::test]
async fn a_silent_peer_is_given_up_in_time_with_what_may_be_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let silent = peer(|_| None).await;
    let mut sink_v2c = sink(&v2c(silent, folder.path()), folder.path());
    let words = later(sink_v2c.as_mut(), &[test_event(1)]).await;
    assert!(words.contains("a firewall drops UDP"), "{words}");
    let mut sink_v3 = sink(&v3(silent, folder.path()), folder.path());
    let words = later(sink_v3.as_mut(), &[test_event(1)]).await;
    assert!(words.contains("no SNMPv3 receiver listens"), "{words}");
}

#[tokio::test]
async fn a_peer_that_answers_nonsense_is_given_up_in_time() {
    let nonsense: [Answer; 6] = [
        |_| vec![],
        |_| b"\x1b[31mwhat?\r\n".to_vec(),
        <[u8]>::to_vec,
        |message| message[..message.len() / 2].to_vec(),
        |_| vec![0x30; 65000],
        |message| {
            let mut answer = message.to_vec();
            answer.iter_mut().skip(10).for_each(|byte| *byte ^= 0x55);
            answer
        },
    ];
    let folder = tempfile::tempdir().unwrap();
    for answer in nonsense {
        let address = peer(move |message| Some(answer(message))).await;
        for section in [v2c(address, folder.path()), v3(address, folder.path())] {
            let mut sink = sink(&section, folder.path());
            let words = later(sink.as_mut(), &[test_event(1)]).await;
            assert!(!words.contains(char::is_control), "{words:?}");
        }
    }
}

#[tokio::test]
async fn what_was_acknowledged_does_not_come_again_after_the_rest_has_failed() {
    let heard = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&heard);
    // Answers three, is silent for as long as a delivery tries, and answers again.
    let address = peer(move |message| {
        let number = count.fetch_add(1, Ordering::SeqCst) + 1;
        (!(4..7).contains(&number)).then(|| acknowledgement(message))
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    // Long enough that a busy machine repeats nothing by itself.
    let section = v2c(address, folder.path()).replace("300ms", "4500ms");
    let mut sink = sink(&section, folder.path());
    let batch: Vec<_> = (1..=5).map(test_event).collect();
    later(sink.as_mut(), &batch).await;
    assert_eq!(
        heard.load(Ordering::SeqCst),
        6,
        "three, and one in three tries"
    );
    delivered(sink.as_mut(), &batch).await;
    assert_eq!(heard.load(Ordering::SeqCst), 8, "only the last two");
    delivered(sink.as_mut(), &batch).await;
    assert_eq!(heard.load(Ordering::SeqCst), 13, "a new delivery is whole");
}

#[tokio::test]
async fn a_lost_packet_is_sent_again_within_the_same_delivery() {
    let heard = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&heard);
    let address = peer(move |message| {
        let number = count.fetch_add(1, Ordering::SeqCst) + 1;
        (number > 2).then(|| acknowledgement(message))
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    // Long enough that a busy machine repeats nothing by itself.
    let section = v2c(address, folder.path()).replace("300ms", "4500ms");
    let mut sink = sink(&section, folder.path());
    delivered(sink.as_mut(), &[test_event(1)]).await;
    assert_eq!(heard.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn an_error_status_is_told_by_its_name() {
    // The error status of a request without an error: an integer zero, twice.
    let address = peer(|message| {
        let mut answer = acknowledgement(message);
        let zeros = [2, 1, 0, 2, 1, 0];
        let at = answer.windows(6).position(|it| it == zeros).unwrap();
        answer[at + 2] = 16;
        Some(answer)
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let mut sink = sink(&v2c(address, folder.path()), folder.path());
    let words = later(sink.as_mut(), &[test_event(1)]).await;
    assert!(words.contains("authorizationError"), "{words}");
}

#[tokio::test]
async fn a_receiver_that_finds_everything_too_big_ends_in_a_refusal_and_not_in_a_loop() {
    let address = peer(|message| {
        let mut answer = acknowledgement(message);
        let zeros = [2, 1, 0, 2, 1, 0];
        let at = answer.windows(6).position(|it| it == zeros).unwrap();
        answer[at + 2] = 1;
        Some(answer)
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let mut sink = sink(&v2c(address, folder.path()), folder.path());
    let batch = [test_event(1)];
    let outcome = tokio::time::timeout(Duration::from_mins(1), sink.deliver(&batch));
    match outcome.await.unwrap() {
        Err(DeliverError::Never { cause }) => assert!(cause.contains("too large"), "{cause}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_receiver_of_small_messages_gets_shorter_texts_and_whole_ids() {
    let last = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&last);
    let address = peer(move |message| {
        let mut answer = acknowledgement(message);
        if message.len() > 500 {
            let zeros = [2, 1, 0, 2, 1, 0];
            let at = answer.windows(6).position(|it| it == zeros).unwrap();
            answer[at + 2] = 1;
        } else {
            *into.lock().unwrap() = message.to_vec();
        }
        Some(answer)
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let mut sink = sink(&v2c(address, folder.path()), folder.path());
    let text = "long ".repeat(1000);
    delivered(sink.as_mut(), &[event(7, Fact::Test { text })]).await;
    let last = last.lock().unwrap();
    for id in ["id000007", "outage-7", "r-42-VM"] {
        assert!(last.windows(id.len()).any(|part| part == id.as_bytes()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_takes_a_second_for_each_gets_all_of_a_large_batch_in_the_end() {
    let heard = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&heard);
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 4096];
        while let Ok((length, sender)) = socket.recv_from(&mut buffer).await {
            count.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_secs(1)).await;
            let answer = acknowledgement(&buffer[..length]);
            socket.send_to(&answer, sender).await.unwrap();
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let section = v2c(address, folder.path()).replace("300ms", "15s");
    let mut sink = sink(&section, folder.path());
    let batch: Vec<_> = (1..=100).map(test_event).collect();
    let start = tokio::time::Instant::now();
    let mut failures = 0;
    while let Err(error) = sink.deliver(&batch).await {
        let words = error.to_string();
        assert!(
            words.contains("of 100 informs within 50s; the rest follows"),
            "{words}"
        );
        assert!(start.elapsed() < Duration::from_mins(3));
        failures += 1;
    }
    assert!(failures > 0);
    assert!(
        heard.load(Ordering::SeqCst) < 110,
        "what was acknowledged came again"
    );
}

#[tokio::test]
async fn traps_to_a_receiver_that_goes_away_come_again_however_often_it_has_listened() {
    let folder = tempfile::tempdir().unwrap();
    // An address of this process's own: nobody else takes the port meanwhile.
    let pid = std::process::id();
    let address: SocketAddr = format!("127.192.{}.{}:9162", (pid >> 8) & 0xff, pid & 0xff)
        .parse()
        .unwrap();
    let section = v2c(address, folder.path()) + "kind = \"trap\"\n";
    let mut sink = sink(&section, folder.path());
    let batch: Vec<_> = (1..=3).map(test_event).collect();
    for _ in 0..3 {
        let receiver = UdpSocket::bind(address).await.unwrap();
        for _ in 0..3 {
            delivered(sink.as_mut(), &batch).await;
        }
        let mut buffer = [0; 4096];
        for _ in 0..9 {
            receiver.recv(&mut buffer).await.unwrap();
        }
        drop(receiver);
        // At the first try that it is away, and as long as it is.
        for _ in 0..2 {
            let words = later(sink.as_mut(), &batch).await;
            assert!(words.contains("nobody listens on udp:127."), "{words}");
        }
    }
}

#[tokio::test]
async fn a_name_that_is_none_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let section = v2c("127.0.0.1:9".parse().unwrap(), folder.path())
        .replace("127.0.0.1:9", "no-such-host.invalid:162");
    let mut sink = sink(&section, folder.path());
    let words = later(sink.as_mut(), &[test_event(1)]).await;
    assert!(words.contains("no-such-host.invalid"), "{words}");
}

#[tokio::test]
async fn the_address_that_answers_is_found_among_those_of_a_name() {
    // `localhost` is ::1 and 127.0.0.1; the receiver listens on one of them.
    let address = peer(|message| Some(acknowledgement(message))).await;
    let folder = tempfile::tempdir().unwrap();
    let section = v2c(address, folder.path()).replace("127.0.0.1", "localhost");
    let mut sink = sink(&section, folder.path());
    delivered(sink.as_mut(), &[test_event(1)]).await;
}
