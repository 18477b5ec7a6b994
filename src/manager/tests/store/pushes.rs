//! Pushes: asked for once, claimed by one, and taken over from one who was lost.

use std::time::Duration;

use manager::store::{Page, PushFilter, PushState, StoreError};

use crate::world::{World, on_both};

const LONG: Duration = Duration::from_mins(10);

on_both!(
    a_push_is_claimed_by_one_and_its_result_kept,
    a_push_whose_manager_was_lost_is_taken_over,
);

async fn a_push_is_claimed_by_one_and_its_result_kept(world: World) {
    world.add_routers(&["r-1-VM", "r-2-VM"]).await;
    let store = &world.store;
    let names = ["r-1-VM".to_owned(), "r-2-VM".to_owned()];
    let ids = store.request_pushes("anna", &names).await.unwrap();
    // Asked for again before anybody has begun: the same.
    assert_eq!(store.request_pushes("bert", &names).await.unwrap(), ids);
    assert!(matches!(
        store.request_pushes("anna", &["r-3-VM".to_owned()]).await,
        Err(StoreError::NoSuchRouter(_))
    ));
    let claimed = store.claim_pushes("m1", 10, LONG).await.unwrap();
    assert_eq!(claimed.len(), 2);
    assert!(store.claim_pushes("m2", 10, LONG).await.unwrap().is_empty());
    // Asked for while one is under way: what it sends may be older, so another follows.
    let next = store.request_pushes("anna", &names[..1]).await.unwrap();
    assert!(next[0] > ids[1]);
    // It follows: neither another nor the same one sends two things to a router at once.
    assert!(store.claim_pushes("m2", 10, LONG).await.unwrap().is_empty());
    store
        .finish_push(&claimed[0], true, Some("sha256:1"), "written")
        .await
        .unwrap();
    store
        .finish_push(&claimed[1], false, None, "no route to host")
        .await
        .unwrap();
    assert!(matches!(
        store.finish_push(&claimed[1], true, None, "").await,
        Err(StoreError::Outrun)
    ));
    let list = store
        .pushes(&PushFilter::default(), Page::default())
        .await
        .unwrap()
        .rows;
    let told: Vec<(&str, PushState, Option<&str>)> = list
        .iter()
        .map(|push| (push.router.as_str(), push.state, push.outcome.as_deref()))
        .collect();
    assert_eq!(
        told,
        [
            ("r-1-VM", PushState::Queued, None),
            ("r-2-VM", PushState::Failed, Some("no route to host")),
            ("r-1-VM", PushState::Done, Some("written")),
        ]
    );
    assert_eq!(list[2].digest.as_deref(), Some("sha256:1"));
    assert!(list[2].finished.is_some());
    let filter = PushFilter {
        router: Some("r-1-VM".into()),
        state: Some(PushState::Done),
    };
    assert_eq!(
        store.pushes(&filter, Page::default()).await.unwrap().rows,
        list[2..]
    );
    assert_eq!(store.counts().await.unwrap().open_pushes, 1);
    assert_eq!(store.claim_pushes("m2", 10, LONG).await.unwrap().len(), 1);
}

async fn a_push_whose_manager_was_lost_is_taken_over(world: World) {
    world.add_routers(&["r-1-VM"]).await;
    let store = &world.store;
    let router = ["r-1-VM".to_owned()];
    store.request_pushes("anna", &router).await.unwrap();
    let lost = store
        .claim_pushes("m1", 10, Duration::ZERO)
        .await
        .unwrap()
        .remove(0);
    // What was asked for later waits for it too.
    store.request_pushes("anna", &router).await.unwrap();
    let mut claimed = store.claim_pushes("m2", 10, LONG).await.unwrap();
    assert_eq!(claimed.len(), 1);
    let heir = claimed.remove(0);
    assert_eq!(heir.id, lost.id);
    let late = store.finish_push(&lost, true, None, "").await;
    assert!(matches!(late, Err(StoreError::Outrun)));
    store.finish_push(&heir, true, None, "").await.unwrap();
}
