//! Pid files as daemons write them, and as someone who means harm would.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;

use proptest::prelude::*;

use super::*;

fn pids(text: impl AsRef<[u8]>) -> Vec<u32> {
    match parse(text.as_ref()) {
        PidFile::Pids(pids) => pids,
        other => panic!("{other:?}"),
    }
}

fn problem(file: PidFile) -> String {
    match file {
        PidFile::Unusable(problem) => problem,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_pid_is_read_however_the_daemon_sets_it_out() {
    for text in [
        "17\n",
        "17",
        " 17 \n",
        "\n\n17\n\n",
        "17\r\n",
        "\t17\t\r\n\r\n",
        "00017\n",
    ] {
        assert_eq!(pids(text), [17], "{text:?}");
    }
}

#[test]
fn every_line_of_an_old_haproxy_counts() {
    assert_eq!(pids("11\n12\n13\n"), [11, 12, 13]);
}

#[test]
fn no_more_than_sixty_four_pids_are_taken() {
    let lines: Vec<String> = (1..=200).map(|pid: u32| pid.to_string()).collect();
    assert_eq!(pids(lines.join("\n")), (1..=64).collect::<Vec<_>>());
}

#[test]
fn what_is_no_pid_is_passed_over_beside_one_that_is() {
    assert_eq!(
        pids(b"0\n-1\n+5\n4194305\n99999999999999999999\n1 2\n0x7\n\xff\xfe\n\0\n7\n"),
        [7]
    );
    assert_eq!(pids("1\n4194304\n"), [1, 4_194_304]);
}

#[test]
fn a_file_without_any_pid_says_what_is_wrong_with_it() {
    assert_eq!(problem(parse(b"")), "it is empty");
    assert_eq!(problem(parse(b" \n\r\n")), "it is empty");
    for text in [
        &b"0\n"[..],
        b"-1",
        b"+1",
        b"4294967297",
        b"\0\0\0",
        b"17\x00",
        b"sshd",
        b"\xc3\x28",
        b"1.5",
        "１７".as_bytes(),
    ] {
        assert_eq!(problem(parse(text)), "it holds no process id", "{text:?}");
    }
    assert_eq!(
        problem(parse(&[b'1'; MAX_BYTES + 1])),
        "it is longer than 4096 bytes"
    );
}

#[test]
fn what_is_no_file_is_neither_opened_nor_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    rustix::fs::mkfifoat(rustix::fs::CWD, at("pipe"), Mode::RWXU).unwrap();
    let _socket = UnixListener::bind(at("socket")).unwrap();
    fs::create_dir(at("directory")).unwrap();
    symlink("/dev/zero", at("zero")).unwrap();
    symlink("loop", at("loop")).unwrap();
    for (name, words) in [
        ("pipe", "it is a named pipe"),
        ("socket", "it is a socket"),
        ("directory", "it is a directory"),
        ("zero", "it is a device"),
        ("loop", "it is a loop of symbolic links"),
    ] {
        assert_eq!(problem(read(&at(name))), words);
    }
}

#[test]
fn a_link_to_nowhere_and_a_path_through_a_file_are_missing_pid_files() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    symlink("nowhere", at("dangling")).unwrap();
    fs::write(at("file"), "1").unwrap();
    for name in ["none", "dangling", "file/x.pid", "no/such/directory"] {
        assert_eq!(read(&at(name)), PidFile::Missing, "{name}");
    }
}

#[test]
fn a_link_to_a_pid_file_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.pid"), "17\n").unwrap();
    symlink("a.pid", folder.path().join("b.pid")).unwrap();
    assert_eq!(read(&folder.path().join("b.pid")), PidFile::Pids(vec![17]));
}

#[test]
fn of_a_gigabyte_no_more_is_read_than_shows_that_it_is_too_long() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("huge.pid");
    fs::File::create(&path)
        .unwrap()
        .set_len(1_000_000_000)
        .unwrap();
    assert_eq!(problem(read(&path)), "it is longer than 4096 bytes");
}

#[test]
fn a_file_of_exactly_the_limit_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("full.pid");
    fs::write(&path, format!("17{}", "\n".repeat(MAX_BYTES - 2))).unwrap();
    assert_eq!(read(&path), PidFile::Pids(vec![17]));
}

#[test]
fn a_file_that_may_not_be_read_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret.pid");
    fs::write(&path, "17").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o0)).unwrap();
    match read(&path) {
        PidFile::Unusable(words) => assert!(words.contains("ermission denied"), "{words}"),
        // Root reads it all the same.
        file => assert_eq!(file, PidFile::Pids(vec![17])),
    }
}

proptest! {
    #[test]
    fn whatever_the_file_holds_no_pid_is_zero_or_beyond_the_kernels(text in proptest::collection::vec(any::<u8>(), 0..5000)) {
        if let PidFile::Pids(pids) = parse(&text) {
            prop_assert!(!pids.is_empty() && pids.len() <= MAX_PIDS);
            prop_assert!(pids.iter().all(|pid| (1..=MAX_PID).contains(pid)));
        }
    }

    #[test]
    fn numbers_among_noise_are_found_as_they_stand(lines in proptest::collection::vec("[-+ \t\r]{0,2}[0-9]{0,12}[ \t\r]{0,2}", 0..80)) {
        let text = lines.join("\n");
        let expected: Vec<u32> = lines
            .iter()
            .filter(|line| !line.contains(['-', '+']))
            .filter_map(|line| line.trim().parse().ok())
            .filter(|pid| (1..=MAX_PID).contains(pid))
            .take(MAX_PIDS)
            .collect();
        match parse(text.as_bytes()) {
            PidFile::Pids(pids) => prop_assert_eq!(pids, expected),
            _ => prop_assert!(expected.is_empty()),
        }
    }
}
