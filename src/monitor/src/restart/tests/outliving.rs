//! A daemon that keeps the output of the command that restarted it lives on when vrwatch ends. Here
//! vrwatch is the test itself, run once more, and its end is a real one: SIGKILL.

use std::os::unix::process::ExitStatusExt;

use super::*;

/// Set in the second run: the directory of the first one's world.
const DIRECTORY: &str = "VRWATCH_TEST_OUTLIVING";

const TEST: &str =
    "restart::tests::outliving::a_daemon_that_keeps_the_output_outlives_whoever_restarted_it";

/// The pipe that is this descriptor of a process.
fn pipe(pid: u32, descriptor: u32) -> Option<String> {
    let target = fs::read_link(format!("/proc/{pid}/fd/{descriptor}")).ok()?;
    let target = target.to_str()?.to_owned();
    target.starts_with("pipe:").then_some(target)
}

async fn restart_and_die(directory: &str) -> ! {
    let settings = Settings {
        command: vec![format!("{directory}/restart")],
        timeout: LONG,
        end_leftovers: false,
    };
    let token = format!("test:{directory}");
    let outcome = run(&settings, &token, None, |_| false).await;
    assert_eq!(outcome.output, "started");
    kill(std::process::id());
    unreachable!("SIGKILL was survived");
}

#[tokio::test]
async fn a_daemon_that_keeps_the_output_outlives_whoever_restarted_it() {
    if let Ok(directory) = std::env::var(DIRECTORY) {
        restart_and_die(&directory).await;
    }
    let world = World::new();
    world.script(
        "setsid sh -c 'echo $$ > '$D'/pid
            while [ ! -e '$D'/go ]; do sleep 0.02; done
            i=0; while [ $i -lt 3000 ]; do echo a hundred times more than a pipe can hold; i=$((i+1)); done
            echo survived > '$D'/survived.new; mv '$D'/survived.new '$D'/survived
            while :; do echo and talks on; sleep 0.02; done' &
        while [ ! -s $D/pid ]; do sleep 0.02; done
        echo started",
    );
    let vrwatch = std::process::Command::new(std::env::current_exe().unwrap())
        .args([TEST, "--exact"])
        .env(DIRECTORY, world.directory.path())
        .status();
    assert_eq!(vrwatch.unwrap().signal(), Some(9));
    let daemon = world.pid("pid").await;
    fs::write(world.path("go"), "").unwrap();
    assert_eq!(world.file("survived").await, "survived\n");
    assert!(is_alive(daemon));

    // What reads on is nobody's: no mark, no group, no directory; and it ends with the daemon.
    let output = pipe(daemon, 1);
    assert!(output.is_some());
    let keepers: Vec<u32> = proc::pids().filter(|pid| pipe(*pid, 0) == output).collect();
    let [keeper] = keepers[..] else {
        panic!("one process reads on, not {keepers:?}");
    };
    assert_eq!(stat(keeper).name, "cat");
    assert_eq!(stat(keeper).group, keeper);
    assert_eq!(
        fs::read_to_string(format!("/proc/{keeper}/environ")).unwrap(),
        ""
    );
    assert_eq!(
        fs::read_link(format!("/proc/{keeper}/cwd")).unwrap(),
        Path::new("/")
    );
    kill(daemon);
    until("what read on ends", || !is_alive(keeper)).await;
}

#[tokio::test]
async fn a_command_that_nobody_outlives_leaves_no_reader_behind() {
    let world = World::new();
    let outcome = world.run("readlink /proc/$$/fd/1", LONG).await;
    assert!(outcome.output.starts_with("pipe:"), "{outcome:?}");
    assert!(!proc::pids().any(|pid| pipe(pid, 0).as_ref() == Some(&outcome.output)));
}
