//! `serve`, from the first start to the end.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::program::{Database, Program, Server};

on_both!(
    the_first_start_shows_a_password_that_only_lets_its_user_choose_another,
    health_readiness_and_metrics_are_there_and_metrics_for_this_machine_alone,
    both_doors_for_alerts_and_services_are_open_and_signed_ones_stay_shut,
    a_hangup_ends_nothing_and_is_told_what_would_change_something,
);

fn first_password(server: &mut Server) -> String {
    server
        .log
        .iter()
        .any(|line| line.contains("first start"))
        .then_some(())
        .unwrap();
    let line = server
        .log
        .iter()
        .find(|line| line.starts_with("    "))
        .unwrap();
    line.trim().to_owned()
}

fn post(server: &Server, path: &str, body: &Value) -> (u16, Value) {
    let (status, text) = server.ask(&format!("POST {path}"), &body.to_string());
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

fn the_first_start_shows_a_password_that_only_lets_its_user_choose_another(database: Database) {
    let program = Program::on(database, "");
    let mut server = program.serve();
    let first = first_password(&mut server);
    let credentials = json!({"user": "admin", "password": first});
    assert_eq!(post(&server, "/api/v1/login", &credentials).0, 403);
    let change =
        json!({"user": "admin", "password": first, "new_password": "correct horse battery"});
    assert_eq!(post(&server, "/api/v1/password", &change).0, 204);
    let credentials = json!({"user": "admin", "password": "correct horse battery"});
    let (status, opened) = post(&server, "/api/v1/login", &credentials);
    assert_eq!((status, &opened["role"]), (200, &"admin".into()));
    let token = opened["token"].as_str().unwrap();
    let head = format!("GET /api/v1/audit\nauthorization: Bearer {token}");
    let (status, audit) = server.ask(&head, "");
    assert_eq!(status, 200);
    assert!(
        !audit.contains(&first) && !audit.contains("correct horse"),
        "{audit}"
    );
    assert_eq!(server.end(), Some(0));

    let server = program.serve();
    assert!(!server.log.iter().any(|line| line.contains("first start")));
    let head = format!("GET /api/v1/me\nauthorization: Bearer {token}");
    assert_eq!(server.ask(&head, "").0, 200);
    assert_eq!(server.end(), Some(0));
}

fn health_readiness_and_metrics_are_there_and_metrics_for_this_machine_alone(database: Database) {
    let program = Program::on(
        database,
        "[metrics]\ntoken_file = \"PLACE/token\"\n[sink.log.syslog]\ntarget = \"udp:127.0.0.1:9\"\n",
    );
    let token = program.path("token");
    fs::write(&token, "a-token-for-prometheus-alone\n").unwrap();
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
    let server = program.serve();
    assert_eq!(server.ask("GET /healthz", ""), (200, "ok\n".to_owned()));
    let (status, ready) = server.ask("GET /readyz", "");
    let ready: Value = serde_json::from_str(&ready).unwrap();
    assert_eq!((status, &ready["database"]), (200, &"works".into()));
    assert_eq!(
        ready["parts"],
        json!({"forward": "works", "pushes": "works", "retention": "works", "visits": "works"})
    );
    assert_eq!(server.ask("GET /nowhere", "").0, 404);
    let start = Instant::now();
    let text = loop {
        let (status, text) = server.ask("GET /metrics", "");
        assert_eq!(status, 200);
        if text.contains("vrwatch_manager_forwards 1\n") {
            break text;
        }
        assert!(
            start.elapsed() < Duration::from_mins(1),
            "nobody forwards:\n{text}"
        );
        thread::sleep(Duration::from_millis(50));
    };
    assert!(text.ends_with("# EOF\n"));
    for line in text.lines().filter(|line| !line.starts_with("# ")) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        value.parse::<f64>().unwrap_or_else(|_| panic!("{line}"));
        assert!(name.starts_with("vrwatch_manager_"), "{line}");
        assert_eq!(name.contains('{'), name.ends_with('}'), "{line}");
    }
    for part in [
        "vrwatch_manager_database_up 1\n",
        "vrwatch_manager_routers{state=\"known\"} 0\n",
        "vrwatch_manager_batches_refused_total{reason=\"unauthorized\"} 0\n",
        "vrwatch_manager_commit_seconds_count 0\n",
        "vrwatch_manager_storms 0\n",
        "vrwatch_manager_sink_pending{sink=\"log\"} 0\n",
        "vrwatch_manager_sink_failing{sink=\"log\"} 0\n",
        "vrwatch_manager_sink_delivered_total{sink=\"log\"} 0\n",
        "vrwatch_manager_sink_dropped_total{sink=\"log\"} 0\n",
        "vrwatch_manager_http_requests_total{method=\"GET\",route=\"/healthz\",status=\"200\"} 1\n",
        "vrwatch_manager_http_requests_total{method=\"GET\",route=\"other\",status=\"404\"} 1\n",
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
    // What a proxy passes on comes from elsewhere.
    let (status, _) = server.ask("GET /metrics\nx-forwarded-for: 192.0.2.1", "");
    assert_eq!(status, 401);
    let bearer = "x-forwarded-for: 192.0.2.1\nauthorization: Bearer a-token-for-prometheus-alone";
    assert_eq!(server.ask(&format!("GET /metrics\n{bearer}"), "").0, 200);
    assert_eq!(server.ask(&format!("GET /api/v1/me\n{bearer}"), "").0, 401);
}

fn a_hangup_ends_nothing_and_is_told_what_would_change_something(database: Database) {
    let program = Program::on(database, "");
    let mut server = program.serve();
    // It listens a moment before it is ready.
    assert_eq!(server.ask("GET /healthz", "").0, 200);
    server.signal(rustix::process::Signal::HUP);
    server.until("SIGHUP changes nothing");
    assert_eq!(server.ask("GET /healthz", "").0, 200);
    assert_eq!(server.end(), Some(0));
}

fn both_doors_for_alerts_and_services_are_open_and_signed_ones_stay_shut(database: Database) {
    let program = Program::on(database, "");
    let server = program.serve();
    assert_eq!(server.ask("POST /api/v1/alerts", "[]").0, 415);
    assert_eq!(server.ask("GET /api/v1/alerts", "").0, 401);
    assert_eq!(server.ask("GET /api/v1/routers/r-1-VM/services", "").0, 401);
    let (status, document) = server.ask("GET /api/v1/openapi.json", "");
    assert_eq!(status, 200);
    assert!(serde_json::from_str::<Value>(&document).is_ok());
}

#[test]
fn a_disk_that_is_nearly_full_is_seen_before_it_is() {
    let program = Program::written(|place| {
        format!(
            "[http]\nlisten = \"127.0.0.1:0\"\n\
             [database]\nurl = \"sqlite:{place}/manager.db\"\nmin_free = \"1000000GiB\"\n\
             [secrets]\nkey_file = \"{place}/sealing.key\"\n[state]\ndirectory = \"{place}\"\n"
        )
    });
    let mut server = program.serve();
    let (status, ready) = server.ask("GET /readyz", "");
    let ready: Value = serde_json::from_str(&ready).unwrap();
    assert_eq!((status, &ready["database"]), (503, &"unwritable".into()));
    assert_eq!(server.ask("GET /healthz", "").0, 200);
    server.until("1000000GiB is free");
    // Who would mend it can log in.
    assert!(!first_password(&mut server).is_empty());
}
