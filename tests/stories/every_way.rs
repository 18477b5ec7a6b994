//! One daemon tells in every way there is, each to the real receiver; and when something is wrong
//! with a receiver or a setting, `test-alert` and `status` say what.

use crate::harness::receivers::exim::{self, PASSWORD_FILE};
use crate::harness::receivers::snmptrapd::{AUTH_FILE, COMMUNITY_FILE, PRIV_FILE};
use crate::harness::receivers::{Exim, PollLog, Snmptrapd, Webhook, webhook};
use crate::harness::syslog::{AUTHORITY, SOCKET_5424};
use crate::harness::{Config, Outcome, Router, Sleepers, Syslog, Vrwatch, eventually};

const KEY_FILE: &str = "/etc/vrwatch/router.key";
/// Where a configuration with a mistake is put.
const BROKEN: &str = "/etc/vrwatch/broken.toml";
const SINKS: [&str; 5] = ["admins", "legacy", "local", "management", "nms"];

/// All the receivers, in one box with the daemon.
struct World<'router> {
    router: &'router Router,
    syslog: Syslog<'router>,
    webhook: Webhook<'router>,
    exim: Exim<'router>,
    snmptrapd: Snmptrapd<'router>,
    log: PollLog<'router>,
}

impl<'router> World<'router> {
    fn in_a(router: &'router Router) -> Self {
        router.write_secret(KEY_FILE, webhook::SECRET);
        Self {
            router,
            syslog: Syslog::start(router),
            webhook: Webhook::start(router),
            exim: Exim::start(router),
            snmptrapd: Snmptrapd::start(router),
            log: PollLog::of(router),
        }
    }

    /// All five kinds.
    fn config() -> Config {
        Config::short()
            .and(&Sleepers::tables(&["one"]))
            .and(&format!(
                r#"
            [sink.local.syslog]
            target = "unix:{SOCKET_5424}"
            format = "rfc5424"
            [sink.management.http]
            url = "https://localhost:{http}/take"
            secret_file = "{KEY_FILE}"
            ca_file = "{AUTHORITY}"
            timeout = "2s"
            [sink.admins.email]
            {email}
            [sink.nms.snmp]
            {snmp}
            [sink.legacy.poll]
            {poll}
            "#,
                http = webhook::PORT,
                email = Exim::section("localhost"),
                snmp = Snmptrapd::section("localhost"),
                poll = PollLog::section(),
            ))
    }

