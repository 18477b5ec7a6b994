//! The whole configuration: the samples, what is refused and in which words, and how the files are
//! merged.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use document::Problems;
use monitor::config::Monitor;
use proptest::prelude::*;

use super::*;

const SYSLOG: &str = "[sink.local.syslog]\ntarget = \"unix:/dev/log\"\n";

/// A folder with a `vrwatch.toml` that refers to the CloudStack files beside it.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    /// The `[monitor]` keys that name the files beside the configuration; one line.
    fn files(&self) -> String {
        format!(
            "monitor = {{ services = {:?}, monitorservice = {:?} }}\n",
            self.path("monitor.conf"),
            self.path("monitorservice.json")
        )
    }

    fn load(&self, text: &str) -> Result<Loaded, Problems> {
        self.write("vrwatch.toml", text);
        load(&self.path("vrwatch.toml"))
    }

    /// The problems' words, with the folder left out.
    fn words<'a>(&self, problems: impl IntoIterator<Item = &'a Problem>) -> Vec<String> {
        let folder = format!("{}/", self.folder.path().display());
        problems
            .into_iter()
            .map(|problem| problem.to_string().replace(&folder, ""))
            .collect()
    }
}

fn names(loaded: &Loaded) -> Vec<&str> {
    loaded
        .config
        .services
        .iter()
        .map(|service| service.name.as_str())
        .collect()
}

#[track_caller]
fn refused(text: &str, expected: &[&str]) {
    let place = Place::new();
    let problems = place.load(text).unwrap_err();
    assert_eq!(place.words(&problems.0), expected, "{text}");
}

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("config")
        .join(name)
}

#[test]
fn the_sample_says_what_the_defaults_are() {
    let place = Place::new();
    let sample = load(&sample("vrwatch.toml")).unwrap().config;
    let least = place.load(SYSLOG).unwrap().config;
    assert_eq!(sample.router, least.router);
    assert_eq!(sample.services, least.services);
    assert_eq!(sample.sweep_every, least.sweep_every);
    assert_eq!(sample.means, least.means);
    assert_eq!(sample.journal, least.journal);
    assert_eq!(sample.control_socket, least.control_socket);
    assert_eq!(sample.files[1..], least.files[1..]);
    assert_eq!(sample.sinks[0].name, least.sinks[0].name);
}

/// The sample with everything that it shows as a comment.
fn switched_on() -> String {
    let text = fs::read_to_string(sample("vrwatch.toml")).unwrap();
    let mut shown = String::new();
    for line in text.lines() {
        let key = line.strip_prefix("# ").filter(|line| {
            line.starts_with("[[")
                || line.starts_with("[manager]")
                || line.starts_with("[sink.")
                || line
                    .split_once(" = ")
                    .is_some_and(|(key, _)| !key.contains(' '))
        });
        shown.push_str(key.unwrap_or(line));
        shown.push('\n');
    }
    shown
}

#[test]
fn what_the_sample_shows_as_a_comment_can_be_switched_on() {
    let place = Place::new();
    // The one secret that is looked at right away.
    place.write("router.key", "whsec_bm90IGEgc2VjcmV0IGJ1dCBhIHNhbXBsZQ==");
    let secret = place.path("router.key");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let shown = switched_on().replace("/etc/vrwatch/router.key", secret.to_str().unwrap());
    let loaded = place.load(&shown).unwrap();
    assert_eq!(loaded.config.router, "r-42-VM");
    let fetch = loaded.config.fetch.as_ref().unwrap();
    assert_eq!(fetch.settings.origin(), "https://manager.example:8443");
    assert_eq!(fetch.into, Path::new("/etc/vrwatch/monitor.conf"));
    assert_eq!(names(&loaded)[0], "dhcp");
    assert_eq!(loaded.config.services[0].policy.restart.attempts, 3);
    let monitor: Monitor = toml::from_str("[restart]\nend_leftovers = false").unwrap();
    assert_ne!(monitor, Monitor::default());
}

