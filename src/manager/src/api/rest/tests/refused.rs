//! What is refused, in words: names, questions, and whoever comes too late; and who was refused.

use serde_json::{Value, json};

use super::stories::cloud;
use super::world::{World, on_both, router};
use crate::api::access::Role;
use crate::store::Page;

on_both!(
    what_nobody_answers_is_not_passed_over,
    what_cannot_be_planned_or_stand_in_a_command_is_refused_in_words,
    a_password_that_lets_in_once_is_exchanged_once,
    who_was_refused_and_who_left_is_in_the_audit_trail,
);

fn credentials(user: &str, password: &str) -> String {
    json!({"user": user, "password": password}).to_string()
}

async fn what_nobody_answers_is_not_passed_over(world: World) {
    let admin = world.token("root", Role::Admin).await;
    let admin = Some(admin.as_str());
    for path in [
        "/api/v1/alerts?rooter=r-1-VM",
        "/api/v1/routers?name=r-1-VM",
        "/api/v1/pushes?limit=5&stat=done",
        "/api/v1/me?x",
    ] {
        let (status, said) = world.ask("GET", path, admin, None).await;
        assert_eq!(status, 400, "{path}: {said}");
    }
    for path in ["/api/v1/pushes?limit=5&state=done&router=r", "/api/v1/me?"] {
        assert_eq!(world.ask("GET", path, admin, None).await.0, 200, "{path}");
    }
}

async fn what_cannot_be_planned_or_stand_in_a_command_is_refused_in_words(world: World) {
    let admin = world.token("root", Role::Admin).await;
    let admin = Some(admin.as_str());
    let body = router("r-1-VM");
    let (status, said) = world
        .ask("POST", "/api/v1/routers", admin, Some(&body))
        .await;
    assert_eq!(status, 400);
    let words = said["error"].as_str().unwrap();
    assert!(
        words.contains("there is no zone z1") && words.contains("no zones are known"),
        "{words}"
    );
    cloud(&world).await;
    assert_eq!(
        world
            .ask("POST", "/api/v1/routers", admin, Some(&body))
            .await
            .0,
        201
    );
    for name in [
        "..",
        "-oProxyCommand=x",
        "a b",
        "*",
        "r\u{202e}",
        "r\u{200b}",
        "r 504;x",
    ] {
        let body = router(name);
        let (status, said) = world
            .ask("POST", "/api/v1/routers", admin, Some(&body))
            .await;
        assert_eq!(status, 400, "{name:?}: {said}");
        let user = json!({"name": name, "role": "admin"}).to_string();
        let (status, said) = world.ask("POST", "/api/v1/users", admin, Some(&user)).await;
        assert_eq!(status, 400, "{name:?}: {said}");
    }
    let body: Value = serde_json::from_str(&router("r-1-VM")).unwrap();
    for (field, value) in [("host", "h\nProxyCommand x"), ("zone", "z9")] {
        let mut body = body.clone();
        body[field] = value.into();
        let body = body.to_string();
        let (status, said) = world
            .ask("PUT", "/api/v1/routers/r-1-VM", admin, Some(&body))
            .await;
        assert_eq!(status, 400, "{field}: {said}");
    }
    let service = json!({"uuid": "", "service": "vpn", "process_name": "a\nb", "service_name": "s",
        "service_path": "/x", "pidfile": "/run/x", "is_default": false})
    .to_string();
    let (status, said) = world
        .ask("PUT", "/api/v1/services/vpn", admin, Some(&service))
        .await;
    assert_eq!(status, 400, "{said}");
    let excluded = r#"{"services":["dhpc"]}"#;
    for path in [
        "/api/v1/routers/r-1-VM/excluded",
        "/api/v1/networks/n1/excluded",
    ] {
        assert_eq!(world.ask("PUT", path, admin, Some(excluded)).await.0, 400);
    }
    let zone = json!({"id": "z2", "name": "Bern", "network_type": "basic", "monitoring": false})
        .to_string();
    assert_eq!(
        world
            .ask("PUT", "/api/v1/zones/z2", admin, Some(&zone))
            .await
            .0,
        204
    );
    assert_eq!(
        world.ask("DELETE", "/api/v1/zones/z2", admin, None).await.0,
        204
    );
    assert_eq!(
        world.ask("DELETE", "/api/v1/zones/z2", admin, None).await.0,
        404
    );
    assert_eq!(
        world.ask("DELETE", "/api/v1/zones/z1", admin, None).await.0,
        409
    );
    let many = json!({"routers": vec!["r-1-VM"; 20_000]}).to_string();
    let (status, queued) = world
        .ask("POST", "/api/v1/pushes", admin, Some(&many))
        .await;
    assert_eq!(
        (status.as_u16(), queued["pushes"].as_array().unwrap().len()),
        (202, 1)
    );
}

async fn a_password_that_lets_in_once_is_exchanged_once(world: World) {
    let admin = world.token("root", Role::Admin).await;
    let new = r#"{"name":"ada","role":"reader"}"#;
    let (_, made) = world
        .ask("POST", "/api/v1/users", Some(&admin), Some(new))
        .await;
    let first = made["password"].as_str().unwrap();
    let change =
        |new: &str| json!({"user": "ada", "password": first, "new_password": new}).to_string();
    let (one, two) = (
        change("the first of the two"),
        change("the other of the two"),
    );
    let (one, two) = tokio::join!(
        world.ask("POST", "/api/v1/password", None, Some(&one)),
        world.ask("POST", "/api/v1/password", None, Some(&two)),
    );
    let mut both = [one.0.as_u16(), two.0.as_u16()];
    both.sort_unstable();
    assert_eq!(both, [204, 401]);
}

async fn who_was_refused_and_who_left_is_in_the_audit_trail(world: World) {
    let reader = world.token("ada", Role::Reader).await;
    let reader = Some(reader.as_str());
    let path = "/api/v1/routers/r-1-VM";
    assert_eq!(world.ask("DELETE", path, reader, None).await.0, 403);
    assert_eq!(
        world.ask("POST", "/api/v1/logout", reader, None).await.0,
        204
    );
    let body = credentials("ada\u{1b}[31m", "wrong password");
    for _ in 0..30 {
        world.ask("POST", "/api/v1/login", None, Some(&body)).await;
    }
    let page = Page {
        before: None,
        limit: 1000,
    };
    let found = world.api.store.audit_trail(page).await.unwrap().rows;
    let count = |actor: &str, action: &str, subject: &str| {
        let lines = found.iter();
        lines
            .filter(|line| line.actor == actor && line.action == action && line.subject == subject)
            .count()
    };
    assert_eq!(count("ada", "log_out", "ada"), 1);
    assert_eq!(count("ada", "refused", "DELETE /api/v1/routers/r-1-VM"), 1);
    // Twenty lines a minute for all who are refused.
    assert_eq!(count("somebody at 127.0.0.1", "log_in_failed", "ada"), 19);
}
