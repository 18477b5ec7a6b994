//! Whatever lies where the pid file should be: never a wrong verdict, never a hang.

use std::os::unix::fs::PermissionsExt;

use super::*;

fn bad(problem: &str) -> Cause {
    Cause::BadPidFile {
        problem: problem.to_owned(),
    }
}

/// Everything hostile, by what it is and how it is made; and the cause it gives.
fn hostile(place: &Place) -> Vec<(Cause, Box<dyn Fn() + '_>)> {
    let text = |text: &'static [u8]| Box::new(move || fs::write(place.pid_file(), text).unwrap());
    let link = |to: &'static str| Box::new(move || symlink(to, place.pid_file()).unwrap());
    let no_pid = || bad("it holds no process id");
    vec![
        (Cause::NoPidFile, Box::new(|| ())),
        (Cause::NoPidFile, link("nowhere")),
        (bad("it is a loop of symbolic links"), link("service.pid")),
        (bad("it is a device"), link("/dev/zero")),
        (
            bad("it is a named pipe"),
            Box::new(|| {
                let mode = rustix::fs::Mode::RWXU;
                rustix::fs::mkfifoat(rustix::fs::CWD, place.pid_file(), mode).unwrap();
            }),
        ),
        (
            bad("it is a directory"),
            Box::new(|| fs::create_dir(place.pid_file()).unwrap()),
        ),
        (
            bad("it is longer than 4096 bytes"),
            Box::new(|| {
                let file = fs::File::create(place.pid_file()).unwrap();
                file.set_len(1_000_000_000).unwrap();
            }),
        ),
        (bad("it is empty"), text(b"")),
        (bad("it is empty"), text(b"\n\n \r\n")),
        (no_pid(), text(b"served")),
        (no_pid(), text(b"\x7fELF\x02\x01\x01\0\0\xff\xfe")),
        (no_pid(), text(b"0\n")),
        (no_pid(), text(b"-1\n")),
        (no_pid(), text(b"4294967297\n")),
        (no_pid(), text(b"18446744073709551617\n")),
    ]
}

fn clear(place: &Place) {
    let _ = fs::remove_file(place.pid_file());
    let _ = fs::remove_dir(place.pid_file());
}

#[test]
fn a_hostile_pid_file_means_down_when_nothing_was_ever_seen_up() {
    under_both_means(|means| {
        let place = Place::new();
        let mut watcher = place.watcher(means);
        for (cause, make) in hostile(&place) {
            make();
            watcher.assert_down(cause);
            clear(&place);
        }
    });
}

#[test]
fn a_hostile_pid_file_never_makes_a_living_service_down() {
    under_both_means(|means| {
        let place = Place::new();
        let daemon = place.start("served");
        let mut watcher = place.watcher(means);
        for (cause, make) in hostile(&place) {
            place.write(daemon.pid());
            watcher.assert_up(&daemon);
            clear(&place);
            make();
            for _ in 0..3 {
                assert_eq!(
                    watcher.verdict(),
                    Verdict::Up(daemon.process()),
                    "{cause:?}"
                );
            }
            clear(&place);
        }
    });
}

#[test]
fn a_service_that_dies_under_a_hostile_pid_file_is_down() {
    under_both_means(|means| {
        let place = Place::new();
        let mut watcher = place.watcher(means);
        for (cause, make) in hostile(&place) {
            let mut daemon = place.start("served");
            place.write(daemon.pid());
            watcher.assert_up(&daemon);
            clear(&place);
            make();
            daemon.kill();
            watcher.assert_down(cause);
            clear(&place);
        }
    });
}

#[test]
fn a_pid_file_that_may_not_be_read_says_so_and_downs_nobody() {
    under_both_means(|means| {
        let place = Place::new();
        let daemon = place.start("served");
        let mut watcher = place.watcher(means);
        place.write(daemon.pid());
        watcher.assert_up(&daemon);
        fs::set_permissions(place.pid_file(), fs::Permissions::from_mode(0o0)).unwrap();
        watcher.assert_up(&daemon);
    });
}

#[test]
fn a_pid_file_as_daemons_write_it_is_up() {
    under_both_means(|means| {
        let place = Place::new();
        let daemon = place.start("served");
        let mut watcher = place.watcher(means);
        let pid = daemon.pid();
        for text in [
            format!("{pid}\n"),
            format!("{pid}"),
            format!("  {pid} \r\n"),
            format!("\n\n{pid}\n"),
            format!("garbage\n-1\n0\n{pid}\n\0\n"),
            format!("4194303\n4194302\n{pid}\n"),
        ] {
            place.write(text);
            watcher.assert_up(&daemon);
        }
    });
}

#[test]
fn any_line_of_an_old_haproxys_pid_file_that_matches_is_enough() {
    under_both_means(|means| {
        let place = Place::new();
        let mut first = place.start("served");
        let stranger = place.start("stranger");
        let mut second = place.start("served");
        let mut watcher = place.watcher(means);
        place.write(format!(
            "{}\n{}\n{}\n",
            stranger.pid(),
            first.pid(),
            second.pid()
        ));
        watcher.assert_up(&first);
        first.kill();
        watcher.assert_up(&second);
        second.kill();
        // The one that was watched tells best why.
        watcher.assert_down(Cause::Gone { pid: second.pid() });
    });
}

#[test]
fn a_pid_that_nobody_has_is_gone() {
    under_both_means(|means| {
        let place = Place::new();
        let mut watcher = place.watcher(means);
        place.write("4194304\n");
        watcher.assert_down(Cause::Gone { pid: 4_194_304 });
    });
}

#[test]
fn a_pid_file_that_names_the_dead_decides_even_while_the_old_process_lives() {
    under_both_means(|means| {
        let place = Place::new();
        let old = place.start("served");
        let mut watcher = place.watcher(means);
        place.write(old.pid());
        watcher.assert_up(&old);
        place.write("4194304");
        watcher.assert_down(Cause::Gone { pid: 4_194_304 });
        // A restart that takes the file away on its way does not bring the old one back.
        clear(&place);
        watcher.assert_down(Cause::NoPidFile);
    });
}
