//! Whatever secret is configured, and whatever goes wrong with it: it is in no log, no journal, no
//! answer and no place where other processes could see it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;

use crate::harness::receivers::exim::{self, PASSWORD_FILE};
use crate::harness::receivers::fault::Fault;
use crate::harness::receivers::snmptrapd::{
    AUTH_FILE, AUTH_PASSWORD, COMMUNITY, COMMUNITY_FILE, PRIV_FILE, PRIV_PASSWORD,
};
use crate::harness::receivers::{Catcher, Exim, PollLog, Snmptrapd, Webhook, webhook};
use crate::harness::syslog::{AUTHORITY, CERTIFICATE, KEY, PORT, TLS_PORT};
use crate::harness::{
    CONFIG, Config, OPTIONS, Router, Server, Sleepers, Syslog, Vrwatch, eventually,
};

const KEY_FILE: &str = "/etc/vrwatch/router.key";
const OLD_KEY_FILE: &str = "/etc/vrwatch/router.old.key";
const OLD_SECRET: &str = "whsec_dGhlLWtleS10aGF0LWlzLWJlaW5nLXJlcGxhY2VkLW5vdw==";
const CLOUDSTACK_FILE: &str = "/etc/vrwatch/cloudstack.key";
const CLOUDSTACK_SECRET: &str = "the-secret-key-of-the-cloudstack-account";
const CLOUDSTACK_PORT: u16 = 8082;
/// In the address of a webhook, as some receivers have it.
const TOKEN: &str = "token-in-the-path-of-the-address";
const TOKEN_PORT: u16 = 8083;
/// A mail server that is not what it seems.
const INDISCREET_PORT: u16 = 2526;

/// Every text that must not be found, by what it is.
fn secrets(router: &Router) -> BTreeMap<&'static str, String> {
    let mut secrets = BTreeMap::from([
        ("the key", webhook::SECRET.to_owned()),
        ("the old key", OLD_SECRET.to_owned()),
        (
            "the bytes of the key",
            "stories-about-a-router-in-a-box".to_owned(),
        ),
        (
            "the bytes of the old key",
            "the-key-that-is-being-replaced-now".to_owned(),
        ),
        ("the mail password", exim::PASSWORD.to_owned()),
        ("the community", COMMUNITY.to_owned()),
        ("the auth password", AUTH_PASSWORD.to_owned()),
        ("the priv password", PRIV_PASSWORD.to_owned()),
        ("the secret key of CloudStack", CLOUDSTACK_SECRET.to_owned()),
        ("the token in an address", TOKEN.to_owned()),
    ]);
    let pem = router.read(KEY);
    let line = pem.lines().nth(1).expect("a key in PEM has lines");
    secrets.insert("the TLS key", line.to_owned());
    // What a log-in sends: base64 of the password, and of NUL user NUL password.
    for (name, plain) in [
        (
            "the mail password as LOGIN has it",
            exim::PASSWORD.to_owned(),
        ),
        (
            "the mail password as PLAIN has it",
            format!("\0vrwatch\0{}", exim::PASSWORD),
        ),
    ] {
        secrets.insert(name, base64(plain.as_bytes()));
    }
    secrets
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let number = group
            .iter()
            .fold(0_usize, |number, byte| number << 8 | usize::from(*byte));
        let number = number << (8 * (3 - group.len()));
        for index in 0..=group.len() {
            text.push(char::from(LETTERS[number >> (18 - 6 * index) & 63]));
        }
    }
    text + &"="[..usize::from(bytes.len() % 3 == 2)]
        + &"=="[..2 * usize::from(bytes.len() % 3 == 1)]
}

/// Everything that somebody other than root and the receivers may come to see, by where it was.
#[derive(Default)]
struct Seen(Vec<(String, String)>);

impl Seen {
    fn see(&mut self, place: impl Into<String>, text: impl Into<String>) {
        self.0.push((place.into(), text.into()));
    }

