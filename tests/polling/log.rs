//! CloudStack's log, by the front door.

use crate::world::World;

#[test]
fn a_test_alert_stands_in_the_log_in_cloudstacks_format() {
    let world = World::new();
    let said = world.says(&["test-alert", "--sink", "legacy"]);
    assert_eq!(said, "legacy (poll): delivered\n");
    let log = std::fs::read_to_string(world.path("routerServiceMonitor.log")).unwrap();
    let (stamp, text) = log.split_at(24);
    assert_eq!(
        (&stamp[10..11], &stamp[19..20], &stamp[23..]),
        (" ", ",", " ")
    );
    assert!(
        text.starts_with("[INFO] [vrwatch] test alert: this is a test"),
        "{log}"
    );
    assert_eq!(log.lines().count(), 1);
}