#[test]
fn the_sample_shows_every_kind_of_sink_as_its_own_sample_does() {
    let shown: toml::Table = switched_on().parse().unwrap();
    let mut kinds = BTreeSet::new();
    for named in shown["sink"].as_table().unwrap().values() {
        let (kind, section) = named.as_table().unwrap().iter().next().unwrap();
        kinds.insert(kind.as_str());
        let own = sinks::kind(kind).unwrap().sample;
        for (key, value) in section.as_table().unwrap() {
            let found = own.lines().any(|line| {
                let line = line.strip_prefix("# ").unwrap_or(line);
                let parsed = line.parse::<toml::Table>();
                parsed.is_ok_and(|parsed| parsed.get(key) == Some(value))
            });
            let is_common = document::filter::KEYS.contains(&key.as_str());
            assert!(found || is_common, "{kind}: {key} = {value}");
        }
    }
    let all = sinks::KINDS.iter().map(|kind| kind.name);
    assert_eq!(kinds, all.collect());
}

/// A `[manager]` that can be used, on one line.
fn manager(place: &Place, more: &str) -> String {
    place.write("router.key", "whsec_bm90IGEgc2VjcmV0IGJ1dCBhIHNhbXBsZQ==");
    let secret = place.path("router.key");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    format!(
        "manager = {{ url = \"http://127.0.0.1:8080\", secret_file = {secret:?}{more} }}\n{}{SYSLOG}",
        place.files()
    )
}

#[test]
fn what_is_fetched_into_a_file_of_its_own_counts_once_it_is_there() {
    let place = Place::new();
    place.write("monitor.conf", "[a]\nprocessname=a\npidfile=/run/a.pid\n");
    let plain = place.load(&manager(&place, "")).unwrap();
    let fetch = plain.config.fetch.clone().unwrap();
    assert_eq!(fetch.into, place.path("monitor.conf"));
    assert_eq!(fetch.every, Duration::from_mins(5));
    let own = place.path("own.conf");
    let text = manager(&place, &format!(", into = {own:?}, every = \"1h\""));
    let before = place.load(&text).unwrap();
    assert_eq!(names(&before), ["a"]);
    assert!(before.config.files.contains(&own));
    assert!(describe(&before).contains(&format!(
        "fetched from http://127.0.0.1:8080 every 1h into {}",
        own.display()
    )));
    place.write("own.conf", "[b]\nprocessname=b\npidfile=/run/b.pid\n");
    assert_eq!(names(&place.load(&text).unwrap()), ["b"]);
    place.write("own.conf", "");
    assert!(names(&place.load(&text).unwrap()).is_empty());
    fs::remove_file(&own).unwrap();
    fs::create_dir(&own).unwrap();
    assert!(place.load(&text).unwrap().services_unknown);
}

#[test]
fn a_manager_that_cannot_be_asked_is_refused_with_line_and_key() {
    let place = Place::new();
    for (more, expected) in [
        (
            ", evry = \"1m\"",
            "vrwatch.toml:1: manager.evry: there is no such key; did you mean `every`?",
        ),
        (", every = \"1ms\"", "`every` is 1ms: use 1s to 1d"),
        (", into = \"monitor.conf\"", "manager.into: `monitor.conf`"),
        (", timeout = \"1ms\"", "`timeout`: is 1ms"),
    ] {
        let Problems(problems) = place.load(&manager(&place, more)).unwrap_err();
        let words = place.words(&problems);
        assert!(words[0].contains(expected), "{words:?}");
    }
    let itself = format!(", into = {:?}", place.path("vrwatch.toml"));
    let Problems(problems) = place.load(&manager(&place, &itself)).unwrap_err();
    assert!(place.words(&problems)[0].contains("manager.into: this very file"));
}

