//! The disk with `SQLite`'s file is full: routers are told to come again, what was acknowledged is
//! there, and with the first free space it goes on.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use manager::store::Store;
use tokio::runtime::Runtime;

use crate::couple::{counted_at, in_the_end, times};
use crate::harness::Router;
use crate::harness::receivers::Catcher;
use crate::program::Program;
use crate::stored;
use crate::storm::Storm;

const POSTING: usize = 6;
const COUNTED_AT: u16 = 9099;
/// The disk's size: more than all alerts of the story take. `min_free` would end the story
/// before the disk is full.
const SIZE: &str = "size=24m";

#[test]
fn a_disk_that_is_full_has_alerts_refused_and_loses_none_that_was_acknowledged() {
    let host = Router::boot();
    host.open_in_its_network(|| Runtime::new().unwrap().block_on(story(&host)));
}

/// Runs in the manager's network.
async fn story(host: &Router) {
    let counter = Catcher::start(host, COUNTED_AT);
    let address = SocketAddr::from(([127, 0, 0, 1], 8443));
    let program = Program::written(|place| {
        format!(
            "[http]\nlisten = \"{address}\"\n[database]\nurl = \"sqlite:{place}/disk/manager.db\"\nmin_free = \"0KiB\"\n\
             [secrets]\nkey_file = \"{place}/sealing.key\"\n[state]\ndirectory = \"{place}/disk\"\n\
             {}",
            counted_at(COUNTED_AT)
        )
    });
    let mounted = Disk::mount(&program.path("disk"));
    let namespace = format!("--mount=/proc/{}/ns/mnt", mounted.0.id());
    let program = program.run_by(&["nsenter", &namespace, "--"]);
    let disk = mounted.path(&program.path("disk"));

    // Who is known is written before the manager is there; then its file is moved to the disk.
    let known = program.path("known.db");
    let posting = {
        let store = open(&known, &program).await;
        let posting = Storm::begin(POSTING, &store, [address; 2], &program.path("")).await;
        store.close().await;
        posting
    };
    fs::copy(&known, disk.join("manager.db")).unwrap();
    let mut server = program.serve();
    let filler = disk.join("filler");
    for round in 0..3 {
        let before = posting.acknowledged();
        in_the_end("alerts are taken", async || {
            (posting.acknowledged() > before + 100).then_some(())
        })
        .await;
        fill(&filler);
        let before = posting.told_to_come_again();
        in_the_end("routers are told to come again", async || {
            (posting.told_to_come_again() > before + 20).then_some(())
        })
        .await;
        if round == 1 {
            // To let go of it is to kill it, with -9.
            drop(server);
            fs::remove_file(&filler).unwrap();
            server = program.serve();
        } else {
            fs::remove_file(&filler).unwrap();
        }
    }
    let all = posting.end().await;
    in_the_end("all of it is told", async || {
        let told = times(&counter.ids());
        all.iter().all(|id| told.contains_key(id)).then_some(())
    })
    .await;
    assert_eq!(server.end(), Some(0));
    let ended = program.path("ended.db");
    fs::copy(disk.join("manager.db"), &ended).unwrap();
    let store = open(&ended, &program).await;
    let alerts = stored::alerts(&store, None).await;
    let stored_once = stored::times_stored(&alerts);
    for id in &all {
        assert_eq!(stored_once.get(id.as_str()), Some(&1), "{id}");
    }
    assert_eq!(stored_once.len(), all.len());
    let outages = stored::outages(&store, None).await;
    assert!(outages.len() * 2 == all.len() && outages.iter().all(|it| it.alerts == 2));
}

async fn open(file: &Path, program: &Program) -> Store {
    let url = format!("sqlite:{}", file.display());
    Store::open(&url, &program.path("sealing.key"))
        .await
        .unwrap()
}

/// A small disk, which only those who enter the namespace of this process see.
struct Disk(Child);

impl Disk {
    fn mount(place: &Path) -> Self {
        fs::create_dir(place).unwrap();
        let mount = "mount -t tmpfs -o \"$1\" disk \"$2\" && echo mounted && exec cat";
        let mut holder = Command::new("unshare")
            .args(["--mount", "sh", "-c", mount, "sh", SIZE])
            .arg(place)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        let output = holder.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut said).unwrap();
        assert_eq!(said, "mounted\n");
        Self(holder)
    }

    /// Where the test finds what is there.
    fn path(&self, place: &Path) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{}", self.0.id(), place.display()))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Until not another byte finds room.
fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    for size in [1 << 16, 1 << 12, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
}
