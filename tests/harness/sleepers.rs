//! Small services, for stories in which it matters little what a service does: each a `sleep` under
//! a name of its own, with a pid file, and a start that can be spoiled and mended in an instant.

use std::fmt::Write as _;

use crate::harness::{Router, Vrwatch, eventually};

/// Starts one. The pid file appears in one piece, and not before the process bears its name: until
/// then it is `sh` or `setsid`, and a pid file that names those says that the service is down. A
/// spoiled one says so and does not start; one that is held up waits.
const START: &str = "#!/bin/sh\n\
    : >/run/$1.begun\n\
    while [ -e /run/$1.held-up ]; do sleep 0.02; done\n\
    if [ -e /run/$1.spoiled ]; then echo \"$1 is spoiled\"; exit 3; fi\n\
    setsid /run/box/bin/$1 1000000 </dev/null >/dev/null 2>&1 &\n\
    while grep -qvx \"$1\" /proc/$!/comm; do sleep 0.01; done\n\
    echo $! >/run/$1.new && mv /run/$1.new /run/$1.pid\n";

/// The small services of a box; names have at most 15 letters.
pub(crate) struct Sleepers<'router> {
    router: &'router Router,
}

impl<'router> Sleepers<'router> {
    /// Installs these and starts them.
    #[track_caller]
    pub(crate) fn start(router: &'router Router, names: &[&str]) -> Self {
        router.write("/run/box/bin/start", START);
        let mut install = "cd /run/box/bin && chmod +x start".to_owned();
        for name in names {
            write!(install, " && cp /usr/bin/sleep {name} && ./start {name}").unwrap();
        }
        router.run(["sh", "-c", &install]).expect_success();
        Self { router }
    }

    /// Those of a box in which they were started before.
    pub(crate) const fn over(router: &'router Router) -> Self {
        Self { router }
    }

    /// The settings that restart small services, as fast as may be.
    pub(crate) fn settings() -> &'static str {
        "[monitor]\n\
         recheck = { attempts = 1, every = \"10ms\" }\n\
         crash_loop = { restarts = 0, within = \"10m\" }\n\
         restart = { command = [\"/run/box/bin/start\", \"{service}\"], every = \"10ms\", settle = \"20ms\" }\n"
    }

    /// These as `[[service]]` tables, with [`Self::settings`].
    pub(crate) fn tables(names: &[&str]) -> String {
        let mut text = Self::settings().to_owned();
        for name in names {
            write!(
                text,
                "[[service]]\nname = \"{name}\"\nprocess = \"{name}\"\npidfile = \"/run/{name}.pid\"\n"
            )
            .unwrap();
        }
        text
    }

    /// These as CloudStack would list them.
    pub(crate) fn monitor_conf(names: &[&str]) -> String {
        let mut text = String::new();
        for name in names {
            write!(
                text,
                "[{name}]\nprocessname={name}\nservicename={name}\npidfile=/run/{name}.pid\n"
            )
            .unwrap();
        }
        text
    }

    /// The process of one, if it lives.
    pub(crate) fn pid_of(&self, name: &str) -> Option<u32> {
        self.router.pid_in(&format!("/run/{name}.pid"))
    }

    /// `kill -9` of one; returns what its pid was.
    #[track_caller]
    pub(crate) fn kill9(&self, name: &str) -> u32 {
        self.router.kill9_in(&format!("/run/{name}.pid"))
    }

    /// Waits until one lives; returns its pid.
    #[track_caller]
    pub(crate) fn until_it_lives(&self, name: &str) -> u32 {
        eventually(
            &format!("{name} lives"),
            || self.pid_of(name),
            || self.router.processes(),
        )
    }

    /// Kills one and waits until its successor has settled: a death before that is no new outage.
    #[track_caller]
    pub(crate) fn kill_and_see_it_back(&self, vrwatch: &Vrwatch<'_>, name: &str) {
        let killed = self.kill9(name);
        eventually(
            &format!("{name} is restarted"),
            || {
                let status = vrwatch.status_of(name)?;
                (status["state"] == "up" && status["pid"] != killed).then_some(())
            },
            || vrwatch.failure(),
        );
    }

    /// From now on it does not start, and says `… is spoiled`.
    pub(crate) fn spoil(&self, name: &str) {
        self.router.write(&format!("/run/{name}.spoiled"), "");
    }

    /// From now on it starts again.
    pub(crate) fn mend(&self, name: &str) {
        std::fs::remove_file(self.router.path(&format!("/run/{name}.spoiled"))).unwrap();
    }

    /// From now on its start takes until [`Self::let_go`].
    pub(crate) fn hold_up(&self, name: &str) {
        self.router.write(&format!("/run/{name}.held-up"), "");
        let _ = std::fs::remove_file(self.router.path(&format!("/run/{name}.begun")));
    }

    /// Waits until a start that is held up has begun.
    #[track_caller]
    pub(crate) fn until_its_start_begins(&self, name: &str) {
        let begun = self.router.path(&format!("/run/{name}.begun"));
        eventually(
            &format!("the start of {name} has begun"),
            || begun.exists().then_some(()),
            || self.router.processes(),
        );
    }

    /// A start that is held up goes on.
    pub(crate) fn let_go(&self, name: &str) {
        std::fs::remove_file(self.router.path(&format!("/run/{name}.held-up"))).unwrap();
    }
}