#[test]
fn a_list_with_any_doubt_in_it_is_refused_unless_it_is_settled() {
    let place = Place::new();
    let settle = "[[service]]\nname = \"b\"\nprocess = \"b\"\npidfile = \"/run/b.pid\"\n";
    let text = format!("{}{settle}", manager(&place, ""));
    let fetch = place.load(&text).unwrap().config.fetch.unwrap();
    for good in [
        "",
        "#Monitor services config\n",
        "[a]\nprocessname=a\nservicename=a\npidfile=/run/a.pid\n",
        "[b]\nprocessname=b\n",
    ] {
        check_list(&fetch, good).unwrap();
    }
    for doubtful in [
        "garbage",
        "[a]\nprocessname=a\n",
        "[a]\nprocessname=a\npidfile=/run/a.pid\n[c]\nprocessname=c\npidfile=/run/a.pid\n",
        "[a\n",
    ] {
        assert!(check_list(&fetch, doubtful).is_err(), "{doubtful}");
    }
}

#[test]
fn the_minimal_sample_and_minimal_mode_are_usable() {
    let loaded = load(&sample("minimal.toml")).unwrap();
    assert_eq!(loaded.config.sinks.len(), 1);
    let loaded = minimal(&sample("monitor.conf"), "unix:/dev/log").unwrap();
    assert_eq!(
        names(&loaded),
        ["ssh", "dhcp", "loadbalancing", "webserver"]
    );
    assert_eq!(loaded.warnings, []);
    assert_eq!(loaded.config.sinks[0].kind, "syslog");
    let Problems(problems) = minimal(&sample("monitor.conf"), "nonsense\"\n").unwrap_err();
    assert_eq!(problems.len(), 1);
    let words = problems[0].to_string();
    assert!(
        words.starts_with("(command line): sink.minimal.syslog.target: "),
        "{words}"
    );
}

#[test]
fn the_sample_of_cloudstacks_list_is_its_default_rows() {
    let place = Place::new();
    fs::copy(sample("monitor.conf"), place.path("monitor.conf")).unwrap();
    let loaded = place.load(&(place.files() + SYSLOG)).unwrap();
    let rows: Vec<_> = loaded
        .config
        .services
        .iter()
        .map(|service| {
            (
                service.target.process.as_str(),
                service.restart.command.join(" "),
                service.target.pid_file.to_str().unwrap(),
                service.restart.end_leftovers,
            )
        })
        .collect();
    assert_eq!(
        rows,
        [
            (
                "sshd",
                "service ssh restart".to_owned(),
                "/var/run/sshd.pid",
                false
            ),
            (
                "dnsmasq",
                "service dnsmasq restart".to_owned(),
                "/var/run/dnsmasq/dnsmasq.pid",
                false
            ),
            (
                "haproxy",
                "service haproxy restart".to_owned(),
                "/var/run/haproxy.pid",
                false
            ),
            (
                "apache2",
                "service apache2 restart".to_owned(),
                "/var/run/apache2/apache2.pid",
                true
            ),
        ]
    );
    assert_eq!(
        loaded.config.files,
        [
            place.path("vrwatch.toml"),
            place.path("monitor.conf"),
            place.path("monitorservice.json"),
        ]
    );
}

#[test]
fn a_configuration_without_syslog_is_refused_with_what_to_paste() {
    let snippet = "no sink of kind syslog is configured; add these two lines:\n\n[sink.local.syslog]\ntarget = \"unix:/dev/log\"\n";
    refused("", &[&format!("vrwatch.toml: {snippet}")]);
    refused("[sink]\n", &[&format!("vrwatch.toml: {snippet}")]);
    let pasted = snippet.split_once("\n\n").unwrap().1;
    assert!(Place::new().load(pasted).is_ok());
}

#[test]
fn unknown_keys_are_told_with_line_and_nearest_key() {
    refused(
        "[monitor]\nholdoff = \"30m\"\nrecheck = { every = \"1s\", tries = 3 }\n[monitor.restart]\ncomand = []\n[jurnal]\n[metrics]\nlisten = \"x\"\n[colours]\n[router]\nnam = \"r\"\n",
        &[
            "vrwatch.toml:9: colours: there is no such table; possible are `router`, `monitor`, `manager`, `journal`, `control`, `service` and `sink`",
            "vrwatch.toml:6: jurnal: there is no such table; did you mean `journal`?",
            "vrwatch.toml:7: metrics: not available in this version; remove the table",
            "vrwatch.toml:11: router.nam: there is no such key; did you mean `name`?",
            "vrwatch.toml:2: monitor.holdoff: there is no such key; did you mean `hold_off`?",
            "vrwatch.toml:3: monitor.recheck.tries: there is no such key; possible are `attempts` and `every`",
            "vrwatch.toml:5: monitor.restart.comand: there is no such key; did you mean `command`?",
        ],
    );
}

