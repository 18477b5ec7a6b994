//! What an import changes, keeps, removes and says.

use proptest::prelude::*;

use super::*;
use crate::plan::examples::{cloud, network, offering, router, zone};
use crate::plan::inventory::NetworkKind::AdvancedShared;
use crate::plan::inventory::Traffic;

const HERE: &str = "CloudStack at https://cloud.example";

fn scope(prune: bool) -> Scope {
    Scope {
        source: HERE.into(),
        prune,
        settings: Settings::Kept,
    }
}

fn told(found: &[Difference]) -> Vec<String> {
    found.iter().map(ToString::to_string).collect()
}

fn applied(stored: &Inventory, found: &[Difference]) -> Inventory {
    let mut after = stored.clone();
    apply(&mut after, found.iter().map(|it| &it.change));
    after
}

/// The small cloud, as it is after an import.
fn imported() -> Inventory {
    let wanted = cloud(AdvancedShared, offering("o", &[("Dhcp", "VirtualRouter")]));
    let nothing = Inventory::default();
    applied(&nothing, &changes(&nothing, &wanted, &scope(false)))
}

#[test]
fn the_first_import_adds_all_in_an_order_in_which_nothing_is_missing() {
    let wanted = cloud(AdvancedShared, offering("o", &[]));
    let found = changes(&Inventory::default(), &wanted, &scope(true));
    assert_eq!(
        told(&found),
        [
            "zone name-of-z: new",
            "offering o: new",
            "network n: new",
            "router r: new"
        ]
    );
    let after = applied(&Inventory::default(), &found);
    assert_eq!(after.routers[0].source.as_deref(), Some(HERE));
    assert!(changes(&after, &wanted, &scope(true)).is_empty());
}

#[test]
fn a_difference_is_told_field_by_field() {
    let mut stored = imported();
    stored.routers[0].address = Some("169.254.1.9".parse().unwrap());
    let mut wanted = stored.clone();
    wanted.routers[0].address = Some("169.254.1.10".parse().unwrap());
    wanted.routers[0].running = false;
    wanted.routers[0].nics.truncate(1);
    wanted.offerings[0].services.clear();
    wanted.networks[0].name = "new\n\u{1b}[31mname".into();
    wanted.networks[0].offering = "p".into();
    wanted.offerings.push(offering("p", &[]));
    let found = changes(&stored, &wanted, &scope(false));
    assert_eq!(
        told(&found),
        [
            "offering o: services (Dhcp=VirtualRouter) → ()",
            "offering p: new",
            "network new name: name n → new name, offering o → p",
            "router r: address 169.254.1.9 → 169.254.1.10, nics (traffic=control) + (traffic=public) + \
             (network=n traffic=guest) → (traffic=control), running yes → no",
        ]
    );
}

#[test]
fn the_operators_settings_survive_an_import_unless_it_holds_them() {
    let mut stored = imported();
    stored.zones[0].monitoring = Some(false);
    stored.networks[0].monitoring = Some(true);
    stored.networks[0].excluded.insert("ssh".into());
    stored.routers[0].excluded.insert("dhcp".into());
    let mut wanted = cloud(AdvancedShared, offering("o", &[("Dhcp", "VirtualRouter")]));
    assert!(changes(&stored, &wanted, &scope(true)).is_empty());
    wanted.routers[0].redundant = true;
    let after = applied(&stored, &changes(&stored, &wanted, &scope(true)));
    assert!(after.routers[0].redundant && after.routers[0].excluded.contains("dhcp"));
    let mut spoken = Spoken::default();
    let speaks = |spoken: &Spoken| Scope {
        settings: Settings::Given(spoken.clone()),
        ..scope(false)
    };
    assert!(changes(&after, &wanted, &speaks(&spoken)).is_empty());
    spoken.add("network", "n", "monitoring");
    spoken.add("router", "r", "excluded");
    let found = changes(&after, &wanted, &speaks(&spoken));
    assert_eq!(
        told(&found),
        [
            "network n: monitoring yes → none",
            "router r: excluded dhcp → none",
        ]
    );
    spoken.add("zone", "z", "monitoring");
    spoken.add("network", "n", "excluded");
    let found = changes(&after, &wanted, &speaks(&spoken));
    assert_eq!(
        told(&found),
        [
            "zone name-of-z: monitoring no → none",
            "network n: excluded ssh → none, monitoring yes → none",
            "router r: excluded dhcp → none",
        ]
    );
}

#[test]
fn what_only_comes_from_elsewhere_now_is_told_apart() {
    let mut stored = imported();
    stored.networks[0].source = Some("file old.toml".into());
    stored.routers[0].source = Some("file old.toml".into());
    stored.routers[0].running = false;
    let found = changes(&stored, &imported(), &scope(false));
    let before: Vec<_> = found
        .iter()
        .map(|it| it.brought_before_by.as_deref())
        .collect();
    assert_eq!(before, [Some("file old.toml"), None]);
    assert!(!found[0].removes());
}

#[test]
fn only_what_the_same_source_brought_is_removed_and_only_when_asked() {
    let mut stored = imported();
    stored.routers.push(router("by-hand", &[], None));
    let mut other = router("other", &[], None);
    other.source = Some("file other.toml".into());
    stored.routers.push(other);
    let nothing = Inventory::default();
    assert!(changes(&stored, &nothing, &scope(false)).is_empty());
    let found = changes(&stored, &nothing, &scope(true));
    // The zone stays: those by hand are in it.
    assert_eq!(
        told(&found),
        [
            "router r: removed",
            "network n: removed",
            "offering o: removed"
        ]
    );
    let after = applied(&stored, &found);
    assert_eq!(after.routers.len(), 2);
    assert!(changes(&after, &nothing, &scope(true)).is_empty());
}

