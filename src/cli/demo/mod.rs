//! `vrwatch demo`: a newcomer's first look. Two throw-away services in a temporary folder, the real
//! daemon over them, one death, one restart that fails, and every event as it arrives. Whichever way
//! it ends, nothing of it stays: the services and the daemon live no longer than the demo's process.

mod stage;

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use tokio::signal::unix::{SignalKind, signal};

use self::stage::Stage;
use super::output::{self, Audience};
use super::{CommandError, Done, block_on};

#[derive(Debug, clap::Args)]
pub(super) struct ServiceArguments {
    /// The demo's folder.
    directory: PathBuf,
    /// The service's name.
    name: String,
}

/// The restart command of a demo service, or, with `-` for a folder, the service itself.
///
/// The command starts the service in the demo's folder and writes its pid file, as an init script
/// does; a file `NAME.broken` makes it refuse. The service lives until it is ended or the demo has.
pub(super) fn serve(arguments: &ServiceArguments) -> Result<Done, CommandError> {
    let ServiceArguments { directory, name } = arguments;
    if directory.as_path() == Path::new("-") {
        while demo_lives(Path::new("")) {
            std::thread::sleep(Duration::from_millis(200));
        }
        return Ok(Done::Well);
    }
    if directory.join(format!("{name}.broken")).exists() {
        return Err(CommandError::Failed(format!(
            "{name}: bad option in {name}.conf, line 3"
        )));
    }
    let failed = |problem: io::Error| CommandError::Failed(format!("{name}: {problem}"));
    let executable = std::env::current_exe().map_err(failed)?;
    let mut daemon = Command::new(executable);
    daemon
        .arg0(name)
        .args(["demo-service", "--", "-", name])
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0);
    let child = daemon.spawn().map_err(failed)?;
    let beside = directory.join(format!("{name}.pid.new"));
    std::fs::write(&beside, format!("{}\n", child.id())).map_err(failed)?;
    std::fs::rename(&beside, directory.join(format!("{name}.pid"))).map_err(failed)?;
    Ok(Done::Well)
}

/// Whether the demo of this folder is still there: it holds the lock on `alive` as long as it lives.
fn demo_lives(folder: &Path) -> bool {
    let Ok(alive) = File::open(folder.join("alive")) else {
        return false;
    };
    flock(&alive, FlockOperation::NonBlockingLockShared).is_err()
}

/// The demo's daemon: `vrwatch run`, but it stops when the demo is gone, even by a kill -9.
pub(super) fn watch(config: &Path) -> Result<Done, CommandError> {
    use rustix::process::{Signal, set_parent_process_death_signal};

    set_parent_process_death_signal(Some(Signal::TERM)).map_err(|problem| {
        CommandError::Failed(format!("the demo's end would go unnoticed: {problem}"))
    })?;
    // It may have gone before that.
    if !config.parent().is_some_and(demo_lives) {
        return Ok(Done::Badly);
    }
    super::run::run(config)
}

pub(super) fn run() -> Result<Done, CommandError> {
    block_on(async {
        let stopped =
            |problem: io::Error| CommandError::Failed(format!("the demo stopped: {problem}"));
        // Before there is anything that would have to go.
        let mut interrupt = signal(SignalKind::interrupt()).map_err(stopped)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(stopped)?;
        let mut hang_up = signal(SignalKind::hangup()).map_err(stopped)?;
        let stage = Stage::set().map_err(|problem| {
            CommandError::Failed(format!("the demo's folder cannot be made: {problem}"))
        })?;
        let signal = tokio::select! {
            played = play(&stage) => return played.map_err(stopped).map(|()| Done::Well),
            _ = interrupt.recv() => "SIGINT",
            _ = terminate.recv() => "SIGTERM",
            _ = hang_up.recv() => "SIGHUP",
        };
        Err(CommandError::Failed(format!(
            "the demo is ended by {signal}; so is everything it started, and its folder is gone"
        )))
    })
}

async fn play(stage: &Stage) -> io::Result<()> {
    say(&format!(
        "Two throw-away services, `web` and `dns`, are started in {}.",
        stage.directory.display()
    ))?;
    stage.start("web").await?;
    stage.start("dns").await?;
    say("`vrwatch run` watches them: monitor.conf as CloudStack writes it, alerts to syslog.")?;
    let _daemon = stage.daemon()?;
    stage
        .wait_for_status("both services up", |status| {
            status.matches("\"state\":\"up\"").count() == 2
        })
        .await?;

    say(&format!(
        "\n1. `web` (process {}) is killed with SIGKILL.",
        stage.pid("web")?
    ))?;
    stage.kill("web")?;
    stage.wait_for_line("restarted as").await?;
    say(&format!("   It runs again: process {}.", stage.pid("web")?))?;

    say("\n2. The configuration of `dns` is broken, then `dns` is killed.")?;
    std::fs::write(stage.directory.join("dns.broken"), "")?;
    stage.kill("dns")?;
    stage.wait_for_line("unmonitored").await?;
    say("   Restarting is futile, so it is left alone for a while (6 s here, 30 min by default).")?;

    say("\n3. Somebody mends the configuration; after the hold-off vrwatch looks again.")?;
    std::fs::remove_file(stage.directory.join("dns.broken"))?;
    stage.wait_for_line("restarted as").await?;

    say("\n4. The journal keeps it all (`vrwatch alerts`):")?;
    show(&stage.vrwatch(&["alerts"]).await?)?;
    say("\n5. How it stands now (`vrwatch status`):")?;
    show(&stage.vrwatch(&["status"]).await?)?;
    say("\nThat was the demo. Everything it started is ended, its folder is gone.")?;
    Ok(())
}

/// Says a line. Whoever has read enough (`| head`) does not keep the demo from its end.
fn say(words: &str) -> io::Result<()> {
    show_text(&format!("{words}\n"))
}

fn show(output: &Output) -> io::Result<()> {
    show_text(&String::from_utf8_lossy(&output.stdout))
}

fn show_text(text: &str) -> io::Result<()> {
    match output::print(text) {
        Ok(Audience::Stays | Audience::Left) => Ok(()),
        Err(problem) => Err(io::Error::other(problem.to_string())),
    }
}