#[test]
fn values_that_cannot_be_meant_are_told_with_line_and_key() {
    for (text, words) in [
        (
            "[monitor]\n\nhold_off = \"0s\"\n",
            ":3: monitor.hold_off: must be from 1s to 30d, and `0s` is not",
        ),
        (
            "[monitor]\nsweep_every = \"10000 years\"\n",
            ":2: monitor.sweep_every: `10000 years` has the unknown unit `years`: use ms, s, m, h or d",
        ),
        (
            "[monitor]\nsweep_every = \"3650000d\"\n",
            ":2: monitor.sweep_every: `3650000d` is more than 36500 days",
        ),
        (
            "[monitor]\nsweep_every = 180\n",
            ":2: monitor.sweep_every: `180` has no unit: write a duration such as \"500ms\", \"5s\", \"3m\" or \"1h30m\"",
        ),
        ("monitor = 5\n", ":1: monitor: this must be a table of keys"),
        (
            "[monitor]\nwatch = \"swep\"\n",
            ":2: monitor.watch: `swep` is not possible here; did you mean `sweep`?",
        ),
        (
            "[journal]\nmax_size = \"1KB\"\n",
            ":2: journal.max_size: must be from 256KiB to 4GiB, and `1KB` is not",
        ),
        (
            "[control]\nsocket = \"control.sock\"\n",
            ":2: control.socket: `control.sock` cannot be used: write the whole path of a file, from /",
        ),
        (
            "[router]\nname = \"my router\"\n",
            ":2: router.name: `my router` is no router name: use 1 to 255 ASCII letters, digits and signs without spaces",
        ),
        ("router\n", ":1: key with no value, expected `=`"),
        (
            "[router]\nname = \"a\"\nname = \"b\"\n",
            ":3: duplicate key",
        ),
        (
            "[service]\nname = \"a\"\n",
            ":1: service: this must be an array of tables: write [[service]]",
        ),
        (
            "[[service]]\nname = \"a\"\nprocess = \"b\"\n",
            ":1: service: `pidfile` is missing",
        ),
        (
            "[[service]]\nname = \"a\"\nprocess = \"b\"\npidfile = \"run/b.pid\"\n",
            ":4: service.pidfile: `run/b.pid` is not absolute: write the whole path, from /",
        ),
        (
            "[[service]]\nname = \"a\"\nprocess = \"b\"\npidfile = \"/run/b.pid\"\nprobe.dns = { server = \"x\" }\n",
            ":5: service.probe: not available in this version",
        ),
        (
            "[[service]]\nname = \"a\"\nprocess = \"b\"\npidfile = \"/run/b.pid\"\nrestart = { attempts = 0 }\n",
            ":5: service.restart.attempts: must be from 1 to 100, and `0` is not",
        ),
        (
            "[[service]]\nname = \"a\"\nprocess = \"b c\"\npidfile = \"/run/b.pid\"\n",
            ":1: service.service: `service` is missing, and `b c` cannot be given to the restart command: it must not hold spaces, slashes or control characters",
        ),
    ] {
        // The sink comes last, so that the lines are those of the text alone.
        refused(
            &format!("{text}{SYSLOG}"),
            &[&format!("vrwatch.toml{words}")],
        );
    }
}