#[test]
fn what_stays_keeps_what_it_refers_to() {
    let mut stored = imported();
    stored.routers = vec![router("by-hand", &["n"], None)];
    assert!(changes(&stored, &Inventory::default(), &scope(true)).is_empty());
    stored.routers.clear();
    stored.networks[0].source = None;
    assert!(changes(&stored, &Inventory::default(), &scope(true)).is_empty());
    stored.networks.clear();
    let found = changes(&stored, &Inventory::default(), &scope(true));
    assert_eq!(
        told(&found),
        ["offering o: removed", "zone name-of-z: removed"]
    );
}

#[test]
fn what_was_entered_by_hand_becomes_the_imports_when_it_brings_it_too() {
    let mut stored = imported();
    stored.routers[0].source = None;
    let wanted = imported();
    let found = changes(&stored, &wanted, &scope(false));
    assert_eq!(told(&found), [format!("router r: source none → {HERE}")]);
}

fn any_inventory() -> impl Strategy<Value = Inventory> {
    let source = prop::sample::select(vec![None, Some(HERE), Some("file x")]);
    let part = (0..4_usize, 0..4_usize, source, any::<bool>());
    let parts = || prop::collection::vec(part.clone(), 0..5);
    (parts(), parts(), parts(), parts()).prop_map(|(zones, offerings, networks, routers)| {
        let mut inventory = Inventory::default();
        for (id, _, source, flag) in zones {
            let mut part = zone(&format!("z{id}"));
            part.source = source.map(Into::into);
            part.monitoring = flag.then_some(false);
            set(&mut inventory.zones, &part);
        }
        for (id, _, source, flag) in offerings {
            let mut part = offering(&format!("o{id}"), &[]);
            part.source = source.map(Into::into);
            part.redundant_router = flag;
            set(&mut inventory.offerings, &part);
        }
        for (id, other, source, flag) in networks {
            let mut part = network(&format!("n{id}"), AdvancedShared, &format!("o{other}"));
            part.zone = format!("z{other}");
            part.source = source.map(Into::into);
            part.excluded.extend(flag.then(|| "ssh".into()));
            set(&mut inventory.networks, &part);
        }
        for (id, other, source, flag) in routers {
            let mut part = router(&format!("r{id}"), &[&format!("n{other}")], None);
            part.zone = format!("z{other}");
            part.source = source.map(Into::into);
            part.running = flag;
            set(&mut inventory.routers, &part);
        }
        inventory
    })
}

fn spoken() -> Settings {
    let mut spoken = Spoken::default();
    for number in [0, 2] {
        spoken.add("zone", &format!("z{number}"), "monitoring");
        spoken.add("network", &format!("n{number}"), "excluded");
        spoken.add("router", &format!("r{number}"), "excluded");
    }
    Settings::Given(spoken)
}

proptest! {
    #[test]
    fn what_was_applied_is_no_difference_any_more(
        stored in any_inventory(), wanted in any_inventory(), prune: bool, kept: bool
    ) {
        let settings = if kept { Settings::Kept } else { spoken() };
        let scope = Scope { settings, ..scope(prune) };
        let found = changes(&stored, &wanted, &scope);
        prop_assert_eq!(&found, &changes(&stored, &wanted, &scope));
        let after = applied(&stored, &found);
        let again = changes(&after, &wanted, &scope);
        prop_assert!(again.is_empty(), "{:?}", told(&again));
    }

    #[test]
    fn nothing_of_another_source_goes_and_nothing_that_something_refers_to(
        stored in any_inventory(), wanted in any_inventory()
    ) {
        let found = changes(&stored, &wanted, &scope(true));
        let mut so_far = stored.clone();
        for Difference { change, .. } in &found {
            let source = match change {
                Change::RemoveZone(id) => stored.zones.iter().find(|it| it.id == *id).map(|it| &it.source),
                Change::RemoveOffering(id) => stored.offerings.iter().find(|it| it.id == *id).map(|it| &it.source),
                Change::RemoveNetwork(id) => stored.networks.iter().find(|it| it.id == *id).map(|it| &it.source),
                Change::RemoveRouter(name) => stored.routers.iter().find(|it| it.name == *name).map(|it| &it.source),
                _ => None,
            };
            prop_assert!(source.is_none_or(|it| it.as_deref() == Some(HERE)));
            apply(&mut so_far, [change]);
            match change {
                Change::RemoveZone(id) => {
                    prop_assert!(so_far.networks.iter().all(|it| it.zone != *id));
                    prop_assert!(so_far.routers.iter().all(|it| it.zone != *id));
                }
                Change::RemoveOffering(id) => prop_assert!(so_far.networks.iter().all(|it| it.offering != *id)),
                Change::RemoveNetwork(id) => {
                    let mut nics = so_far.routers.iter().flat_map(|it| &it.nics);
                    let used = nics.any(|it| it.traffic == Traffic::Guest && it.network.as_ref() == Some(id));
                    prop_assert!(!used);
                }
                _ => {}
            }
        }
    }
}