    /// Every file of a folder.
    fn see_files(&mut self, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.see_files(&path);
            } else {
                let bytes = fs::read(&path).unwrap();
                self.see(path.display().to_string(), String::from_utf8_lossy(&bytes));
            }
        }
    }

    #[track_caller]
    fn holds_no(&self, secrets: &BTreeMap<&str, String>) {
        let mut found = String::new();
        for (place, text) in &self.0 {
            assert!(!text.is_empty(), "{place}: there is nothing");
            for (name, secret) in secrets {
                for line in text.lines().filter(|line| line.contains(secret)) {
                    writeln!(found, "{place}: {name}: {line}").unwrap();
                }
            }
        }
        assert!(found.is_empty(), "{found}");
    }
}

fn section(name: &str, kind: &str, body: &str) -> String {
    format!("[sink.{name}.{kind}]\n{body}\n")
}

/// Every way there is in which a secret is used.
fn config() -> Config {
    let tls = format!(
        "ca_file = \"{AUTHORITY}\"\ncertificate_file = \"{CERTIFICATE}\"\nkey_file = \"{KEY}\""
    );
    let http = format!(
        "url = \"https://localhost:{}/take\"\nsecret_file = [\"{KEY_FILE}\", \"{OLD_KEY_FILE}\"]\n\
         timeout = \"2s\"\n{tls}",
        webhook::PORT
    );
    let cloudstack = format!(
        "format = \"cloudstack\"\nurl = \"http://localhost:{CLOUDSTACK_PORT}/client/api\"\napi_key = \"public\"\n\
         secret_key_file = \"{CLOUDSTACK_FILE}\"\nzone = \"z\"\npod = \"p\"\ntimeout = \"2s\""
    );
    let email = Exim::section("localhost");
    let indiscreet = format!(
        "server = \"smtp://localhost:{INDISCREET_PORT}\"\nstarttls = \"never\"\n\
         allow_plaintext_password = true\nuser = \"vrwatch\"\npassword_file = \"{PASSWORD_FILE}\"\n\
         from = \"vrwatch@example\"\nto = [\"ops@example\"]\ndigest = \"0s\"\ntimeout = \"2s\""
    );
    let v3 = Snmptrapd::section("localhost");
    let trap = v3.replace("\"inform\"", "\"trap\"");
    let v2c = Snmptrapd::section_with_community("localhost");
    let text: String = [
        section(
            "local",
            "syslog",
            &format!("target = \"udp:127.0.0.1:{PORT}\""),
        ),
        section(
            "logs",
            "syslog",
            &format!("target = \"tls:localhost:{TLS_PORT}\"\n{tls}"),
        ),
        section("management", "http", &http),
        section(
            "token",
            "http",
            &format!("url = \"http://localhost:{TOKEN_PORT}/{TOKEN}?key={TOKEN}\""),
        ),
        section("cloud", "http", &cloudstack),
        section("admins", "email", &email),
        section("indiscreet", "email", &indiscreet),
        section("nms", "snmp", &v3),
        section("traps", "snmp", &trap),
        section("old-nms", "snmp", &v2c),
        section("legacy", "poll", &PollLog::section()),
    ]
    .concat();
    Config::short().and(&Sleepers::tables(&["one"])).and(&text)
}

/// A mail server that repeats in its answer what it was given.
fn repeats_what_it_is_told(stream: &TcpStream) -> io::Result<()> {
    let mut output = stream;
    output.write_all(b"220 mx.example\r\n")?;
    for line in BufReader::new(stream).lines() {
        let line = line?;
        let answer = match line.split(' ').next().unwrap_or_default() {
            "EHLO" => "250-mx.example\r\n250 AUTH PLAIN\r\n".to_owned(),
            "AUTH" => format!("535 wrong: {line}, which is {}\r\n", exim::PASSWORD),
            _ => format!("550 what is {line}?\r\n"),
        };
        output.write_all(answer.as_bytes())?;
    }
    Ok(())
}

/// All the receivers.
struct World<'router> {
    router: &'router Router,
    sleepers: Sleepers<'router>,
    webhook: Webhook<'router>,
    cloudstack: Catcher<'router>,
    exim: Exim<'router>,
    snmptrapd: Snmptrapd<'router>,
    seen: Seen,
    _indiscreet: [Server; 2],
}

