//! A pid counts only with the right name, and only while something of it runs.

use std::os::unix::process::CommandExt;

use super::*;

#[test]
fn a_pid_of_another_name_is_another_process() {
    under_both_means(|means| {
        let place = Place::new();
        let stranger = place.start("stranger");
        let mut watcher = place.watcher(means);
        place.write(stranger.pid());
        watcher.assert_down(Cause::OtherProcess {
            pid: stranger.pid(),
            name: "stranger".to_owned(),
        });
    });
}

#[test]
fn init_is_not_the_service_that_a_pid_file_with_a_one_in_it_claims() {
    under_both_means(|means| {
        let place = Place::new();
        let mut watcher = place.watcher(means);
        place.write("1\n");
        let name = proc::stat(1).unwrap().name;
        watcher.assert_down(Cause::OtherProcess { pid: 1, name });
    });
}

#[test]
fn a_name_in_the_first_argument_counts_like_one_in_comm() {
    under_both_means(|means| {
        let place = Place::new();
        let mut command = Command::new("/bin/sleep");
        command.arg0("/usr/sbin/served").arg("100000");
        let daemon = Daemon(command.spawn().unwrap());
        until(|| proc::is_named(&proc::stat(daemon.pid()).unwrap(), "served"));
        let mut watcher = place.watcher(means);
        place.write(daemon.pid());
        for _ in 0..2 {
            watcher.assert_up(&daemon);
        }
    });
}

#[test]
fn a_zombie_that_nobody_collects_is_down() {
    under_both_means(|means| {
        let place = Place::new();
        let mut daemon = place.start("served");
        let mut watcher = place.watcher(means);
        place.write(daemon.pid());
        watcher.assert_up(&daemon);
        daemon.become_zombie();
        watcher.assert_down(Cause::Zombie { pid: daemon.pid() });
        let mut fresh = place.watcher(means);
        fresh.assert_down(Cause::Zombie { pid: daemon.pid() });
    });
}

#[test]
fn a_stopped_process_is_no_dead_one() {
    under_both_means(|means| {
        let place = Place::new();
        let daemon = place.start("served");
        let mut watcher = place.watcher(means);
        place.write(daemon.pid());
        let pid = rustix::process::Pid::from_child(&daemon.0);
        rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
        until(|| proc::stat(daemon.pid()).unwrap().state == 'T');
        watcher.assert_up(&daemon);
    });
}

#[test]
fn a_process_that_turns_into_another_program_is_caught() {
    under_both_means(|means| {
        let place = Place::new();
        symlink("/bin/sleep", place.at("turned")).unwrap();
        let go = place.at("go");
        let script = format!(
            "while [ ! -e {} ]; do sleep 0.01; done; exec {} 100000",
            go.display(),
            place.at("turned").display()
        );
        let daemon = place.run("served", "sh", &["-c", &script]);
        let mut watcher = place.watcher(means);
        place.write(daemon.pid());
        watcher.assert_up(&daemon);
        fs::write(&go, "").unwrap();
        until(|| proc::stat(daemon.pid()).unwrap().name == "turned");
        let cause = Cause::OtherProcess {
            pid: daemon.pid(),
            name: "turned".to_owned(),
        };
        watcher.assert_down(cause.clone());
        watcher.assert_down(cause);
    });
}

#[test]
fn a_mere_thread_of_the_right_name_is_no_process() {
    under_both_means(|means| {
        let place = Place::new();
        let (tell, told) = std::sync::mpsc::channel();
        let (release, released) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::Builder::new().name("served".to_owned());
        let thread = thread
            .spawn(move || {
                let id = rustix::thread::gettid().as_raw_nonzero().get();
                tell.send(u32::try_from(id).unwrap()).unwrap();
                let _ = released.recv();
            })
            .unwrap();
        let pid = told.recv().unwrap();
        place.write(pid);
        let mut watcher = place.watcher(means);
        watcher.assert_down(Cause::Gone { pid });
        drop(release);
        thread.join().unwrap();
    });
}

#[test]
fn what_an_earlier_run_remembers_is_believed_only_if_it_is_the_same_process() {
    under_both_means(|means| {
        let place = Place::new();
        let daemon = place.start("served");
        let stranger = place.start("stranger");
        let kin = proc::kin(daemon.pid()).unwrap();

        // The pid file is gone, but the process lives on.
        let mut watcher = place.watcher(means);
        watcher.remember(ONE, kin.clone());
        assert_eq!(watcher.kin(ONE), Some(&kin));
        watcher.assert_up(&daemon);

        // Its pid has been given to another process since.
        let mut watcher = place.watcher(means);
        let mut reused = kin.clone();
        reused.process.started -= Duration::from_secs(1);
        watcher.remember(ONE, reused);
        watcher.assert_down(Cause::NoPidFile);

        // It is there, but has another name.
        let mut watcher = place.watcher(means);
        watcher.remember(ONE, proc::kin(stranger.pid()).unwrap());
        watcher.assert_down(Cause::NoPidFile);

        // The pid file says something: it decides.
        let mut watcher = place.watcher(means);
        watcher.remember(ONE, kin);
        place.write("4194304");
        watcher.assert_down(Cause::Gone { pid: 4_194_304 });
    });
}

#[test]
fn the_kin_of_a_dead_process_is_still_known() {
    under_both_means(|means| {
        let place = Place::new();
        let mut daemon = place.start("served");
        let mut watcher = place.watcher(means);
        assert_eq!(watcher.kin(ONE), None);
        place.write(daemon.pid());
        watcher.assert_up(&daemon);
        let kin = proc::kin(daemon.pid()).unwrap();
        daemon.kill();
        watcher.assert_down(Cause::Gone { pid: daemon.pid() });
        assert_eq!(watcher.kin(ONE), Some(&kin));
    });
}
