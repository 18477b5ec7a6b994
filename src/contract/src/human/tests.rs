//! What is read, what is refused and in which words.

use super::*;

#[test]
fn durations_are_read_as_people_write_them() {
    for (text, millis) in [
        ("3m", 180_000),
        ("1s", 1000),
        ("500ms", 500),
        ("2h", 7_200_000),
        ("1d", 86_400_000),
        ("1h30m", 5_400_000),
        (" 1h 30m ", 5_400_000),
        ("5 s", 5000),
        ("0s", 0),
        ("36500d", LONGEST_MILLIS),
    ] {
        assert_eq!(text.parse(), Ok(Duration::from_millis(millis)), "{text}");
    }
}

#[test]
fn what_is_no_duration_is_refused_in_words() {
    for (text, words) in [
        (
            "",
            "empty: write a duration such as \"500ms\", \"5s\", \"3m\" or \"1h30m\"",
        ),
        (
            "180",
            "`180` has no unit: write a duration such as \"500ms\", \"5s\", \"3m\" or \"1h30m\"",
        ),
        (
            "1h30",
            "`1h30` has no unit: write a duration such as \"500ms\", \"5s\", \"3m\" or \"1h30m\"",
        ),
        (
            "10000 years",
            "`10000 years` has the unknown unit `years`: use ms, s, m, h or d",
        ),
        ("5M", "`5M` has the unknown unit `M`: use ms, s, m, h or d"),
        ("99999999999d", "`99999999999d` is more than 36500 days"),
        (
            "99999999999999999999999s",
            "`99999999999999999999999s` is more than 36500 days",
        ),
        (
            "18446744073709551615ms",
            "`18446744073709551615ms` is more than 36500 days",
        ),
        ("1m1m", "`1m1m` must name each unit once, the largest first"),
        ("1s1m", "`1s1m` must name each unit once, the largest first"),
        (
            "-5s",
            "`-5s` is no duration: write whole numbers with units, a duration such as \"500ms\", \"5s\", \"3m\" or \"1h30m\"",
        ),
        (
            "1.5h",
            "`1.5h` is no duration: write whole numbers with units, a duration such as \"500ms\", \"5s\", \"3m\" or \"1h30m\"",
        ),
        (
            "soon",
            "`soon` is no duration: write whole numbers with units, a duration such as \"500ms\", \"5s\", \"3m\" or \"1h30m\"",
        ),
    ] {
        let error = text.parse::<Duration>().unwrap_err();
        assert_eq!(error.to_string(), words, "{text}");
    }
}

#[test]
fn a_printed_duration_reads_back_as_itself() {
    for (millis, text) in [
        (0, "0s"),
        (5000, "5s"),
        (600_000, "10m"),
        (5_400_000, "1h 30m"),
        (5100, "5s 100ms"),
        (90_061_001, "1d 1h 1m 1s 1ms"),
    ] {
        let duration = Duration::from_millis(millis);
        assert_eq!(duration.to_string(), text);
        assert_eq!(text.parse(), Ok(duration));
    }
}

#[test]
fn sizes_are_read_and_printed() {
    for (text, bytes) in [
        ("16MiB", 16 << 20),
        ("64KiB", 64 << 10),
        ("1MB", 1_000_000),
        ("1500B", 1500),
        ("2GiB", 2 << 30),
        ("0B", 0),
    ] {
        let size: Size = text.parse().unwrap();
        assert_eq!(size.0, bytes, "{text}");
        assert_eq!(size.to_string(), text);
    }
}

#[test]
fn what_is_no_size_is_refused_in_words() {
    for (text, words) in [
        (
            "16",
            "`16` has no unit: write a size such as \"64KiB\" or \"16MiB\"",
        ),
        (
            "16MIB",
            "`16MIB` has the unknown unit `MIB`: use B, KiB, MiB, GiB, KB, MB or GB",
        ),
        ("99999999999GiB", "`99999999999GiB` is too large"),
        (
            "1MiB 5KiB",
            "`1MiB 5KiB` is no size: write whole numbers with units, a size such as \"64KiB\" or \"16MiB\"",
        ),
        (
            "",
            "`` is no size: write whole numbers with units, a size such as \"64KiB\" or \"16MiB\"",
        ),
    ] {
        let error = text.parse::<Size>().unwrap_err();
        assert_eq!(error.to_string(), words, "{text}");
    }
}

#[test]
fn a_bare_number_in_a_config_file_is_refused_in_words() {
    assert_eq!(
        serde_json::from_value::<Duration>(180.into())
            .unwrap_err()
            .to_string(),
        "`180` has no unit: write a duration such as \"500ms\", \"5s\", \"3m\" or \"1h30m\""
    );
    assert_eq!(
        serde_json::from_str::<Duration>("\"3m\"").unwrap(),
        Duration::from_millis(180_000)
    );
    assert!(serde_json::from_str::<Size>("-1").is_err());
    assert!(serde_json::from_str::<Size>("1.5").is_err());
    assert!(serde_json::from_str::<Size>("[]").is_err());
}

#[test]
fn a_long_or_hostile_text_is_cut_short_in_the_message() {
    let text = format!("\u{1b}[31m{}", "9".repeat(100_000));
    let words = text.parse::<Duration>().unwrap_err().to_string();
    assert!(words.len() < 250 && !words.contains('\u{1b}'), "{words}");
}
