//! A thousand routers and two managers over hours, one router in twenty away.

use super::fleet::Mood;
use super::*;

const HOURS: u64 = 3;

fn names() -> Vec<String> {
    (0..1000).map(|number| format!("r-{number}-VM")).collect()
}

fn is_away(number: usize) -> bool {
    number.is_multiple_of(20)
}

#[tokio::test(start_paused = true)]
async fn routers_that_are_away_delay_no_other_and_every_absence_is_told_once() {
    let names = names();
    let world = World::of(&names.iter().map(String::as_str).collect::<Vec<_>>());
    for (number, name) in names.iter().enumerate() {
        let mood = if number.is_multiple_of(40) {
            Mood::Silent
        } else {
            Mood::Away
        };
        world.fleet.with(name, |fake| {
            fake.mood = if is_away(number) { mood } else { Mood::Well };
        });
    }
    let (first, second) = (world.manager("m1"), world.manager("m2"));
    let story = async {
        for hour in 0..HOURS {
            for name in &names {
                world.fleet.publish(name, 1);
            }
            if hour + 1 == HOURS {
                for name in &names {
                    world.fleet.with(name, |fake| fake.mood = Mood::Well);
                }
            }
            pass(Duration::from_hours(1)).await;
        }
    };
    tokio::select! {
        () = first.run(std::future::pending()) => {}
        () = second.run(std::future::pending()) => {}
        () = story => {}
    }
    for (number, name) in names.iter().enumerate() {
        let kinds = world.model.kinds(name);
        let of_the_router: Vec<_> = kinds
            .iter()
            .filter(|kind| kind.starts_with("router_"))
            .collect();
        if is_away(number) {
            assert_eq!(
                of_the_router,
                ["router_unreachable", "router_reachable"],
                "{name}"
            );
        } else {
            assert!(of_the_router.is_empty(), "{name}: {kinds:?}");
        }
        let told = kinds.iter().filter(|kind| *kind == "test").count();
        assert_eq!(told, usize::try_from(HOURS).unwrap(), "{name}");
        let longest = world.model.row(name, |row| {
            let gaps = row
                .ends
                .windows(2)
                .map(|pair| pair[1].saturating_since(pair[0]));
            gaps.max().unwrap()
        });
        // The interval, a tenth more, and the look for who is due; a silent router's whole visit.
        let most = Duration::from_secs(if is_away(number) { 395 } else { 335 });
        assert!(longest <= most, "{name} was left alone for {longest:?}");
    }
    let tallies = [first.tally(), second.tally()];
    assert!(
        tallies.iter().all(|tally| tally.visits > 100),
        "{tallies:?}"
    );
    let visits: u64 = tallies.iter().map(|tally| tally.visits).sum();
    // Every five minutes, a tenth more or less.
    assert!((30_000..40_000).contains(&visits), "{tallies:?}");
}

#[tokio::test(start_paused = true)]
async fn routers_that_are_stopped_are_neither_visited_nor_missed() {
    let world = World::of(&["r-1-VM", "r-2-VM"]);
    world.model.row("r-2-VM", |row| row.running(false));
    world.fleet.with("r-2-VM", |fake| fake.mood = Mood::Away);
    let manager = world.manager("m1");
    tokio::select! {
        () = manager.run(std::future::pending()) => {}
        () = pass(Duration::from_hours(1)) => {}
    }
    assert_eq!(world.fleet.with("r-2-VM", |fake| fake.opened), 0);
    assert!(world.fleet.with("r-1-VM", |fake| fake.opened) >= 10);
}

#[tokio::test(start_paused = true)]
async fn visits_under_way_end_when_the_manager_is_told_to() {
    let world = World::of(&["r-1-VM", "r-2-VM"]);
    world.fleet.publish("r-1-VM", 1);
    world.fleet.with("r-2-VM", |fake| fake.mood = Mood::Silent);
    let started = Instant::now();
    let manager = world.manager("m1");
    manager.run(pass(Duration::from_millis(20))).await;
    assert!(started.elapsed() < Duration::from_secs(15));
    assert_eq!(world.model.ids("r-1-VM"), world.fleet.journal_ids("r-1-VM"));
}