#[test]
fn sinks_that_cannot_be_meant_are_told_with_line_and_key() {
    for (text, words) in [
        (
            "sink = 5\n",
            ":1: sink: sinks are tables: write [sink.NAME.KIND]",
        ),
        (
            "[sink]\nlocal = 5\n",
            ":2: sink.local: write [sink.local.KIND]",
        ),
        (
            "[sink.local]\n",
            ":1: sink.local: the sink has no kind: write [sink.local.KIND]",
        ),
        (
            "[sink.local]\ntarget = \"unix:/dev/log\"\n",
            ":2: sink.local.target: the sink has no kind: write [sink.local.KIND]",
        ),
        (
            "[sink.\"a b\".syslog]\n",
            ":1: sink.a b.syslog: `a b` is no sink name: use 1 to 64 of A-Z a-z 0-9 _ -",
        ),
        (
            "[sink.m.sysloog]\n",
            ":1: sink.m.sysloog: there are no sinks of kind `sysloog`; did you mean `syslog`?",
        ),
        (
            "[sink.m.syslog]\ntarget = \"unix:/dev/log\"\n[sink.m.semaphore]\n",
            ":1: sink.m.syslog: `m` has several kinds; give each sink a name of its own",
        ),
        (
            "[sink.m.syslog]\ntarget = \"unix:/dev/log\"\nmin_severity = \"bad\"\n",
            ":3: sink.m.syslog.min_severity: `bad` is no severity; use critical, major, minor, warning, indeterminate or cleared",
        ),
        (
            "[sink.m.syslog]\ntarget = \"unix:/dev/log\"\nkinds = [\"restartd\"]\n",
            ":3: sink.m.syslog.kinds: `restartd` is no kind of event; did you mean `restarted`?",
        ),
        (
            "[sink.m.syslog]\ntarget = \"unix:/dev/log\"\nformt = \"rfc5424\"\n",
            ":3: sink.m.syslog.formt: there is no such key; did you mean `format`?",
        ),
        (
            "[sink.m.syslog]\ntarget = \"unix:/dev/log\"\nflood = { outage = 3 }\n",
            ":3: sink.m.syslog.flood.outage: there is no such key; did you mean `outages`?",
        ),
        (
            "[sink.m.syslog]\ntarget = \"unix:/dev/log\"\nflood = { outages = 3, within = \"1s\" }\n",
            ":3: sink.m.syslog.flood.within: must be from 10s to 1d, and `1s` is not",
        ),
    ] {
        refused(text, &[&format!("vrwatch.toml{words}")]);
    }
}

#[test]
fn a_kind_that_does_not_exist_is_told_with_those_that_do() {
    let kinds: Vec<String> = sinks::KINDS
        .iter()
        .map(|kind| format!("`{}`", kind.name))
        .collect();
    let (last, others) = kinds.split_last().unwrap();
    let possible = format!("{} and {last}", others.join(", "));
    refused(
        "[sink.m.semaphore]\n",
        &[&format!(
            "vrwatch.toml:1: sink.m.semaphore: there are no sinks of kind `semaphore`; possible are {possible}"
        )],
    );
}

#[test]
fn a_sink_can_be_built_again_and_is_equal_only_to_its_like() {
    let place = Place::new();
    let load = |text: &str| place.load(text).unwrap().config.sinks.remove(0);
    let spec = load(SYSLOG);
    assert!(spec.build().is_ok());
    assert_eq!(spec, load(&format!("# moved\n\n{SYSLOG}")));
    assert_ne!(spec, load(&SYSLOG.replace("/dev/log", "/run/log")));
    assert_ne!(spec, load(&format!("{SYSLOG}min_severity = \"major\"\n")));
    assert_ne!(spec, load(&format!("[router]\nname = \"other\"\n{SYSLOG}")));
    assert_ne!(spec, load(&SYSLOG.replace("local", "other")));
}

#[test]
fn a_token_in_an_address_is_not_described() {
    let place = Place::new();
    let described = |url: &str| {
        let text = format!("{SYSLOG}[sink.hook.http]\nurl = \"{url}\"\n");
        describe(&place.load(&text).unwrap())
    };
    for tail in ["/hunter2", "/?hunter2", "?key=hunter2"] {
        let text = described(&format!("http://hooks.example:1{tail}"));
        assert!(
            text.contains("url = \"http://hooks.example:1/…\""),
            "{text}"
        );
        assert!(!text.contains("hunter2"), "{text}");
    }
    let text = described("http://hooks.example/");
    assert!(text.contains("url = \"http://hooks.example/\""), "{text}");
}

