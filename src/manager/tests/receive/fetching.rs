//! A router's daemon, the real one, fetches what it watches from a whole manager.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use manager::api::clock::Clock;
use manager::api::receive::Archive;
use manager::api::services::{self, Plans};
use manager::api::signed::{Keyring, Verifier};
use manager::plan::Policy;
use manager::plan::inventory::{
    Change, MonitoringService, Network, NetworkKind, Nic, Offering, Router, Traffic, Zone, ZoneType,
};
use manager::store::Store;
use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::{serving, world};
use world::World;

/// More than anything takes on a machine that does other things too.
const GENEROUS: Duration = Duration::from_secs(90);
const NAME: &str = "r-42-VM";

/// Where routers fetch, until it is aborted.
fn plans(store: &Store) -> (SocketAddr, JoinHandle<()>) {
    let archive: Arc<dyn Archive> = Arc::new(store.clone());
    let verifier = Arc::new(Verifier::new(Keyring::new(Arc::clone(&archive))).unwrap());
    let plans = Plans::new(verifier, archive, Policy::default(), Clock::system());
    serving(services::routes(Arc::new(plans)))
}

/// A router that serves a network, and no service that routers watch.
async fn set_up(store: &Store) {
    let router = Router {
        zone: "z".into(),
        nics: vec![Nic {
            traffic: Traffic::Guest,
            network: Some("n".into()),
            address: None,
        }],
        ..world::router(NAME)
    };
    let changes = [
        Change::SetZone(Zone {
            id: "z".into(),
            name: "z".into(),
            network_type: ZoneType::Advanced,
            monitoring: None,
            source: None,
        }),
        Change::SetOffering(Offering {
            id: "o".into(),
            name: "o".into(),
            redundant_router: false,
            services: BTreeMap::from([("Dhcp".into(), vec!["VirtualRouter".into()])]),
            source: None,
        }),
        Change::SetNetwork(Network {
            id: "n".into(),
            name: "n".into(),
            zone: "z".into(),
            offering: "o".into(),
            kind: NetworkKind::AdvancedIsolated,
            vpc: None,
            monitoring: None,
            excluded: std::collections::BTreeSet::new(),
            source: None,
        }),
        Change::SetRouter(router),
    ];
    store.apply("test", &changes).await.unwrap();
    for row in store.services().await.unwrap() {
        store.remove_service("test", &row.service).await.unwrap();
    }
}

/// The router's machine: its files, the processes that it serves with, and its daemon.
struct Machine {
    folder: TempDir,
    children: Vec<Child>,
    daemon: Option<Child>,
}

