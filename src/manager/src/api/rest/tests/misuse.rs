//! Bodies that are too large, too deep or of another kind, and SQL and headers in every field.

use serde_json::{Value, json};

use super::super::extract::LARGEST_BODY;
use super::world::{World, on_both, router};
use crate::api::access::Role;

on_both!(
    bodies_that_do_not_fit_are_refused_in_words,
    sql_and_header_lines_are_text_in_every_field,
);

const HOSTILE: [&str; 6] = [
    "'; DROP TABLE routers; --",
    "\" OR 1=1 --",
    "a\r\nSet-Cookie: b=c",
    "a\u{0}b",
    "%00%0d%0a",
    "<script>alert(1)</script>",
];

async fn bodies_that_do_not_fit_are_refused_in_words(world: World) {
    let admin = world.token("root", Role::Admin).await;
    let admin = Some(admin.as_str());
    let large = format!("\"{}\"", "x".repeat(LARGEST_BODY));
    let deep = "[".repeat(100_000);
    for (body, expected) in [
        (large.as_str(), 413),
        (deep.as_str(), 400),
        ("", 400),
        ("{\"name\":", 400),
        ("\u{feff}{}", 400),
        (
            r#"{"name":"r","zone":"z","hypervisor":"other","extra":1}"#,
            400,
        ),
        (r#"{"name":["r"],"zone":"z","hypervisor":"other"}"#, 400),
    ] {
        let (status, said) = world
            .ask("POST", "/api/v1/routers", admin, Some(body))
            .await;
        assert_eq!(status, expected, "{said}");
    }
    let (status, _) = world.ask("POST", "/api/v1/routers", admin, None).await;
    assert_eq!(status, 415);
    let path = format!("/api/v1/alerts?router={}", "x".repeat(5000));
    assert_eq!(world.ask("GET", &path, admin, None).await.0, 414);
    for query in [
        "limit=-1",
        "before=x",
        "since=yesterday",
        "min_severity=awful",
        "open=maybe",
    ] {
        let path = format!("/api/v1/outages?{query}");
        assert_eq!(world.ask("GET", &path, admin, None).await.0, 400, "{query}");
    }
    for limit in ["0", "4294967295"] {
        let path = format!("/api/v1/alerts?limit={limit}");
        assert_eq!(world.ask("GET", &path, admin, None).await.0, 200);
    }
}

async fn sql_and_header_lines_are_text_in_every_field(world: World) {
    let admin = world.token("root", Role::Admin).await;
    let admin = Some(admin.as_str());
    let service = json!({"uuid": "u", "service": "vpn", "process_name": "p", "service_name": "s",
        "service_path": "/x", "pidfile": "/run/x", "is_default": false});
    let silence = json!({"zone": "z", "router": "r", "service": "s", "reason": "why",
        "ends": "2199-01-01T00:00:00Z"});
    let router: Value = serde_json::from_str(&router("r-1-VM")).unwrap();
    let user = json!({"name": "ada", "role": "reader"});
    let credentials = json!({"user": "ada", "password": "none"});
    for hostile in HOSTILE {
        for (path, body) in [
            ("/api/v1/routers", &router),
            ("/api/v1/silences", &silence),
            ("/api/v1/users", &user),
            ("/api/v1/login", &credentials),
            ("/api/v1/services/vpn", &service),
        ] {
            for field in body.as_object().unwrap().keys() {
                let mut body = body.clone();
                body[field] = hostile.into();
                let method = if path.ends_with("/vpn") {
                    "PUT"
                } else {
                    "POST"
                };
                let body = body.to_string();
                let (status, said) = world.ask(method, path, admin, Some(&body)).await;
                assert!(
                    !status.is_server_error(),
                    "{path} {field} {hostile:?}: {said}"
                );
            }
        }
        let encoded = hostile
            .bytes()
            .fold(String::new(), |text, byte| text + &format!("%{byte:02X}"));
        for path in [
            "/api/v1/alerts?router=",
            "/api/v1/outages?zone=",
            "/api/v1/routers/",
        ] {
            let (status, said) = world
                .ask("GET", &format!("{path}{encoded}"), admin, None)
                .await;
            assert!(!status.is_server_error(), "{path} {hostile:?}: {said}");
        }
    }
    let (_, services) = world.ask("GET", "/api/v1/services", admin, None).await;
    assert!(services.as_array().unwrap().len() >= 4, "{services}");
    let (status, _) = world.ask("GET", "/api/v1/routers", admin, None).await;
    assert_eq!(status, 200);
}