    /// What each receiver has been told: the ids, in order.
    fn told(&self) -> [(&'static str, Vec<String>); 5] {
        let posted = self.webhook.events().into_iter().map(|event| event.id);
        [
            ("admins", self.exim.ids()),
            ("legacy", self.log.ids()),
            ("local", self.syslog.ids()),
            ("management", posted.collect()),
            ("nms", self.snmptrapd.ids()),
        ]
    }

    /// `vrwatch test-alert` of one sink, with a mistake in the configuration.
    fn try_out(&self, sink: &str, mistake: &str) -> Outcome {
        let config = Self::config().and(mistake);
        self.router.write(BROKEN, &config.text());
        let command = ["vrwatch", "--config", BROKEN, "test-alert", "--sink", sink];
        self.router.run(command)
    }

    /// The mistake is told in these words.
    #[track_caller]
    fn says(&self, sink: &str, mistake: &str, words: &[&str]) {
        let outcome = self.try_out(sink, mistake);
        let said = outcome.output();
        assert_eq!(outcome.status.code(), Some(1), "{mistake}\n{said}");
        for words in words {
            assert!(
                said.contains(words),
                "{mistake}\n{words:?} is not in: {said}"
            );
        }
    }

    /// A secret in a file is another for a while, which is told in these words.
    #[track_caller]
    fn says_with_wrong(&self, file: &str, secret: &str, sink: &str, mistake: &str, words: &[&str]) {
        let right = self.router.read(file);
        self.router.write_secret(file, secret);
        self.says(sink, mistake, words);
        self.router.write_secret(file, &right);
    }
}

#[test]
fn an_outage_arrives_in_every_way_with_the_same_ids() {
    let router = Router::boot();
    let world = World::in_a(&router);
    let sleepers = Sleepers::start(&router, &["one"]);
    let mut vrwatch = Vrwatch::start_over(&router, &World::config());
    sleepers.kill_and_see_it_back(&vrwatch, "one");
    let events = vrwatch.until_told("one", &["service_down", "restarted"]);
    let ids: Vec<&str> = events.iter().map(|event| event.id.as_str()).collect();
    eventually(
        "everybody is told",
        || {
            world
                .told()
                .iter()
                .all(|(_, told)| *told == ids)
                .then_some(())
        },
        || format!("{ids:?}\n{:#?}\n{}", world.told(), vrwatch.failure()),
    );
    let sinks = eventually(
        "and has said so",
        || {
            let sinks = vrwatch.status()?["sinks"].as_array()?.clone();
            let delivered =
                |sink: &serde_json::Value| sink["pending"] == 0 && sink["delivered"] == 2;
            sinks.iter().all(delivered).then_some(sinks)
        },
        || vrwatch.failure(),
    );
    let names: Vec<&str> = sinks
        .iter()
        .map(|sink| sink["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, SINKS);
    assert_eq!(world.webhook.events(), events);
    let mails = eventually(
        "the mails are delivered",
        || Some(world.exim.mails()).filter(|mails| !mails.is_empty()),
        || world.exim.log(),
    );
    assert!(
        mails.iter().any(|mail| mail.contains("r-42-VM: one down")),
        "{mails:#?}"
    );
    assert!(
        world
            .snmptrapd
            .received()
            .contains("INFORM, SNMP v3, user vrwatch")
    );
    let shown = vrwatch.ask(&["status"]).output();
    assert!(SINKS.iter().all(|name| shown.contains(name)), "{shown}");
    assert!(vrwatch.term().success());
}

#[test]
fn test_alert_reaches_every_receiver_and_says_so() {
    let router = Router::boot();
    let world = World::in_a(&router);
    Sleepers::start(&router, &["one"]);
    let vrwatch = Vrwatch::start_over(&router, &World::config());
    let said = vrwatch.ask(&["test-alert"]).expect_success().stdout;
    let lines: Vec<&str> = said.lines().collect();
    let expected = [
        "admins (email): delivered",
        "legacy (poll): delivered",
        "local (syslog): delivered",
        "management (http): delivered",
        "nms (snmp): delivered",
    ];
    assert_eq!(lines, expected);
    let told = eventually(
        "everybody has it",
        || Some(world.told()).filter(|told| told.iter().all(|(_, ids)| ids.len() == 1)),
        || format!("{:#?}", world.told()),
    );
    let id = told[0].1[0].clone();
    assert!(id.starts_with("test-"), "{id}");
    assert!(
        told.iter().all(|(_, ids)| *ids == [id.as_str()]),
        "{told:#?}"
    );
    assert_eq!(vrwatch.events(), [], "it is no event of the router");
}

#[test]
fn test_alert_says_what_is_wrong_with_a_receiver_or_a_setting() {
    let router = Router::boot();
    let world = World::in_a(&router);
    let strangers = rcgen::generate_simple_self_signed(["stranger".to_owned()]).unwrap();
    router.write("/etc/vrwatch/strangers.pem", &strangers.cert.pem());
    router.write("/etc/resolv.conf", "nameserver 127.0.0.1\n");
    let strangers = "ca_file = \"/etc/vrwatch/strangers.pem\"";
    let unknown = "signed by nobody whom /etc/vrwatch/strangers.pem names";

    let http = |keys: &str| format!("[sink.management.http]\n{keys}\n");
    let wrong = "whsec_d3Jvbmctd3Jvbmctd3Jvbmctd3Jvbmctd3Jvbmc=";
    let words = [
        "https://localhost:8443",
        "401 Unauthorized",
        "does `secret_file` hold the key",
    ];
    world.says_with_wrong(KEY_FILE, wrong, "management", "", &words);
    world.says("management", &http(strangers), &[unknown]);
    let words = ["https://localhost:9", "Connection refused"];
    world.says("management", &http("url = \"https://localhost:9\""), &words);
    let words = ["nowhere.invalid", "name"];
    world.says(
        "management",
        &http("url = \"https://nowhere.invalid\""),
        &words,
    );
    let plain = http(&format!("url = \"https://localhost:{}\"", exim::PORT));
    world.says(
        "management",
        &plain,
        &["does not speak TLS there: check the port"],
    );

    let email = |keys: &str| format!("[sink.admins.email]\n{keys}\n");
    let words = ["535", "check `user` and `password_file`"];
    world.says_with_wrong(PASSWORD_FILE, "wrong", "admins", "", &words);
    world.says("admins", &email(strangers), &[unknown]);
    let words = ["localhost:9", "Connection refused"];
    world.says("admins", &email("server = \"smtp://localhost:9\""), &words);
    let words = ["nowhere.invalid", "name"];
    world.says(
        "admins",
        &email("server = \"smtp://nowhere.invalid\""),
        &words,
    );

    let snmp = |keys: &str| format!("[sink.nms.snmp]\n{keys}\n");
    let words = ["refuses the signature of `vrwatch`", AUTH_FILE];
    world.says_with_wrong(AUTH_FILE, "wrong-wrong", "nms", "", &words);
    let words = ["did not acknowledge within 1s", PRIV_FILE];
    world.says_with_wrong(PRIV_FILE, "wrong-wrong", "nms", "", &words);
    world.says(
        "nms",
        &snmp("user = \"nobody\""),
        &["does not know the user `nobody`"],
    );
    let words = ["udp:127.0.0.1:9", "nobody listens"];
    world.says("nms", &snmp("target = \"udp:127.0.0.1:9\""), &words);
    let words = ["nowhere.invalid", "name"];
    world.says("nms", &snmp("target = \"udp:nowhere.invalid:9\""), &words);
    let second = format!(
        "[sink.second.snmp]\n{}",
        Snmptrapd::section_with_community("localhost")
    );
    let words = ["did not acknowledge within 1s", COMMUNITY_FILE];
    world.says_with_wrong(COMMUNITY_FILE, "wrong", "second", &second, &words);
    world.try_out("second", &second).expect_success();

    world.log.go_away();
    world.says("legacy", "", &["/var/log/poll: there is no such folder"]);
    world.log.come_back();
    world.syslog.stop();
    world.says("local", "", &[SOCKET_5424]);

    let help = world.try_out("managment", "").output();
    let words =
        "no sink is called `managment`; configured are: admins, legacy, local, management, nms";
    assert!(help.contains(words), "{help}");
}

#[test]
fn status_says_what_is_wrong_with_a_receiver_and_when_it_is_over() {
    let router = Router::boot();
    let world = World::in_a(&router);
    let sleepers = Sleepers::start(&router, &["one"]);
    router.write_secret(PASSWORD_FILE, "wrong");
    let vrwatch = Vrwatch::start_over(&router, &World::config());
    sleepers.kill_and_see_it_back(&vrwatch, "one");
    let of_admins = || {
        let status = vrwatch.status()?;
        let mut sinks = status["sinks"].as_array()?.iter();
        sinks.find(|sink| sink["name"] == "admins").cloned()
    };
    let failing = eventually(
        "the failure is shown",
        || of_admins().filter(|sink| sink["last_error"].is_string()),
        || vrwatch.failure(),
    );
    let words = failing["last_error"].as_str().unwrap();
    assert!(
        words.contains("535") && words.contains("`password_file`"),
        "{failing:#}"
    );
    assert!(
        failing["failing_since"].is_string() && failing["pending"] == 2,
        "{failing:#}"
    );
    let shown = vrwatch.ask(&["status"]).output();
    assert!(shown.contains(words), "{shown}");
    // The right password heals it without a reload.
    router.write_secret(PASSWORD_FILE, exim::PASSWORD);
    eventually(
        "it is over",
        || of_admins().filter(|sink| sink["failing_since"].is_null() && sink["pending"] == 0),
        || vrwatch.failure(),
    );
    assert_eq!(world.exim.ids().len(), 2);
}
