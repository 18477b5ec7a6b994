//! Every route that the `OpenAPI` document lists, and that it lists them well.

use serde_json::Value;

use super::world::{World, on_both};
use crate::api::access::Role;
use crate::store::Page;

on_both!(
    every_route_but_the_log_in_refuses_whoever_has_no_session,
    a_reader_changes_nothing,
);

/// Method, path with its placeholders filled, and whether it needs a session.
fn operations(document: &Value) -> Vec<(String, String, bool)> {
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let filled = path
            .replace("{name}", "r-1-VM")
            .replace("{service}", "dhcp")
            .replace("{id}", "1");
        for (method, operation) in methods.as_object().unwrap() {
            if operation["tags"][0] == "machines" {
                // Answered elsewhere.
                continue;
            }
            let open = operation["security"] == serde_json::json!([{}])
                || operation["security"] == serde_json::json!([]);
            operations.push((method.to_uppercase(), filled.clone(), !open));
        }
    }
    operations
}

fn references<'value>(value: &'value Value, found: &mut Vec<&'value str>) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                match value.as_str().filter(|_| key == "$ref") {
                    Some(reference) => found.push(reference),
                    None => references(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[tokio::test]
async fn the_document_is_whole_and_served_without_a_session() {
    let world = World::with_sqlite().await;
    let (status, document) = world.ask("GET", "/api/v1/openapi.json", None, None).await;
    assert_eq!(status, 200);
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(!found.is_empty());
    for reference in found {
        let place = reference.strip_prefix('#').unwrap();
        assert!(
            document.pointer(place).is_some(),
            "{reference} leads nowhere"
        );
    }
    for (method, path) in [
        ("post", "/api/v1/alerts"),
        ("get", "/api/v1/alerts"),
        ("get", "/api/v1/routers/{name}/services"),
        ("get", "/metrics"),
        ("get", "/healthz"),
        ("get", "/readyz"),
    ] {
        assert!(
            document["paths"][path][method].is_object(),
            "{method} {path}"
        );
    }
    let mut names = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for operation in methods.as_object().unwrap().values() {
            names.push((operation["tags"].clone(), operation["operationId"].clone()));
            let responses = operation["responses"].as_object().unwrap();
            assert!(
                responses.keys().any(|status| status.starts_with('2')),
                "{path}"
            );
            let has_words = operation["summary"].is_string();
            assert!(has_words, "{path} says not what it does");
        }
    }
    assert_eq!(
        operations(&document).len(),
        37,
        "{:?}",
        operations(&document)
    );
}

async fn every_route_but_the_log_in_refuses_whoever_has_no_session(world: World) {
    let (_, document) = world.ask("GET", "/api/v1/openapi.json", None, None).await;
    let mut open = Vec::new();
    for (method, path, needs_session) in operations(&document) {
        if !needs_session {
            open.push(path);
            continue;
        }
        for token in [
            None,
            Some("x"),
            Some("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        ] {
            let (status, _) = world.ask(&method, &path, token, Some("{}")).await;
            assert_eq!(status, 401, "{method} {path} {token:?}");
        }
    }
    assert_eq!(open, ["/api/v1/login", "/api/v1/password"]);
}

async fn a_reader_changes_nothing(world: World) {
    let reader = world.token("ada", Role::Reader).await;
    let (_, document) = world.ask("GET", "/api/v1/openapi.json", None, None).await;
    for (method, path, needs_session) in operations(&document) {
        if !needs_session || path == "/api/v1/logout" {
            continue;
        }
        let (status, said) = world.ask(&method, &path, Some(&reader), Some("{}")).await;
        if method == "GET" && path != "/api/v1/users" {
            assert!(
                status == 200 || status == 404,
                "{method} {path}: {status} {said}"
            );
        } else {
            assert_eq!(status, 403, "{method} {path}: {said}");
        }
    }
    let audit = world.api.store.audit_trail(Page::default()).await.unwrap();
    let by_ada = audit
        .rows
        .iter()
        .filter(|line| {
            line.actor == "ada" && !["log_in", "refused"].contains(&line.action.as_str())
        })
        .count();
    assert_eq!(by_ada, 0);
}

#[tokio::test]
async fn what_is_not_there_and_what_cannot_be_done_is_said_in_json() {
    let world = World::with_sqlite().await;
    let (status, _) = world.ask("GET", "/api/v2", None, None).await;
    assert_eq!(status, 404);
    let (status, _) = world.ask("PATCH", "/api/v1/routers", None, None).await;
    assert_eq!(status, 405);
}