impl<'router> World<'router> {
    fn in_a(router: &'router Router) -> Self {
        Syslog::start(router);
        for (file, secret) in [
            (KEY_FILE, webhook::SECRET),
            (OLD_KEY_FILE, OLD_SECRET),
            (CLOUDSTACK_FILE, CLOUDSTACK_SECRET),
            (KEY, &router.read(KEY)),
        ] {
            router.write_secret(file, secret);
        }
        let page =
            format!("404 Not Found\r\nconnection: close\r\n\r\nno page /{TOKEN}?key={TOKEN}");
        let job = "{\"generatealertresponse\":{\"jobid\":\"7\"},\
                   \"queryasyncjobresultresponse\":{\"jobstatus\":1}}";
        let job = format!("200 OK\r\ncontent-length: {}\r\n\r\n{job}", job.len());
        PollLog::of(router);
        Self {
            router,
            sleepers: Sleepers::start(router, &["one"]),
            webhook: Webhook::start(router),
            cloudstack: Catcher::answering(router, CLOUDSTACK_PORT, move |_| job.clone()),
            exim: Exim::start(router),
            snmptrapd: Snmptrapd::start(router),
            seen: Seen::default(),
            _indiscreet: [
                Server::start(router, INDISCREET_PORT, |stream| {
                    let _ = repeats_what_it_is_told(&stream);
                }),
                Server::start(router, TOKEN_PORT, move |stream| {
                    let mut buffer = [0; 8192];
                    let _ = (&stream).read(&mut buffer);
                    let _ = write!(&stream, "HTTP/1.1 {page}");
                }),
            ],
        }
    }

    /// What a command says with everything that it could log.
    fn ask(&mut self, command: &[&str]) -> String {
        let vrwatch = ["vrwatch", "--log-level", "trace", "--config", CONFIG];
        let said = self.router.run(vrwatch.iter().chain(command)).output();
        self.seen
            .see(format!("vrwatch {}", command.join(" ")), said.clone());
        said
    }

    /// Every command that could tell something, and all that is kept of the daemon.
    fn look_everywhere(&mut self, vrwatch: &Vrwatch<'_>) {
        for command in [
            "status",
            "status --json",
            "check-config",
            "test-alert",
            "alerts --json",
            "alerts",
            "poll",
            "legacy-alerts",
        ] {
            self.ask(&command.split(' ').collect::<Vec<_>>());
        }
        self.seen.see("stderr", vrwatch.stderr());
        for file in ["environ", "cmdline"] {
            let text = self.router.read(&format!("/proc/{}/{file}", vrwatch.pid()));
            self.seen.see(file, text);
        }
        let state = self.router.path("/var/lib/vrwatch");
        self.seen.see_files(&state);
    }
}

/// Every sink has tried what waits for it: delivered it, or failed.
#[track_caller]
fn until_everybody_has_tried(vrwatch: &Vrwatch<'_>) {
    eventually(
        "every sink has tried",
        || {
            let status = vrwatch.status()?;
            let tried = |it: &serde_json::Value| it["pending"] == 0 || it["last_error"].is_string();
            status["sinks"].as_array()?.iter().all(tried).then_some(())
        },
        || vrwatch.failure(),
    );
}