#[test]
fn duplicate_services_in_one_file_are_mistakes() {
    let service = |name: &str, pid_file: &str| {
        format!("[[service]]\nname = \"{name}\"\nprocess = \"p\"\npidfile = \"{pid_file}\"\n")
    };
    refused(
        &(service("a", "/run/a.pid")
            + &service("a", "/run/b.pid")
            + &service("c", "/var/run/a.pid")
            + SYSLOG),
        &[
            "vrwatch.toml:5: service.name: `a` is the name of the service of line 1 already; give each service a name of its own",
            "vrwatch.toml:9: service.pidfile: `c` has the same pid file as `a` of line 1; watch it once",
        ],
    );
}

#[test]
fn a_service_table_settles_what_cloudstacks_list_says_of_the_same_name() {
    let place = Place::new();
    place.write(
        "monitor.conf",
        "[dhcp]\nprocessname=dnsmasq\npidfile=/run/a.pid\npidfile=/run/b.pid\n[other]\nprocessname=d\nservicename=d\npidfile=/var/run/d.pid\n[web]\nprocessname=w\nservicename=w\npidfile=/run/w.pid\n",
    );
    let own = "[[service]]\nname = \"dhcp\"\nprocess = \"d\"\npidfile = \"/run/d.pid\"\n";
    let loaded = place.load(&(place.files() + own + SYSLOG)).unwrap();
    assert_eq!(names(&loaded), ["dhcp", "web"]);
    assert_eq!(
        place.words(&loaded.warnings),
        [
            "monitor.conf:1: [dhcp] is described in vrwatch.toml (line 2) too, which is what counts; remove one of them to be clear",
            "monitor.conf:5: pidfile: [other] has the pid file of the [[service]] `dhcp`, so it is not watched; give both the same name, or remove one (vrwatch.toml)",
        ]
    );
    assert!(!loaded.services_unknown);
}

