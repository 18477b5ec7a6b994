use reqwest::header::HeaderValue;

use super::*;

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
        .collect()
}

fn verdict(status: u16) -> &'static str {
    let status = StatusCode::from_u16(status).unwrap();
    match refusal(status, &HeaderMap::new(), "", "look at the key") {
        Refusal::Later { .. } => "later",
        Refusal::Never { .. } => "never",
        Refusal::Gone { .. } => "gone",
    }
}

#[test]
fn what_can_heal_is_kept_and_what_cannot_is_not() {
    for status in [300, 301, 302, 307, 308, 401, 403, 407, 408, 421, 425, 429] {
        assert_eq!(verdict(status), "later", "{status}");
    }
    for status in [500, 502, 503, 504, 507, 520, 530, 599] {
        assert_eq!(verdict(status), "later", "{status}");
    }
    for status in [400, 404, 405, 409, 413, 415, 422, 431, 501] {
        assert_eq!(verdict(status), "never", "{status}");
    }
    assert_eq!(verdict(410), "gone");
}

#[test]
fn the_words_say_what_was_answered_and_what_to_do() {
    let words = |status, pairs: &[_], text| {
        let status = StatusCode::from_u16(status).unwrap();
        match refusal(status, &headers(pairs), text, "look at the key") {
            Refusal::Later { cause, .. } | Refusal::Never { cause } | Refusal::Gone { cause } => {
                cause
            }
        }
    };
    assert_eq!(
        words(401, &[], "bad signature"),
        "it answers 401 Unauthorized: bad signature; look at the key"
    );
    assert_eq!(
        words(
            301,
            &[("location", "https://b.example/new?token=hunter2")],
            ""
        ),
        "it answers 301 Moved Permanently and points to https://b.example/new; \
         redirects are not followed: set `url` to where the receiver is"
    );
    assert_eq!(words(599, &[], ""), "it answers 599");
}

#[test]
fn the_wait_is_read_as_seconds_and_as_a_date_and_is_never_endless() {
    let wait = |text| retry_after(&headers(&[("retry-after", text)]));
    assert_eq!(wait("120"), Some(Duration::from_mins(2)));
    assert_eq!(wait("0"), Some(Duration::ZERO));
    assert_eq!(wait("99999999999999999999999999"), Some(LONGEST_WAIT));
    assert_eq!(wait("-1"), None);
    assert_eq!(wait(""), None);
    assert_eq!(wait(" "), None);
    assert_eq!(wait("soon"), None);
    assert_eq!(wait("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
    assert_eq!(wait("Fri, 01 Jan 2100 00:00:00 GMT"), Some(LONGEST_WAIT));
    for date in [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    ] {
        let headers = headers(&[
            ("retry-after", date),
            ("date", "Sun, 06 Nov 1994 08:49:00 GMT"),
        ]);
        assert_eq!(
            retry_after(&headers),
            Some(Duration::from_secs(37)),
            "{date}"
        );
    }
}

#[test]
fn the_words_of_a_receiver_cannot_steer_a_terminal_or_fill_a_log() {
    let words = said("no\r\n\u{1b}[31m".repeat(1000).as_bytes());
    assert!(
        words.len() <= MOST_TOLD && !words.contains(char::is_control),
        "{words}"
    );
}
