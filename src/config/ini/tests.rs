//! The dialect, line by line.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

fn read(bytes: &[u8]) -> Ini {
    parse(Path::new("f"), bytes)
}

/// Each section as `name: key=value, …`, values interpolated.
fn shape(ini: &Ini) -> Vec<String> {
    ini.sections
        .iter()
        .map(|section| {
            let entries: Vec<String> = section
                .entries
                .iter()
                .map(|entry| {
                    let value = ini
                        .value(section, entry)
                        .unwrap_or_else(|problem| format!("<{problem}>"));
                    format!("{}={value}", entry.key)
                })
                .collect();
            format!("{}: {}", section.name, entries.join(", "))
        })
        .collect()
}

fn told(ini: Ini) -> Vec<String> {
    ini.problems
        .into_vec()
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn sections_keys_and_comments_are_read_as_python_does() {
    for (text, expected) in [
        ("[a]\nk=v\n", vec!["a: k=v"]),
        ("[a]\nk = v\nK2 : v2\n", vec!["a: k=v, k2=v2"]),
        ("[a]\nKey=Value\n", vec!["a: key=Value"]),
        ("# c\n; c\n\nrem c\n[a]\n#k=v\nk=#v\n", vec!["a: k=#v"]),
        ("[a]\nk=v ; comment\n", vec!["a: k=v"]),
        ("[a]\nk=v;w\n", vec!["a: k=v;w"]),
        ("[a]\nk=\"\"\nl=\n", vec!["a: k=, l="]),
        ("[a]\nk=a=b:c\n", vec!["a: k=a=b:c"]),
        (
            "[a]\nk=1\n[b]\nk=2\n[a]\nl=3\n",
            vec!["a: k=1, l=3", "b: k=2"],
        ),
        ("[a]\nk=1\nk=2\n", vec!["a: k=1, k=2"]),
        ("\u{feff}[a]\r\nk=v\r\n", vec!["a: k=v"]),
        ("[a] # c\nk=v", vec!["a: k=v"]),
        ("  [a]\n", vec!["a: "]),
        ("[a b]\n", vec!["a b: "]),
        ("", vec![]),
    ] {
        let ini = read(text.as_bytes());
        assert_eq!(shape(&ini), expected, "{text:?}");
        assert_eq!(told(ini), Vec::<String>::new(), "{text:?}");
    }
}

#[test]
fn references_are_replaced() {
    for (text, expected) in [
        ("[a]\nk=5%%\n", "a: k=5%"),
        ("[a]\nd=/run\nk=%(d)s/x.pid\n", "a: d=/run, k=/run/x.pid"),
        ("[DEFAULT]\nd=/run\n[a]\nk=%(D)s/x\n", "a: k=/run/x"),
        ("[DEFAULT]\nd=1\n[a]\nd=2\nk=%(d)s\n", "a: d=2, k=2"),
        (
            "[a]\nk=%(x)s\n",
            "a: k=<it refers to `x`, which is not there>",
        ),
        (
            "[a]\nk=%(k)s\n",
            "a: k=<it refers to itself, or to too much>",
        ),
        (
            "[a]\nk=5%\n",
            "a: k=<a single % means a reference; write %% for the sign>",
        ),
        (
            "[a]\nk=%d\n",
            "a: k=<a single % means a reference; write %% for the sign>",
        ),
        (
            "[a]\nk=%(d\n",
            "a: k=<a single % means a reference; write %% for the sign>",
        ),
    ] {
        assert_eq!(shape(&read(text.as_bytes())), [expected], "{text:?}");
    }
}

#[test]
fn lines_that_say_nothing_are_told_with_their_number() {
    for (text, line, words) in [
        (
            &b"k=v\n[a]\n"[..],
            1,
            "`k` stands before any section; the line is passed over; move it below the [section] it belongs to",
        ),
        (
            b"junk\n[a]\n",
            1,
            "`junk` is no section, key or comment; the line is passed over; remove it",
        ),
        (
            b"[a]\njunk\n",
            2,
            "`junk` is no section, key or comment; the line is passed over; remove it",
        ),
        (
            b"[a]\n\n=v\n",
            3,
            "`=v` is no section, key or comment; the line is passed over; remove it",
        ),
        (
            b"[a]\nk=\xff\n",
            2,
            "the line is no UTF-8; the line is passed over; remove it",
        ),
        (
            b"[a]\nk=a\0b\n",
            2,
            "the line holds a NUL or another control character; the line is passed over; remove it",
        ),
        (
            b"[a\n",
            1,
            "the section `[a` has no closing bracket; write it as [name]; it and the keys below it are passed over",
        ),
        (
            b"[a] junk\n",
            1,
            "`junk` after the section's name means nothing; remove it, or put it on a line of its own",
        ),
        (
            b"#\nnull\nnull\nnull\nnull\n",
            2,
            "`null` is what CloudStack writes when it has no services to watch; no service is read from such a line",
        ),
    ] {
        let told = told(read(text));
        assert_eq!(
            told,
            [format!("f:{line}: {words}")],
            "{}",
            String::from_utf8_lossy(text)
        );
    }
}

#[test]
fn keys_below_a_broken_header_go_to_no_section() {
    let ini = read(b"[a]\nk=1\n[b\nk=2\n[c]\nk=3\n");
    assert_eq!(shape(&ini), ["a: k=1", "c: k=3"]);
    assert_eq!(
        told(ini)[1],
        "f:4: `k` stands below the section of line 3, which cannot be read; the line is passed over; repair that line"
    );
}

#[test]
fn an_indented_line_belongs_to_the_value_before_it_and_is_remembered() {
    let ini = read(b"[a]\nk=1\n  l=2\n\n\tm=3\nn=4\n");
    assert_eq!(shape(&ini), ["a: k=1, n=4"]);
    let continued: Vec<_> = ini.sections[0]
        .entries
        .iter()
        .map(|entry| entry.continued)
        .collect();
    assert_eq!(continued, [Some(3), None]);
    // After a header, or a line that says nothing, there is no value to go on with.
    assert_eq!(shape(&read(b"[a]\n  k=1\n")), ["a: k=1"]);
    assert_eq!(shape(&read(b"[a]\nk=1\njunk\n  l=2\n")), ["a: k=1, l=2"]);
}

#[test]
fn hostile_files_cost_neither_time_nor_memory() {
    // Without the limits this would take hours.
    let mut sections = String::new();
    for number in 0..100_000 {
        writeln!(sections, "[{number}]").unwrap();
    }
    assert_eq!(read(sections.as_bytes()).sections.len(), 100_000);
    assert_eq!(told(read("x\n".repeat(500_000).as_bytes())).len(), 51);
    let mut deep = String::from("[a]\n");
    for level in 0..11 {
        let reference = format!("%(k{})s", level + 1).repeat(500);
        writeln!(deep, "k{level}={reference}").unwrap();
    }
    deep.push_str("k11=\n");
    assert!(shape(&read(deep.as_bytes()))[0].contains("<it refers to itself, or to too much>"));
    let long = format!("[a]\nk={}\n", "x".repeat(1_000_000));
    assert_eq!(
        shape(&read(long.as_bytes())),
        ["a: k=<it is longer than 4096 bytes>"]
    );
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        shape(&read(&bytes));
    }

    #[test]
    fn nearly_right_text_is_read_or_told(text in "(\\[?[a-c]{0,2}\\]?|[kl] ?[=:] ?(v|%|%%|%\\([kl]\\)s)*|[ \t#;%\r\u{0}é]|\n){0,60}") {
        let ini = read(text.as_bytes());
        shape(&ini);
        let lines = u32::try_from(text.split('\n').count()).unwrap();
        for section in &ini.sections {
            prop_assert!(section.line >= 1 && section.line <= lines);
            for entry in &section.entries {
                prop_assert!(entry.line > section.line && entry.line <= lines);
            }
        }
    }
}