#[test]
fn cloudstacks_switch_turns_everything_off_and_says_so() {
    let place = Place::new();
    fs::copy(sample("monitor.conf"), place.path("monitor.conf")).unwrap();
    place.write("monitorservice.json", r#"{"disable_monitoring": "true"}"#);
    let loaded = place.load(&(place.files() + SYSLOG)).unwrap();
    assert_eq!(names(&loaded), Vec::<&str>::new());
    assert_eq!(
        place.words(&loaded.warnings),
        [
            "monitorservice.json: disable_monitoring: nothing is watched, because the switch in it says so; set it to false to watch again"
        ]
    );
}

#[test]
fn a_list_that_cannot_be_read_is_told_apart_from_an_absent_one() {
    let place = Place::new();
    let text = place.files() + SYSLOG;
    let loaded = place.load(&text).unwrap();
    assert!(!loaded.services_unknown);
    assert_eq!(
        place.words(&loaded.warnings),
        [
            "vrwatch.toml: there is nothing to watch; name services in monitor.conf or in [[service]] tables"
        ]
    );
    fs::create_dir(place.path("monitor.conf")).unwrap();
    let loaded = place.load(&text).unwrap();
    assert!(loaded.services_unknown);
    assert_eq!(
        place.words(&loaded.warnings),
        [
            "monitor.conf: is a directory, not a regular file; the services it would name are unknown"
        ]
    );
}

#[test]
fn a_file_that_is_none_of_text_small_and_regular_is_refused_in_words() {
    let place = Place::new();
    let words = |place: &Place| place.words(&load(&place.path("vrwatch.toml")).unwrap_err().0);
    assert_eq!(
        words(&place),
        [
            "vrwatch.toml: there is no such file; copy the sample vrwatch.toml there, or name another file with --config"
        ]
    );
    place.write("vrwatch.toml", b"# fine\n[router]\nname = \"\xc3\x28\"\n");
    assert_eq!(
        words(&place),
        ["vrwatch.toml:3: byte 25 is no UTF-8; save the file as UTF-8"]
    );
    fs::File::create(place.path("vrwatch.toml"))
        .unwrap()
        .set_len(100_000_000)
        .unwrap();
    assert_eq!(
        words(&place),
        ["vrwatch.toml: is 100000000 bytes long, and no more than 1MiB is read"]
    );
    fs::remove_file(place.path("vrwatch.toml")).unwrap();
    fs::create_dir(place.path("vrwatch.toml")).unwrap();
    assert_eq!(
        words(&place),
        ["vrwatch.toml: is a directory, not a regular file"]
    );
}

#[test]
fn the_description_names_services_sinks_and_doubts() {
    let place = Place::new();
    fs::copy(sample("monitor.conf"), place.path("monitor.conf")).unwrap();
    let own = "[[service]]\nname = \"vpn\"\nprocess = \"charon\"\npidfile = \"/nonexistent/charon.pid\"\n";
    let filter = "min_severity = \"major\"\nservices = [\"vpm\", \"dnsmasq\"]\n";
    let text = place.files() + own + SYSLOG + filter;
    let text = describe(&place.load(&text).unwrap());
    for part in [
        "a sweep every 3m",
        "journal in /var/lib/vrwatch, at most 16MiB; control socket /run/vrwatch/control.sock",
        "watched: 5",
        "service dnsmasq restart",
        "service apache2 restart (left-overs are ended first)",
        "told: 1",
        "major and worse; about vpm, dnsmasq",
        "target = \"unix:/dev/log\"",
        "- vpn: the folder /nonexistent of its pid file does not exist",
        "sink.local.syslog.services: no service is called `vpm`; did you mean `vpn`?",
        "no service is called `dnsmasq`; that is the process of `dhcp`",
    ] {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
}

#[test]
fn four_thousand_mistakes_end_soon() {
    let place = Place::new();
    let mut text = String::new();
    for number in 0..4000 {
        writeln!(text, "[[service]]\nname = \"{number}\"\nx = 1\ny = 2").unwrap();
    }
    let Problems(problems) = place.load(&text).unwrap_err();
    assert_eq!(problems.len(), 51);
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(
        text in "(\\[?\\[?(monitor|service|sink|router|journal)(\\.[ab])?(\\.syslog|\\.restart)?\\]?\\]?|(name|process|pidfile|target|every|recheck) = (\"[/a1s]{0,4}\"|[0-9]|\\{ ?every = [0-9\"] ?\\}|\\[\\])|[ \"=#]|\n){0,40}"
    ) {
        let place = Place::new();
        match place.load(&text) {
            Ok(loaded) => drop(describe(&loaded)),
            Err(problems) => prop_assert!(!problems.to_string().is_empty()),
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let place = Place::new();
        place.write("vrwatch.toml", bytes);
        prop_assert!(load(&place.path("vrwatch.toml")).is_err());
    }
}

#[test]
fn a_list_that_is_not_in_its_place_yet_is_looked_at_instead_of_the_one_that_is() {
    let place = Place::new();
    let section = |name: &str| {
        format!("[{name}]\nprocessname={name}\nservicename={name}\npidfile=/run/{name}.pid\n")
    };
    std::fs::write(place.path("monitor.conf"), section("old")).unwrap();
    std::fs::write(place.path("new.conf"), section("new")).unwrap();
    std::fs::write(place.path("off.json"), r#"{"disable_monitoring":true}"#).unwrap();
    place.load(&(place.files() + SYSLOG)).unwrap();
    let watched = |services: Option<&str>, monitorservice: Option<&str>| {
        let services = services.map(|name| place.path(name));
        let monitorservice = monitorservice.map(|name| place.path(name));
        let stand_ins = StandIns {
            services: services.as_deref(),
            monitorservice: monitorservice.as_deref(),
        };
        let loaded = load_with(&place.path("vrwatch.toml"), stand_ins).unwrap();
        let services = loaded.config.services.into_iter();
        (
            services.map(|service| service.name).collect::<Vec<_>>(),
            loaded.switched_off,
        )
    };
    assert_eq!(watched(None, None), (vec!["old".to_owned()], false));
    assert_eq!(
        watched(Some("new.conf"), None),
        (vec!["new".to_owned()], false)
    );
    assert_eq!(watched(Some("new.conf"), Some("off.json")), (vec![], true));
}
