//! Alerts: stored once, all or nothing, and told per batch.

use manager::store::{Batch, StoreError, Stored, Via};

use crate::world::{World, deliver, down, on_both, restarted, test_event};

on_both!(
    an_alert_is_stored_once_however_often_it_is_delivered,
    a_batch_of_an_unknown_router_is_told_for_itself,
    an_event_that_does_not_fit_stops_no_other_batch,
    the_same_id_of_two_routers_is_two_alerts,
    two_managers_store_the_same_alerts_once,
    hundreds_of_alerts_of_every_number_are_stored_in_one_transaction,
);

async fn an_alert_is_stored_once_however_often_it_is_delivered(world: World) {
    world.add_routers(&["r-1-VM"]).await;
    let events = vec![
        down("r-1-VM", "a", 1, "o"),
        restarted("r-1-VM", "b", 2, "o"),
        down("r-1-VM", "a", 1, "o"),
    ];
    let batch = |events| Batch {
        router: "r-1-VM".into(),
        events,
        via: Via::Http,
    };
    let told = world
        .store
        .store_batches(&[
            batch(events.clone()),
            batch(events.clone()),
            batch(vec![test_event("r-1-VM", "c")]),
        ])
        .await
        .unwrap();
    let told: Vec<Stored> = told.into_iter().map(Result::unwrap).collect();
    assert_eq!(
        told,
        [
            Stored { new: 2, known: 1 },
            Stored { new: 0, known: 3 },
            Stored { new: 1, known: 0 }
        ]
    );
    assert_eq!(
        world.deliver("r-1-VM", events).await,
        Stored { new: 0, known: 3 }
    );
}

async fn a_batch_of_an_unknown_router_is_told_for_itself(world: World) {
    world.add_routers(&["r-1-VM", "r-2-VM"]).await;
    // A name with a space behind is another name, whatever the database's comparison says.
    let routers = [
        "r-1-VM",
        "r-1-VM ",
        "R-1-VM",
        "'; DROP TABLE alerts; --",
        "",
        "r-2-VM",
    ];
    let batches: Vec<Batch> = routers
        .iter()
        .map(|router| Batch {
            router: (*router).into(),
            events: vec![test_event(router, "a")],
            via: Via::Http,
        })
        .collect();
    let told = world.store.store_batches(&batches).await.unwrap();
    assert!(matches!(told[0], Ok(Stored { new: 1, known: 0 })));
    for (router, told) in routers.iter().zip(&told).skip(1).take(4) {
        assert!(matches!(told, Err(StoreError::NoSuchRouter(name)) if name == router));
    }
    assert!(matches!(told[5], Ok(Stored { new: 1, known: 0 })));
}

async fn an_event_that_does_not_fit_stops_no_other_batch(world: World) {
    world.add_routers(&["r-1-VM"]).await;
    let long = "x".repeat(256);
    let mut long_service = test_event("r-1-VM", "s");
    long_service.service = Some(long.clone());
    let mut batches: Vec<Batch> = [long.as_str(), "", "a ", "a\n"]
        .into_iter()
        .map(|id| test_event("r-1-VM", id))
        .chain([long_service, down("r-1-VM", "o", 1, "outage ")])
        .map(|event| Batch {
            router: "r-1-VM".into(),
            events: vec![test_event("r-1-VM", "never"), event],
            via: Via::Http,
        })
        .collect();
    batches.push(Batch {
        router: "r-1-VM".into(),
        // 255 characters of four bytes each fit.
        events: vec![
            test_event("r-1-VM", &"🙂".repeat(255)),
            test_event("r-1-VM", "a"),
        ],
        via: Via::Http,
    });
    let mut told = world.store.store_batches(&batches).await.unwrap();
    assert_eq!(told.pop().unwrap().unwrap(), Stored { new: 2, known: 0 });
    for told in told {
        assert!(matches!(told, Err(StoreError::Refused(_))), "{told:?}");
    }
}

async fn the_same_id_of_two_routers_is_two_alerts(world: World) {
    world.add_routers(&["r-1-VM", "r-2-VM"]).await;
    for router in ["r-1-VM", "r-2-VM"] {
        let stored = world.deliver(router, vec![down(router, "a", 1, "o")]).await;
        assert_eq!(stored, Stored { new: 1, known: 0 });
    }
}

async fn two_managers_store_the_same_alerts_once(world: World) {
    world.add_routers(&["r-1-VM"]).await;
    let other = world.another_manager().await;
    for round in 0..20 {
        let events: Vec<_> = (0..10)
            .map(|seq| {
                down(
                    "r-1-VM",
                    &format!("{round}-{seq}"),
                    seq,
                    &format!("o{round}"),
                )
            })
            .collect();
        let (one, two) = tokio::join!(
            deliver(&world.store, "r-1-VM", events.clone()),
            deliver(&other, "r-1-VM", events.clone())
        );
        assert_eq!(one.new + two.new, 10);
        assert_eq!(one.known + two.known, 10);
    }
}

async fn hundreds_of_alerts_of_every_number_are_stored_in_one_transaction(world: World) {
    world.add_routers(&["r-1-VM"]).await;
    let mut next = 0;
    for count in [1, 7, 8, 9, 63, 64, 65, 511, 512, 513, 1100] {
        let events = (next..next + count)
            .map(|seq| down("r-1-VM", &format!("e{seq}"), seq, &format!("o{}", seq / 3)))
            .collect();
        next += count;
        let stored = world.deliver("r-1-VM", events).await;
        assert_eq!(
            stored,
            Stored {
                new: count,
                known: 0
            }
        );
    }
}
