//! From the kill to the moment at which it is known: a bare pidfd loop as the limit, the watch alone,
//! and the engine with its judge, until what it established is handed over to be written down.
//! In threads of this program, in turns, each with services of its own.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use contract::{Draft, Fact};
use monitor::restart;
use monitor::watch::{Change, Verdict, Watcher};
use monitor::{
    Attempts, CrashLoop, Engine, Handle, Heartbeat, Means, Policy, Record, Service, SystemClock,
    Target,
};
use rustix::event::{PollFd, PollFlags};
use rustix::process::{Pid, PidfdFlags};
use tokio::sync::oneshot;

use crate::inbox::{Inbox, Reporter, inbox};
use crate::samples::Samples;
use crate::services::Sleepers;
use crate::table::{Mark, Table, time};
use crate::{CROWDS, Effort, clock};

const FIGURE: &str = "kill → noticed";

/// What a lookout reports.
#[derive(Clone, Copy, Debug)]
enum Seen {
    /// All that it watches is alive and watched. The newest process, if it tells.
    Armed(Option<u32>),
    /// A process ended.
    Death,
}

/// Somebody who watches processes.
struct Lookout {
    name: &'static str,
    sleepers: Sleepers,
    reports: Inbox<Seen>,
    leash: Leash,
    samples: Samples,
}

/// Ends a lookout when dropped.
enum Leash {
    /// Takes the pid of the next process to watch.
    Bare(mpsc::Sender<u32>),
    Watch {
        _stop: oneshot::Sender<()>,
    },
    Engine {
        _handle: Handle,
    },
}

pub(crate) fn measure(folder: &Path, effort: Effort, table: &mut Table) -> anyhow::Result<()> {
    let start = |name: &str, count| Sleepers::start(&folder.join(name), count);
    let mut lookouts = [
        bare(start("bare", 1)?),
        watch(start("watch", CROWDS[0])?)?,
        engine(start("engine", CROWDS[0])?)?,
    ];
    for lookout in &lookouts {
        lookout.until_armed(0)?;
    }
    // A machine that rested is slower to react, so each has its turn first equally often.
    let mut order = [0, 1, 2];
    for _ in 0..effort.kills {
        fastrand::shuffle(&mut order);
        for number in order {
            lookouts[number].kill()?;
        }
        for lookout in &mut lookouts {
            lookout.sleepers.replace(0)?;
            lookout.until_armed(0)?;
        }
    }
    let limit = lookouts[0].samples.median();
    for (number, lookout) in lookouts.iter().enumerate() {
        let mark = (number > 0).then(|| {
            let most = limit * 3 / 2;
            let words = format!("≤ 1.5 × bare loop = {}", time(most));
            Mark::at_most(lookout.samples.median(), most, words)
        });
        table.add_times(FIGURE, lookout.name, &lookout.samples, mark);
    }
    Ok(())
}

impl Lookout {
    fn until_armed(&self, number: usize) -> anyhow::Result<()> {
        let expected = self.sleepers.pid(number);
        if let Leash::Bare(next) = &self.leash {
            next.send(expected)?;
        }
        self.reports.first("a process is watched", |seen| {
            matches!(seen, Seen::Armed(pid) if pid.is_none_or(|pid| pid == expected)).then_some(())
        })?;
        Ok(())
    }

    fn kill(&mut self) -> anyhow::Result<()> {
        // Long enough for everybody to sleep again, and never in step with anything.
        std::thread::sleep(Duration::from_micros(fastrand::u64(5_000..15_000)));
        let killed = self.sleepers.kill(0)?;
        let noticed = self
            .reports
            .first("a death is noticed", |seen| {
                matches!(seen, Seen::Death).then_some(())
            })?
            .at;
        self.samples.push(noticed.saturating_sub(killed));
        Ok(())
    }
}

/// The least that can be done: one pidfd, one poll.
fn bare(sleepers: Sleepers) -> Lookout {
    let (reporter, reports) = inbox();
    let (next, pids) = mpsc::channel();
    std::thread::spawn(move || {
        while let Ok(pid) = pids.recv() {
            let Some(pidfd) = i32::try_from(pid)
                .ok()
                .and_then(Pid::from_raw)
                .and_then(|pid| rustix::process::pidfd_open(pid, PidfdFlags::empty()).ok())
            else {
                return;
            };
            reporter.report(clock::now(), Seen::Armed(Some(pid)));
            let mut poll = [PollFd::new(&pidfd, PollFlags::IN)];
            if rustix::event::poll(&mut poll, None).is_ok() {
                reporter.report(clock::now(), Seen::Death);
            }
        }
    });
    Lookout {
        name: "bare pidfd loop",
        sleepers,
        reports,
        leash: Leash::Bare(next),
        samples: Samples::default(),
    }
}

