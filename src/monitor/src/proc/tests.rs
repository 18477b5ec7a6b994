//! `/proc` as it is, and as it could be.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

use proptest::prelude::*;

use super::*;

/// A sleeping process that is ended with the test.
struct Sleeper(Child);

impl Sleeper {
    /// Starts `command` and waits until the kernel has set up all that `/proc` shows of it.
    fn start(command: &mut Command) -> Self {
        let command = command.arg("1000");
        let child = loop {
            match command.spawn() {
                // Another test forked while the program was being written, and still holds it open.
                Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => {}
                child => break child.unwrap(),
            }
        };
        let mut buffer = [0; 4096];
        while !read(child.id(), "cmdline", &mut buffer).is_ok_and(|text| text.ends_with(b"1000\0"))
        {
            std::thread::yield_now();
        }
        Self(child)
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_name_with_spaces_and_parentheses_does_not_shift_the_fields() {
    let text = b"42 (a) R 9 (b c) S 7 42 41 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 3 0 12345 1 2 3\n";
    let stat = parse_stat(text).unwrap();
    assert_eq!(stat.name, "a) R 9 (b c");
    assert_eq!((stat.pid, stat.state, stat.parent), (42, 'S', 7));
    assert_eq!((stat.group, stat.session, stat.threads), (42, 41, 3));
    assert_eq!(stat.started, Duration::from_millis(123_450));
}

#[test]
fn a_zombie_whose_other_threads_work_on_is_alive() {
    let line = |state, threads| {
        let text =
            format!("1 (x) {state} 0 -1 -1 0 -1 0 1 2 3 4 5 6 7 8 20 0 {threads} 0 7 1 2 3\n");
        parse_stat(text.as_bytes()).unwrap().is_alive()
    };
    assert!(line('S', 1));
    assert!(line('Z', 2));
    assert!(!line('Z', 1));
    assert!(!line('X', 0));
}

#[test]
fn this_process_is_found_in_proc_with_all_its_facts() {
    let own = std::process::id();
    let stat = stat(own).unwrap();
    assert_eq!(stat.pid, own);
    assert!(stat.is_alive());
    assert!(stat.started > Duration::ZERO);
    assert!(pids().any(|pid| pid == own));
    let kin = kin(own).unwrap();
    assert_eq!(kin.process, stat.process());
    assert_eq!(kin.cgroup, cgroup(own));
    let mut buffer = [0; 64];
    assert_eq!(comm(own, &mut buffer).unwrap(), stat.name.as_bytes());
}

#[test]
fn a_pid_that_nobody_has_is_gone() {
    for pid in [0, 4_194_305, u32::MAX] {
        assert!(matches!(stat(pid), Err(ProcError::Gone)), "{pid}");
    }
}

#[test]
fn a_process_is_known_by_comm_by_executable_and_by_its_first_argument() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("a-name-longer-than-fifteen");
    std::fs::copy("/bin/sleep", &copy).unwrap();
    let sleeper = Sleeper::start(Command::new(&copy).arg0("/opt/else/where"));
    let stat = stat(sleeper.pid()).unwrap();
    assert_eq!(stat.name, "a-name-longer-t");
    assert!(is_named(&stat, "a-name-longer-than-fifteen"));
    assert!(is_named(&stat, "/usr/sbin/a-name-longer-than-fifteen"));
    assert!(is_named(&stat, "where"));
    for wanted in ["sleep", "a-name", "a-name-longer-", "else", "", "/", "wher"] {
        assert!(!is_named(&stat, wanted), "{wanted}");
    }
}

#[test]
fn a_process_whose_executable_was_replaced_by_an_upgrade_keeps_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("upgraded");
    std::fs::copy("/bin/sleep", &copy).unwrap();
    let sleeper = Sleeper::start(Command::new(&copy).arg0("x"));
    std::fs::remove_file(&copy).unwrap();
    assert!(executable_is(sleeper.pid(), b"upgraded"));
}

#[test]
fn the_cgroup_is_the_v2_path_or_that_of_systemds_v1_hierarchy() {
    let of = |text: &str| parse_cgroup(text.as_bytes());
    assert_eq!(
        of("0::/system.slice/ssh.service\n").unwrap(),
        "/system.slice/ssh.service"
    );
    assert_eq!(
        of("12:cpu:/x\n1:name=systemd:/system.slice/a\n0::/\n").unwrap(),
        "/system.slice/a"
    );
    assert_eq!(of("0::/\n").unwrap(), "/");
    assert_eq!(of("3:cpu:/x\n"), None);
    assert_eq!(of(""), None);
}

proptest! {
    #[test]
    fn whatever_stands_in_proc_is_parsed_without_a_panic(text in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse_stat(&text);
        let _ = parse_cgroup(&text);
        prop_assert!(!base_name(&text).contains(&b'/'));
    }
}
