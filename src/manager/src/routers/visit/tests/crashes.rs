//! A manager is killed between any two of its steps; whatever the routers had to tell is stored once.

use std::time::Duration;

use proptest::prelude::*;

use super::fleet::Mood;
use super::*;

const R: &str = "r-1-VM";

/// Visits, and is killed at the given step, if the visit has as many. `fuse` says where steps count.
async fn killed_at(world: &World, holder: &str, step: usize, in_model: bool) {
    let fuse = if in_model {
        &world.model.fuse
    } else {
        &world.fleet.fuse
    };
    fuse.set(step);
    let manager = world.manager(holder);
    // Shorter than a visit may take: who is stopped at a step is not only held up there.
    let _ = tokio::time::timeout(Duration::from_secs(30), manager.poll_once(R)).await;
    fuse.set(0);
}

#[tokio::test(start_paused = true)]
async fn a_kill_at_any_step_loses_nothing_and_tells_nothing_twice() {
    for has_vrwatch in [true, false] {
        for in_model in [true, false] {
            for step in 1..=16 {
                let world = World::of(&[R]);
                world.fleet.with(R, |fake| {
                    fake.has_vrwatch = has_vrwatch;
                    fake.page = 4;
                    fake.log = (10..40)
                        .map(|second| format!("2026-11-24 11:59:{second},000 [ALERT] [Disk] full"))
                        .collect();
                });
                world.fleet.publish(R, 10);
                killed_at(&world, "m1", step, in_model).await;
                pass(Duration::from_mins(10)).await;
                world.manager("m2").poll_once(R).await.unwrap();
                let stored = world.model.ids(R).len();
                assert_eq!(stored, if has_vrwatch { 10 } else { 30 }, "step {step}");
            }
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Deed {
    Publish(usize),
    Visit,
    Killed { step: usize, in_model: bool },
    Mood(Mood),
}

fn deed() -> impl Strategy<Value = Deed> {
    let mood = prop_oneof![Just(Mood::Well), Just(Mood::Away), Just(Mood::Silent)];
    prop_oneof![
        3 => (1_usize..12).prop_map(Deed::Publish),
        3 => Just(Deed::Visit),
        3 => (1_usize..14, any::<bool>()).prop_map(|(step, in_model)| Deed::Killed { step, in_model }),
        2 => mood.prop_map(Deed::Mood),
    ]
}

async fn play(deeds: Vec<Deed>) -> (Vec<String>, Vec<String>, Vec<String>) {
    let world = World::of(&[R]);
    world.fleet.with(R, |fake| fake.page = 4);
    for (number, deed) in deeds.into_iter().enumerate() {
        let holder = format!("m{number}");
        match deed {
            Deed::Publish(count) => world.fleet.publish(R, count),
            Deed::Visit => drop(world.manager(&holder).poll_once(R).await),
            Deed::Killed { step, in_model } => killed_at(&world, &holder, step, in_model).await,
            Deed::Mood(mood) => world.fleet.with(R, |fake| fake.mood = mood),
        }
        pass(Duration::from_mins(5)).await;
    }
    world.fleet.with(R, |fake| fake.mood = Mood::Well);
    world.manager("last").poll_once(R).await.unwrap();
    let own = |kind: &String| kind.starts_with("router_");
    let of_the_router = world.model.kinds(R).into_iter().filter(own).collect();
    let told = world.model.ids(R).into_iter();
    let told = told.filter(|id| id.starts_with("r-1-VM.")).collect();
    (told, world.fleet.journal_ids(R), of_the_router)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_sequence_of_kills_and_absences_stores_everything_once_and_in_order(
        deeds in prop::collection::vec(deed(), 0..25),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let (told, journal, of_the_router) = runtime.block_on(play(deeds));
        prop_assert_eq!(told, journal);
        // Each absence is told once and ended once; the last one is over.
        for pair in of_the_router.chunks(2) {
            prop_assert_eq!(pair, ["router_unreachable", "router_reachable"]);
        }
    }
}