impl Machine {
    /// With a configuration that fetches every second; nothing is restarted in earnest.
    fn new(address: SocketAddr, key: &str) -> Self {
        let machine = Self {
            folder: tempfile::tempdir().unwrap(),
            children: Vec::new(),
            daemon: None,
        };
        let secret = machine.path("router.key");
        fs::write(&secret, key).unwrap();
        fs::set_permissions(&secret, Permissions::from_mode(0o600)).unwrap();
        let folder = machine.folder.path().display();
        let text = format!(
            r#"
                router.name = "{NAME}"
                monitor.services = "{folder}/monitor.conf"
                monitor.monitorservice = "{folder}/monitorservice.json"
                monitor.restart.command = ["/bin/true"]
                journal.directory = "{folder}/journal"
                control.socket = "{folder}/control.sock"
                sink.local.syslog.target = "udp:127.0.0.1:9"
                [manager]
                url = "http://{address}"
                secret_file = "{}"
                every = "1s"
            "#,
            secret.display()
        );
        fs::write(machine.path("vrwatch.toml"), text).unwrap();
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The real vrwatch, built beside this test.
    fn vrwatch(&self) -> Command {
        let test = std::env::current_exe().unwrap();
        let vrwatch = test.ancestors().nth(2).unwrap().join("vrwatch");
        let shown = vrwatch.display();
        assert!(vrwatch.exists(), "{shown} is missing: run tests/all");
        let mut command = Command::new(vrwatch);
        command.arg("--config").arg(self.path("vrwatch.toml"));
        command
    }

    fn start(&mut self) {
        let stderr = fs::File::create(self.path("stderr")).unwrap();
        let mut command = self.vrwatch();
        command
            .arg("run")
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        self.daemon = Some(command.stderr(stderr).spawn().unwrap());
    }

    /// kill -9.
    fn kill_daemon(&mut self) {
        let mut daemon = self.daemon.take().unwrap();
        daemon.kill().unwrap();
        daemon.wait().unwrap();
    }

    /// A process that runs, and the row that has it watched everywhere.
    fn row(&mut self, service: &str) -> MonitoringService {
        let process = Command::new("/bin/sleep").arg("600").spawn().unwrap();
        let pidfile = self.path(&format!("{service}.pid"));
        fs::write(&pidfile, format!("{}\n", process.id())).unwrap();
        self.children.push(process);
        MonitoringService {
            id: 0,
            uuid: String::new(),
            service: service.into(),
            process_name: "sleep".into(),
            service_name: service.into(),
            service_path: format!("/etc/init.d/{service}"),
            pidfile: text(&pidfile),
            is_default: true,
        }
    }

    fn status(&self) -> Value {
        let asked = self.vrwatch().args(["status", "--json"]).output().unwrap();
        serde_json::from_slice(&asked.stdout).unwrap_or_default()
    }

    /// Waits until the daemon says so of itself; returns what it says.
    async fn until(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let start = Instant::now();
        loop {
            let status = self.status();
            if holds(&status) {
                return status;
            }
            let log = fs::read_to_string(self.path("stderr")).unwrap_or_default();
            assert!(
                start.elapsed() < GENEROUS,
                "never: {what}: {status:#}\n{log}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        for child in self.children.iter_mut().chain(&mut self.daemon) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// The services that are watched, all of them up.
fn watches(status: &Value, names: &[&str]) -> bool {
    let up = |service: &Value| service["state"] == "up";
    let services = status["services"].as_array();
    services.is_some_and(|services| {
        services.iter().map(|it| &it["name"]).eq(names) && services.iter().all(up)
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_plan_is_in_force_without_a_restart_and_outlives_the_manager() {
    let world = World::with_sqlite().await;
    set_up(&world.store).await;
    let key = world.store.issue_key("test", NAME).await.unwrap();
    let (address, served) = plans(&world.store);
    let mut machine = Machine::new(address, &key.reveal());
    let (one, two) = (machine.row("one"), machine.row("two"));
    world.store.set_service("test", &one).await.unwrap();
    machine.start();
    let first = machine
        .until("it watches what the manager says", |status| {
            watches(status, &["one"])
        })
        .await;
    let etag = first["manager"]["etag"].clone();

    world.store.set_service("test", &two).await.unwrap();
    let second = machine
        .until("it watches more", |status| watches(status, &["one", "two"]))
        .await;
    let told = &second["manager"];
    assert!(told["etag"].is_string() && told["etag"] != etag, "{told}");
    assert!(
        told["last_error"].is_null() && told["failing_since"].is_null(),
        "{told}"
    );
    // Nothing changes, and it is only asked about: the state of what stays is kept.
    let later = machine
        .until("it asks again", |status| {
            status["manager"]["fetched"] != told["fetched"]
        })
        .await;
    assert_eq!(later["manager"]["changed"], told["changed"]);
    assert_eq!(later["services"][0]["since"], first["services"][0]["since"]);
    assert_eq!(later["pid"], first["pid"]);

    // Whatever else writes the file, the manager's word counts.
    fs::write(machine.path("monitor.conf"), "# nothing\n").unwrap();
    machine
        .until("it is put right", |status| {
            status["manager"]["changed"] != later["manager"]["changed"]
                && watches(status, &["one", "two"])
        })
        .await;

    // A list that it would not watch as a whole is not watched at all.
    let mut doubtful = machine.row("three");
    doubtful.pidfile.clone_from(&one.pidfile);
    world.store.set_service("test", &doubtful).await.unwrap();
    let refused = machine
        .until("it refuses", |status| {
            status["manager"]["last_error"].is_string()
        })
        .await;
    let words = refused["manager"]["last_error"].as_str().unwrap();
    assert!(
        words.contains("the old list stays") && words.contains("[three]"),
        "{words}"
    );
    assert!(watches(&refused, &["one", "two"]), "{refused}");
    world.store.remove_service("test", "three").await.unwrap();

    world.store.remove_service("test", "one").await.unwrap();
    let less = machine
        .until("it watches less", |status| watches(status, &["two"]))
        .await;
    assert_eq!(less["pid"], first["pid"]);

    served.abort();
    machine
        .until("it notices that the manager is away", |status| {
            status["manager"]["last_error"].is_string()
        })
        .await;
    machine.kill_daemon();
    machine.start();
    let alone = machine
        .until("it starts without the manager", |status| {
            watches(status, &["two"]) && status["manager"]["last_error"].is_string()
        })
        .await;
    assert!(alone["manager"]["fetched"].is_null(), "{alone}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_in_a_file_of_its_own_counts_instead_of_cloudstacks_once_it_is_there() {
    let world = World::with_sqlite().await;
    set_up(&world.store).await;
    let key = world.store.issue_key("test", NAME).await.unwrap();
    let (address, _served) = plans(&world.store);
    let mut machine = Machine::new(address, &key.reveal());
    let config = fs::read_to_string(machine.path("vrwatch.toml")).unwrap();
    let own = machine.path("fetched.conf");
    let config = config.replace("every =", &format!("into = \"{}\"\nevery =", own.display()));
    fs::write(machine.path("vrwatch.toml"), config).unwrap();
    let (one, two) = (machine.row("one"), machine.row("two"));
    let cloudstacks = format!(
        "[one]\nprocessname=sleep\nservicename=one\npidfile={}\n",
        one.pidfile
    );
    fs::write(machine.path("monitor.conf"), &cloudstacks).unwrap();
    // The manager does not know this router yet.
    let right = fs::read_to_string(machine.path("router.key")).unwrap();
    fs::write(
        machine.path("router.key"),
        "whsec_bm90IGEgc2VjcmV0IGJ1dCBhIHNhbXBsZQ==",
    )
    .unwrap();
    world.store.set_service("test", &two).await.unwrap();
    machine.start();
    let refused = machine
        .until("it is refused", |status| {
            watches(status, &["one"]) && status["manager"]["last_error"].is_string()
        })
        .await;
    let words = refused["manager"]["last_error"].to_string();
    assert!(
        words.contains("401") && words.contains("`secret_file`"),
        "{words}"
    );
    fs::write(machine.path("router.key"), right).unwrap();
    machine
        .until("what was fetched counts", |status| {
            watches(status, &["two"])
        })
        .await;
    assert_eq!(
        fs::read_to_string(machine.path("monitor.conf")).unwrap(),
        cloudstacks
    );

    // Nothing to watch is a plan too.
    world.store.remove_service("test", "two").await.unwrap();
    machine
        .until("it watches nothing", |status| watches(status, &[]))
        .await;
    let alerts = machine
        .vrwatch()
        .args(["alerts", "--json"])
        .output()
        .unwrap();
    let alerts = String::from_utf8(alerts.stdout).unwrap();
    assert_eq!(
        alerts.matches("\"kind\":\"unmonitored\"").count(),
        2,
        "{alerts}"
    );
}