/// The watch alone: until the death is told.
fn watch(sleepers: Sleepers) -> anyhow::Result<Lookout> {
    let (reporter, reports) = inbox();
    let (stop, mut stopped) = oneshot::channel::<()>();
    let targets: Vec<Target> = (0..sleepers.count())
        .map(|number| target(&sleepers, number))
        .collect();
    let runtime = runtime()?;
    std::thread::spawn(move || {
        runtime.block_on(async {
            let Ok(mut watcher) = Watcher::new(Means::Auto) else {
                return;
            };
            for (id, target) in (0..).zip(targets) {
                watcher.add(id, target);
            }
            // The first is looked at last, and by then all are watched.
            for id in (0..4).rev() {
                look(&mut watcher, id, &reporter);
            }
            loop {
                let change = tokio::select! {
                    change = watcher.changed() => change,
                    _ = &mut stopped => return,
                };
                let at = clock::now();
                match change {
                    Change::Died(id) => {
                        reporter.report(at, Seen::Death);
                        look(&mut watcher, id, &reporter);
                    }
                    Change::PidFile(id) => look(&mut watcher, id, &reporter),
                    Change::Everything => look(&mut watcher, 0, &reporter),
                }
            }
        });
    });
    Ok(Lookout {
        name: "vrwatch, its watch",
        sleepers,
        reports,
        leash: Leash::Watch { _stop: stop },
        samples: Samples::default(),
    })
}

fn look(watcher: &mut Watcher, id: u32, reporter: &Reporter<Seen>) {
    let now = monitor::Clock::now(&SystemClock);
    if let Verdict::Up(process) = watcher.look(id, now).verdict {
        reporter.report(clock::now(), Seen::Armed(Some(process.pid)));
    }
}

/// Watch, judge and record: until `ServiceDown` is handed over to be written down.
fn engine(sleepers: Sleepers) -> anyhow::Result<Lookout> {
    let (reporter, reports) = inbox();
    let reporter = Arc::new(reporter);
    let count = sleepers.count();
    let services = (0..count)
        .map(|number| service(&sleepers, number))
        .collect();
    let beat = Arc::clone(&reporter);
    let heartbeat = Heartbeat {
        every: None,
        beat: Box::new(move |summary| {
            if summary.up == count {
                beat.report(clock::now(), Seen::Armed(None));
            }
        }),
    };
    let runtime = runtime()?;
    let (engine, handle) = {
        let _inside = runtime.enter();
        Engine::new(
            services,
            Duration::from_hours(1),
            Means::Auto,
            Arc::new(SystemClock),
            Recorder(reporter),
            BTreeMap::new(),
            heartbeat,
        )?
    };
    std::thread::spawn(move || runtime.block_on(engine.run()));
    Ok(Lookout {
        name: "vrwatch, its engine",
        sleepers,
        reports,
        leash: Leash::Engine { _handle: handle },
        samples: Samples::default(),
    })
}

struct Recorder(Arc<Reporter<Seen>>);

impl Record for Recorder {
    fn record(&mut self, drafts: Vec<Draft>, _notes: Vec<(String, Option<serde_json::Value>)>) {
        let at = clock::now();
        if drafts
            .iter()
            .any(|draft| matches!(draft.fact, Fact::ServiceDown { .. }))
        {
            self.0.report(at, Seen::Death);
        }
    }
}

fn target(sleepers: &Sleepers, number: usize) -> Target {
    Target {
        process: Sleepers::PROCESS.to_owned(),
        pid_file: sleepers.pid_file(number),
    }
}

/// Told at once, never restarted, and looked at again as soon as that may be.
fn service(sleepers: &Sleepers, number: usize) -> Service {
    let never = Attempts {
        attempts: 0,
        every: Duration::from_secs(1),
    };
    Service {
        name: format!("s{number}"),
        target: target(sleepers, number),
        policy: Policy {
            recheck: never,
            restart: never,
            hold_off: Duration::from_millis(100),
            crash_loop: CrashLoop {
                restarts: 0,
                within: Duration::from_mins(10),
            },
            ..Policy::default()
        },
        restart: restart::Settings {
            command: vec!["/bin/true".to_owned()],
            timeout: Duration::from_secs(1),
            end_leftovers: false,
        },
    }
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}
