//! Whose keys are looked up when, with the clock in hand.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::http::HeaderMap;
use contract::Timestamp;

use super::*;
use crate::api::receive::Archive;
use crate::api::trial::{KEY, Memory, NOW, signature};

fn verifier(memory: &Arc<Memory>) -> Verifier {
    let archive: Arc<dyn Archive> = Arc::clone(memory) as _;
    Verifier::new(Keyring::new(archive)).unwrap()
}

async fn believed(verifier: &Verifier, router: &str, key: &[u8]) -> bool {
    let mut headers = HeaderMap::new();
    headers.insert("webhook-id", "a".parse().unwrap());
    headers.insert("webhook-timestamp", NOW.into());
    let signature = signature(key, "a", NOW, b"content");
    headers.insert("webhook-signature", signature.parse().unwrap());
    let now = Timestamp::from_unix_millis(NOW * 1000).unwrap();
    let signed = Signed::read(&headers, now).unwrap();
    let content = [&signed.prefix()[..], b"content"].concat();
    match verifier.check(router, &signed, &content).await {
        Ok(_) => true,
        Err(Disbelief::NotProven) => false,
        Err(error) => panic!("{error}"),
    }
}

/// The example of the specification.
#[tokio::test]
async fn the_signature_of_the_specification_holds() {
    let memory = Arc::new(Memory::default());
    let secret = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
        ("webhook-timestamp", "1614265330"),
        (
            "webhook-signature",
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ),
    ] {
        headers.insert(name, value.parse().unwrap());
    }
    let now = Timestamp::from_unix_millis(1_614_265_330_000).unwrap();
    let signed = Signed::read(&headers, now).unwrap();
    let content = [&signed.prefix()[..], br#"{"test": 2432232314}"#].concat();
    let key = STANDARD.decode(secret).unwrap();
    let keys = Keys::from(vec![hmac::Key::new(hmac::HMAC_SHA256, &key)]);
    let verifier = verifier(&memory);
    assert!(verifier.key_of(&keys, &signed, &content).is_some());
}

#[tokio::test(start_paused = true)]
async fn keys_are_looked_up_once_in_a_while_and_a_key_issued_just_now_is_good_at_once() {
    let memory = Arc::new(Memory::default());
    let verifier = verifier(&memory);
    let looks = || memory.looks.swap(0, Ordering::Relaxed);
    assert!(!believed(&verifier, "r-1", &KEY).await);
    assert_eq!(looks(), 1);
    // Guessing costs a look a second at most.
    assert!(!believed(&verifier, "r-1", &KEY).await);
    assert_eq!(looks(), 0);
    memory.set_keys("r-1", &[KEY]);
    tokio::time::advance(KEPT_IN_DOUBT).await;
    assert!(believed(&verifier, "r-1", &KEY).await);
    assert_eq!(looks(), 1);
    tokio::time::advance(KEPT / 2).await;
    assert!(believed(&verifier, "r-1", &KEY).await);
    assert_eq!(looks(), 0);
    // A key that is retired elsewhere ends with what is kept of it, here at once.
    memory.set_keys("r-1", &[]);
    assert!(believed(&verifier, "r-1", &KEY).await);
    verifier.forget("r-1");
    assert!(!believed(&verifier, "r-1", &KEY).await);
    memory.set_keys("r-1", &[KEY]);
    tokio::time::advance(KEPT_IN_DOUBT).await;
    assert!(believed(&verifier, "r-1", &KEY).await);
    memory.set_keys("r-1", &[]);
    tokio::time::advance(Duration::from_secs(2)).await;
    assert!(!believed(&verifier, "r-1", &KEY).await);
}

#[tokio::test]
async fn names_that_are_made_up_fill_no_memory_and_push_no_key_out() {
    let memory = Arc::new(Memory::default());
    memory.set_keys("r-1", &[KEY]);
    let verifier = verifier(&memory);
    assert!(believed(&verifier, "r-1", &KEY).await);
    for number in 0..3000 {
        assert!(!believed(&verifier, &format!("x-{number}"), &KEY).await);
    }
    assert!(verifier.keys.unknown_count() <= 1000);
    memory.looks.store(0, Ordering::Relaxed);
    assert!(believed(&verifier, "r-1", &KEY).await);
    assert_eq!(memory.looks.load(Ordering::Relaxed), 0);
}
