//! Users, sessions and silences.

use std::time::Duration;

use manager::store::{NewSilence, Page, StoreError};

use crate::world::{World, at, on_both};

const LONG: Duration = Duration::from_mins(10);

on_both!(
    a_user_is_added_once_and_found_by_the_exact_name,
    a_name_with_a_space_behind_it_is_nobodys,
    a_user_whose_name_does_not_show_as_it_is_is_refused,
    only_one_of_two_managers_makes_the_first_user,
    a_session_ends_by_time_by_log_out_and_with_the_password,
    a_password_that_changed_meanwhile_begins_no_session_and_changes_nothing,
    a_silence_is_open_until_its_end,
    the_audit_trail_tells_who_did_what,
);

async fn a_user_is_added_once_and_found_by_the_exact_name(world: World) {
    let store = &world.store;
    store
        .add_user("root", "anna", "$argon2id$…", "admin")
        .await
        .unwrap();
    let again = store.add_user("root", "anna", "other", "admin").await;
    assert!(matches!(again, Err(StoreError::Refused(_))));
    let anna = store.user("anna").await.unwrap().unwrap();
    assert_eq!(
        (anna.password_hash.as_str(), anna.role.as_str()),
        ("$argon2id$…", "admin")
    );
    assert!(!format!("{anna:?}").contains("argon2id"));
    for name in ["anna ", "Anna", "bert", ""] {
        assert_eq!(store.user(name).await.unwrap(), None);
    }
    assert_eq!(store.users().await.unwrap(), [anna]);
    assert!(store.remove_user("root", "anna").await.unwrap());
    assert!(!store.remove_user("root", "anna").await.unwrap());
}

async fn a_name_with_a_space_behind_it_is_nobodys(world: World) {
    let store = &world.store;
    store
        .add_user("root", "anna", "old", "admin")
        .await
        .unwrap();
    store.begin_session("anna", "old", "a", LONG).await.unwrap();
    assert!(!store.remove_user("anna", "anna ").await.unwrap());
    assert!(!store.set_password("anna", "anna ", "new").await.unwrap());
    assert!(
        store
            .begin_session("anna ", "old", "b", LONG)
            .await
            .is_err()
    );
    assert_eq!(
        store.user("anna").await.unwrap().unwrap().password_hash,
        "old"
    );
    assert!(store.session("a").await.unwrap().is_some());
    assert!(!store.remove_service("anna", "dhcp ").await.unwrap());
    assert_eq!(store.services().await.unwrap().len(), 4);
    world.add_routers(&["r-1-VM"]).await;
    for name in ["r-1-VM ", "R-1-VM"] {
        assert!(store.inventory_of(name).await.is_err());
        assert_eq!(store.keys(name).await.unwrap(), None);
        let filter = manager::store::AlertFilter {
            router: Some(name.into()),
            ..manager::store::AlertFilter::default()
        };
        assert!(
            store
                .alerts(&filter, Page::default())
                .await
                .unwrap()
                .rows
                .is_empty()
        );
    }
    store
        .apply(
            "anna",
            &[manager::plan::inventory::Change::RemoveRouter(
                "r-1-VM".into(),
            )],
        )
        .await
        .unwrap();
    assert!(store.inventory_of("r-1-VM").await.is_err());
}

async fn a_user_whose_name_does_not_show_as_it_is_is_refused(world: World) {
    for name in [
        "first start",
        "root, uid 0",
        "-x",
        "admin\u{200b}",
        "\u{202e}nimda",
        "ad\nmin",
        "admin ",
        " admin",
        "",
    ] {
        let added = world.store.add_user("root", name, "hash", "admin").await;
        assert!(matches!(added, Err(StoreError::Refused(_))), "{name:?}");
    }
}

async fn only_one_of_two_managers_makes_the_first_user(world: World) {
    let other = world.another_manager().await;
    let (one, two) = tokio::join!(
        world.store.add_first_user("admin", "hash of one", "admin"),
        other.add_first_user("admin", "hash of two", "admin"),
    );
    let (one, two) = (one.unwrap(), two.unwrap());
    assert!(one != two);
    let hash = world
        .store
        .user("admin")
        .await
        .unwrap()
        .unwrap()
        .password_hash;
    assert_eq!(hash, if one { "hash of one" } else { "hash of two" });
}

