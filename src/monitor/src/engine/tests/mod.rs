//! The engine over a real service, with a journal in memory.

mod ends;
mod notes;
mod removing;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use contract::{Draft, Fact};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::{Engine, Handle, Heartbeat, Record};
use crate::judge::{Attempts, Policy};
use crate::{Means, Service, SystemClock, Target, restart};

/// Longer than anything a test waits for.
const LONG: Duration = Duration::from_mins(2);

/// One call of the recorder.
#[derive(Clone, Debug)]
struct Written {
    kinds: Vec<String>,
    facts: Vec<Fact>,
    notes: Vec<Option<serde_json::Value>>,
}

#[derive(Clone, Default)]
struct Journal(Arc<Mutex<Vec<Written>>>);

impl Record for Journal {
    fn record(&mut self, drafts: Vec<Draft>, notes: Vec<(String, Option<serde_json::Value>)>) {
        self.0.lock().unwrap().push(Written {
            kinds: drafts
                .iter()
                .map(|draft| draft.fact.kind().to_owned())
                .collect(),
            facts: drafts.into_iter().map(|draft| draft.fact).collect(),
            notes: notes.into_iter().map(|(_, note)| note).collect(),
        });
    }
}

impl Journal {
    fn written(&self) -> Vec<Written> {
        self.0.lock().unwrap().clone()
    }

    fn kinds(&self) -> Vec<String> {
        let written = self.written();
        written.into_iter().flat_map(|one| one.kinds).collect()
    }
}

/// One service in a directory of the test's own, and how it is restarted.
struct World {
    directory: TempDir,
    journal: Journal,
}

impl World {
    /// The service is a sleeper that comes up some time after its restart command has ended.
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        symlink("/bin/sleep", directory.path().join("served")).unwrap();
        let world = Self {
            directory,
            journal: Journal::default(),
        };
        let script = "#!/bin/sh
            D=$(dirname $0)
            setsid sh -c 'sleep 0.6; '$D'/served 1000 &
                while grep -qvx served /proc/$!/comm; do :; done
                echo $! > '$D'/new; mv '$D'/new '$D'/pid' &
        ";
        let path = world.directory.path().join("restart");
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        world
    }

    fn service(&self) -> Service {
        let path = |name: &str| self.directory.path().join(name);
        Service {
            name: "served".to_owned(),
            target: Target {
                process: "served".to_owned(),
                pid_file: path("pid"),
            },
            policy: Policy {
                recheck: Attempts {
                    attempts: 5,
                    every: Duration::from_millis(20),
                },
                settle: Duration::from_secs(1),
                ..Policy::default()
            },
            restart: restart::Settings {
                command: vec![path("restart").display().to_string()],
                timeout: LONG,
                end_leftovers: true,
            },
        }
    }

    fn engine(&self, services: Vec<Service>) -> (Engine<Journal>, Handle) {
        self.engine_after(BTreeMap::new(), services)
    }

    /// An engine that goes on from an earlier one's notes.
    fn engine_after(
        &self,
        notes: BTreeMap<String, serde_json::Value>,
        services: Vec<Service>,
    ) -> (Engine<Journal>, Handle) {
        Engine::new(
            services,
            LONG,
            Means::Auto,
            Arc::new(SystemClock),
            self.journal.clone(),
            notes,
            Heartbeat::none(),
        )
        .unwrap()
    }

    fn pid(&self) -> Option<Pid> {
        let text = fs::read_to_string(self.directory.path().join("pid")).ok()?;
        Pid::from_raw(text.trim().parse().ok()?)
    }

    fn kill(&self) {
        kill_process(self.pid().unwrap(), Signal::KILL).unwrap();
    }

    async fn until_told(&self, kinds: &[&str]) {
        for _ in 0..6000 {
            if self.journal.kinds() == kinds {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("not told: {kinds:?}, but {:?}", self.journal.written());
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(pid) = self.pid() {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}
