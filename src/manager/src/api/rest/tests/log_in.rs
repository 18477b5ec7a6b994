//! Log-in: who gets a session, and who has to wait.

use super::world::{PASSWORD, World, on_both};
use crate::api::access::{Role, made_up};

on_both!(
    a_session_begins_with_the_password_and_ends_with_the_log_out,
    a_wrong_password_and_a_user_that_there_is_not_are_answered_alike_and_then_wait,
    a_password_for_the_first_time_only_lets_its_user_choose_another,
    another_password_ends_all_sessions_and_so_does_removing_the_user,
);

fn credentials(user: &str, password: &str) -> String {
    serde_json::json!({"user": user, "password": password}).to_string()
}

async fn a_session_begins_with_the_password_and_ends_with_the_log_out(world: World) {
    world.user("ada", Role::Reader).await;
    let body = credentials("ada", PASSWORD);
    let (status, opened) = world.ask("POST", "/api/v1/login", None, Some(&body)).await;
    assert_eq!((status.as_u16(), &opened["role"]), (200, &"reader".into()));
    let token = opened["token"].as_str().unwrap();
    let (_, who) = world.ask("GET", "/api/v1/me", Some(token), None).await;
    assert_eq!(who, serde_json::json!({"user": "ada", "role": "reader"}));
    let (status, _) = world.ask("POST", "/api/v1/logout", Some(token), None).await;
    assert_eq!(status, 204);
    let (status, _) = world.ask("GET", "/api/v1/me", Some(token), None).await;
    assert_eq!(status, 401);
}

async fn a_wrong_password_and_a_user_that_there_is_not_are_answered_alike_and_then_wait(
    world: World,
) {
    world.user("ada", Role::Admin).await;
    for user in ["ada", "nobody"] {
        for expected in [401, 401, 401, 401, 429] {
            let body = credentials(user, "wrong password");
            let (status, said) = world.ask("POST", "/api/v1/login", None, Some(&body)).await;
            assert_eq!(status, expected, "{user}: {said}");
            if expected == 401 {
                assert_eq!(said["error"], "user or password is wrong");
            }
        }
    }
    // The right one waits too.
    let body = credentials("ada", PASSWORD);
    let (status, _) = world.ask("POST", "/api/v1/login", None, Some(&body)).await;
    assert_eq!(status, 429);
}

async fn a_password_for_the_first_time_only_lets_its_user_choose_another(world: World) {
    let admin = world.token("root", Role::Admin).await;
    let new = r#"{"name":"ada","role":"reader"}"#;
    let (status, made) = world
        .ask("POST", "/api/v1/users", Some(&admin), Some(new))
        .await;
    assert_eq!(status, 201);
    let first = made["password"].as_str().unwrap();
    let body = credentials("ada", first);
    let (status, said) = world.ask("POST", "/api/v1/login", None, Some(&body)).await;
    assert_eq!(status, 403, "{said}");
    for (new, expected) in [(first, 400), ("short", 400), (PASSWORD, 204)] {
        let change = serde_json::json!({"user": "ada", "password": first, "new_password": new});
        let change = change.to_string();
        let (status, said) = world
            .ask("POST", "/api/v1/password", None, Some(&change))
            .await;
        assert_eq!(status, expected, "{said}");
    }
    let body = credentials("ada", PASSWORD);
    let (status, _) = world.ask("POST", "/api/v1/login", None, Some(&body)).await;
    assert_eq!(status, 200);
    let body = credentials("ada", &made_up().unwrap());
    let (status, _) = world.ask("POST", "/api/v1/login", None, Some(&body)).await;
    assert_eq!(status, 401);
}

async fn another_password_ends_all_sessions_and_so_does_removing_the_user(world: World) {
    let admin = world.token("root", Role::Admin).await;
    let ada = world.token("ada", Role::Reader).await;
    let change = serde_json::json!(
        {"user": "root", "password": PASSWORD, "new_password": "another long one"}
    );
    let (status, _) = world
        .ask("DELETE", "/api/v1/users/ada", Some(&admin), None)
        .await;
    assert_eq!(status, 204);
    let (status, _) = world.ask("GET", "/api/v1/me", Some(&ada), None).await;
    assert_eq!(status, 401);
    let change = change.to_string();
    let (status, _) = world
        .ask("POST", "/api/v1/password", None, Some(&change))
        .await;
    assert_eq!(status, 204);
    let (status, _) = world.ask("GET", "/api/v1/me", Some(&admin), None).await;
    assert_eq!(status, 401);
}