#[test]
fn no_secret_is_shown_while_all_is_well_nor_when_everything_goes_wrong() {
    let router = Router::boot();
    let mut world = World::in_a(&router);
    let mut secrets = secrets(&router);
    let trace = [(OPTIONS, "--log-level trace")];
    let mut vrwatch = Vrwatch::start_within(&router, &config(), &trace);

    world.sleepers.kill_and_see_it_back(&vrwatch, "one");
    eventually(
        "all the secrets were of use",
        || {
            let told = [world.exim.ids(), world.snmptrapd.ids()];
            let enough = told[0].len() >= 2 && told[1].len() >= 4;
            let posted = world.webhook.events().len() >= 2 && !world.cloudstack.bodies().is_empty();
            (enough && posted).then_some(())
        },
        || vrwatch.failure(),
    );
    until_everybody_has_tried(&vrwatch);
    world.look_everywhere(&vrwatch);
    let said = world.ask(&["test-alert"]);
    assert!(said.contains("indiscreet (email): NOT delivered"), "{said}");
    assert!(said.contains("token (http): REFUSED"), "{said}");
    assert!(said.contains(" TRACE ") && vrwatch.stderr().contains(" TRACE "));
    world.seen.holds_no(&secrets);

    // Wrong ones, which are secrets, too: somebody may have mistaken one file for another.
    for (name, file, wrong) in [
        (
            "a wrong key",
            KEY_FILE,
            "whsec_bm90LXRoZS1rZXktdGhhdC10aGUtd2ViaG9vay1oYXM=",
        ),
        (
            "a wrong old key",
            OLD_KEY_FILE,
            "whsec_YWxzby1ub3QtdGhlLWtleS1vZi10aGUtd2ViaG9vaw==",
        ),
        (
            "a wrong mail password",
            PASSWORD_FILE,
            "not-the-password-of-the-mail-server",
        ),
        (
            "a wrong community",
            COMMUNITY_FILE,
            "no-community-of-the-nms",
        ),
        ("a wrong auth password", AUTH_FILE, "not-the-auth-password"),
        ("a wrong priv password", PRIV_FILE, "not-the-priv-password"),
    ] {
        router.write_secret(file, wrong);
        secrets.insert(name, wrong.to_owned());
    }
    world.sleepers.kill_and_see_it_back(&vrwatch, "one");
    until_everybody_has_tried(&vrwatch);
    world.look_everywhere(&vrwatch);
    world.seen.holds_no(&secrets);

    // Receivers that are broken.
    world.exim.go_away();
    world.cloudstack.go_away();
    let busy = Fault::Says("421 busy\r\n").on_tcp(&router, exim::PORT);
    let error = Fault::Says("HTTP/1.1 432 No\r\ncontent-length: 2\r\n\r\nno");
    let error = error.on_tcp(&router, CLOUDSTACK_PORT);
    world.sleepers.kill_and_see_it_back(&vrwatch, "one");
    world.look_everywhere(&vrwatch);
    drop((busy, error));
    assert!(vrwatch.term().success());
    world.seen.see("stderr", vrwatch.stderr());
    world.seen.holds_no(&secrets);
}

#[test]
fn a_secret_that_is_no_good_is_not_repeated_in_the_complaint() {
    let router = Router::boot();
    let mut world = World::in_a(&router);
    router.write(CONFIG, &config().text());
    world.ask(&["check-config"]);
    let mut secrets = BTreeMap::new();
    for (file, bad) in [
        (KEY_FILE, "whsec_short-and-bad-1"),
        (KEY_FILE, "no-whsec-bad-2"),
        (PASSWORD_FILE, "bad-3-one-line\nbad-3-another-line"),
        (COMMUNITY_FILE, "bad-4-one-line\nbad-4-another-line"),
        (AUTH_FILE, "bad-5"),
        (PRIV_FILE, "bad-6"),
        (CLOUDSTACK_FILE, "bad-7-one-line\nbad-7-another-line"),
        (
            KEY,
            "-----BEGIN PRIVATE KEY-----\nbad-8\n-----END PRIVATE KEY-----\n",
        ),
    ] {
        let right = router.read(file);
        router.write_secret(file, bad);
        let said = world.ask(&["check-config"]);
        assert!(said.contains(file), "{bad}: {said}");
        // Others may read it: another complaint, the same silence.
        router.write_secret(file, &right);
        router.run(["chmod", "644", file]).expect_success();
        let said = world.ask(&["check-config"]);
        assert!(said.contains(file), "{said}");
        router.write_secret(file, &right);
    }
    secrets.extend(self::secrets(&router));
    secrets.insert("a bad secret", "bad-".to_owned());
    world.seen.holds_no(&secrets);
}