async fn a_session_ends_by_time_by_log_out_and_with_the_password(world: World) {
    let store = &world.store;
    store
        .add_user("root", "anna", "hash", "admin")
        .await
        .unwrap();
    for (token, lifetime) in [("a", LONG), ("b", LONG), ("c", Duration::ZERO)] {
        store
            .begin_session("anna", "hash", token, lifetime)
            .await
            .unwrap();
    }
    let session = store.session("a").await.unwrap().unwrap();
    assert_eq!(
        (session.user.as_str(), session.role.as_str()),
        ("anna", "admin")
    );
    assert_eq!(store.session("c").await.unwrap(), None);
    assert_eq!(store.session("d").await.unwrap(), None);
    store.end_session("anna", "b").await.unwrap();
    assert_eq!(store.session("b").await.unwrap(), None);
    assert!(store.set_password("anna", "anna", "new").await.unwrap());
    assert_eq!(store.session("a").await.unwrap(), None);
    assert!(matches!(
        store.begin_session("bert", "hash", "e", LONG).await,
        Err(StoreError::Refused(_))
    ));
}

async fn a_password_that_changed_meanwhile_begins_no_session_and_changes_nothing(world: World) {
    let store = &world.store;
    store
        .add_user("root", "anna", "once:a", "admin")
        .await
        .unwrap();
    let (one, two) = tokio::join!(
        store.change_password("anna", "once:a", "b"),
        store.change_password("anna", "once:a", "c"),
    );
    assert!(one.unwrap() != two.unwrap());
    let late = store.begin_session("anna", "once:a", "t", LONG).await;
    assert!(matches!(late, Err(StoreError::Refused(_))));
    for round in 0..10 {
        let hash = store.user("anna").await.unwrap().unwrap().password_hash;
        let (token, new) = (format!("t{round}"), format!("h{round}"));
        let (_, changed) = tokio::join!(
            store.begin_session("anna", &hash, &token, LONG),
            store.change_password("anna", &hash, &new),
        );
        assert!(changed.unwrap());
        assert_eq!(store.session(&token).await.unwrap(), None);
    }
}

async fn a_silence_is_open_until_its_end(world: World) {
    let store = &world.store;
    let silence = |ends| NewSilence {
        zone: None,
        router: Some("r-1-VM".into()),
        service: None,
        starts: at(0),
        ends,
        reason: "new firmware".into(),
    };
    let century = at(0).saturating_add(Duration::from_hours(24 * 36_500));
    let open = store.add_silence("anna", &silence(century)).await.unwrap();
    let past = NewSilence {
        starts: contract::Timestamp::EPOCH,
        ends: contract::Timestamp::EPOCH.saturating_add(LONG),
        ..silence(century)
    };
    store.add_silence("anna", &past).await.unwrap();
    let refused = store.add_silence("anna", &silence(at(0))).await;
    assert!(matches!(refused, Err(StoreError::Refused(_))));
    let found = store.open_silences().await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].silence, silence(century));
    assert_eq!(found[0].created_by, "anna");
    assert!(store.end_silence("anna", open).await.unwrap());
    assert!(!store.end_silence("anna", open).await.unwrap());
    assert!(store.open_silences().await.unwrap().is_empty());
    assert_eq!(store.silences(Page::default()).await.unwrap().rows.len(), 2);
}

async fn the_audit_trail_tells_who_did_what(world: World) {
    let store = &world.store;
    let long = "x".repeat(10_000);
    store
        .audit(&long, "log_in_failed", &long, &long)
        .await
        .unwrap();
    world.add_routers(&["r-1-VM"]).await;
    store.issue_key("anna", "r-1-VM").await.unwrap();
    let trail = store
        .audit_trail(Page {
            before: None,
            limit: 2,
        })
        .await
        .unwrap();
    let told: Vec<(&str, &str, &str)> = trail
        .rows
        .iter()
        .map(|entry| {
            (
                entry.actor.as_str(),
                entry.action.as_str(),
                entry.subject.as_str(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("anna", "issue_key", "r-1-VM"),
            ("test", "set_router", "r-1-VM")
        ]
    );
    let rest = store
        .audit_trail(Page {
            before: trail.next,
            limit: 2,
        })
        .await
        .unwrap();
    assert_eq!(rest.rows.len(), 1);
    assert_eq!(rest.next, None);
}
