//! What an import would change: the difference between what is stored and what was found. Pure, the
//! same for the same two, and nothing once it was applied.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use super::inventory::{Change, Inventory, Network, Offering, Router, Zone};
use super::words;

/// What an import may touch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The import's name: `file /srv/inventory.toml`, `CloudStack at https://…`.
    pub source: String,
    /// Whether what this source brought earlier, and has no more, is removed.
    pub prune: bool,
    /// What becomes of the operator's settings.
    pub settings: Settings,
}

/// The operator's own settings, `excluded` and `monitoring`, of what is stored already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settings {
    /// They stay: `CloudStack` knows nothing of them.
    Kept,
    /// Those that the import speaks of become what it says; all others stay, as they may have been
    /// made by hand.
    Given(Spoken),
}

/// Of which settings an import speaks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spoken(BTreeSet<(&'static str, String, &'static str)>);

impl Spoken {
    /// It speaks of this `setting` of the `kind` (`router`) with this key.
    pub fn add(&mut self, kind: &'static str, key: &str, setting: &'static str) {
        self.0.insert((kind, key.to_owned(), setting));
    }
}

impl Settings {
    fn gives(&self, kind: &'static str, key: &str, setting: &'static str) -> bool {
        match self {
            Self::Kept => false,
            Self::Given(spoken) => spoken.0.contains(&(kind, key.to_owned(), setting)),
        }
    }
}

/// One change, and what it means in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// For the store.
    pub change: Change,
    /// What nothing but the name of the import changes of: who brought it before.
    pub brought_before_by: Option<String>,
    words: String,
}

impl Difference {
    /// Whether something is removed.
    #[must_use]
    pub const fn removes(&self) -> bool {
        matches!(
            self.change,
            Change::RemoveZone(_)
                | Change::RemoveOffering(_)
                | Change::RemoveNetwork(_)
                | Change::RemoveRouter(_)
        )
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.words)
    }
}

/// What has to change for `stored` to hold what was found. In an order in which each can be applied:
/// nothing refers to what is not there yet, or is gone already.
#[must_use]
pub fn changes(stored: &Inventory, wanted: &Inventory, scope: &Scope) -> Vec<Difference> {
    let mut found = Vec::new();
    sets(&stored.zones, &wanted.zones, scope, &mut found);
    sets(&stored.offerings, &wanted.offerings, scope, &mut found);
    sets(&stored.networks, &wanted.networks, scope, &mut found);
    sets(&stored.routers, &wanted.routers, scope, &mut found);
    if scope.prune {
        prune(stored, wanted, scope, &mut found);
    }
    found
}

/// Makes the changes.
pub fn apply<'a>(inventory: &mut Inventory, changes: impl IntoIterator<Item = &'a Change>) {
    for change in changes {
        match change {
            Change::SetZone(zone) => set(&mut inventory.zones, zone),
            Change::SetOffering(offering) => set(&mut inventory.offerings, offering),
            Change::SetNetwork(network) => set(&mut inventory.networks, network),
            Change::SetRouter(router) => set(&mut inventory.routers, router),
            Change::RemoveZone(id) => inventory.zones.retain(|it| it.id != *id),
            Change::RemoveOffering(id) => inventory.offerings.retain(|it| it.id != *id),
            Change::RemoveNetwork(id) => inventory.networks.retain(|it| it.id != *id),
            Change::RemoveRouter(name) => inventory.routers.retain(|it| it.name != *name),
        }
    }
}

/// A part of an inventory.
trait Part: Clone + PartialEq + Serialize {
    const KIND: &'static str;

    /// What it is known by, unique among its kind.
    fn key(&self) -> &str;
    /// What people know it by.
    fn name(&self) -> &str;
    fn source(&self) -> Option<&str>;
    fn set_source(&mut self, source: &str);
    /// Takes over those of the operator's settings that an import does not speak of.
    fn keep_settings_of(&mut self, stored: &Self, settings: &Settings);
    fn set(self) -> Change;
    fn remove(&self) -> Change;
}

macro_rules! part {
    ($part:ty, $kind:literal, $key:ident, $set:ident, $remove:ident, [$($setting:ident),*]) => {
        impl Part for $part {
            const KIND: &'static str = $kind;

            fn key(&self) -> &str {
                &self.$key
            }
            fn name(&self) -> &str {
                if self.name.is_empty() { &self.$key } else { &self.name }
            }
            fn source(&self) -> Option<&str> {
                self.source.as_deref()
            }
            fn set_source(&mut self, source: &str) {
                self.source = Some(source.into());
            }
            fn keep_settings_of(&mut self, stored: &Self, settings: &Settings) {
                let _ = (stored, settings);
                $(if !settings.gives(Self::KIND, &self.$key, stringify!($setting)) {
                    self.$setting.clone_from(&stored.$setting);
                })*
            }
            fn set(self) -> Change {
                Change::$set(self)
            }
            fn remove(&self) -> Change {
                Change::$remove(self.$key.clone())
            }
        }
    };
}

part!(Zone, "zone", id, SetZone, RemoveZone, [monitoring]);
part!(Offering, "offering", id, SetOffering, RemoveOffering, []);
part!(
    Network,
    "network",
    id,
    SetNetwork,
    RemoveNetwork,
    [monitoring, excluded]
);
part!(Router, "router", name, SetRouter, RemoveRouter, [excluded]);

/// What is new or different, by key; of several with one key the last.
fn sets<P: Part>(stored: &[P], wanted: &[P], scope: &Scope, found: &mut Vec<Difference>) {
    let stored: BTreeMap<&str, &P> = stored.iter().map(|part| (part.key(), part)).collect();
    let wanted: BTreeMap<&str, &P> = wanted.iter().map(|part| (part.key(), part)).collect();
    for (key, part) in wanted {
        let mut part = part.clone();
        part.set_source(&scope.source);
        let known = stored.get(key).copied();
        if let Some(known) = known {
            part.keep_settings_of(known, &scope.settings);
        }
        if known == Some(&part) {
            continue;
        }
        let brought_before_by = known.and_then(|known| {
            let before = known.source()?;
            let mut moved = known.clone();
            moved.set_source(&scope.source);
            (moved == part).then(|| before.to_owned())
        });
        let what = match known {
            None => "new".into(),
            Some(known) => words::difference(known, &part),
        };
        found.push(Difference {
            words: words::line(P::KIND, part.name(), &what),
            change: part.set(),
            brought_before_by,
        });
    }
}

/// Removes what came from this source and is there no more, unless something that stays refers to it.
fn prune(stored: &Inventory, wanted: &Inventory, scope: &Scope, found: &mut Vec<Difference>) {
    let routers = gone(
        &stored.routers,
        &wanted.routers,
        scope,
        &BTreeSet::new(),
        found,
    );
    let routers = staying(&stored.routers, &wanted.routers, &routers);
    let nics = routers.iter().flat_map(|router| &router.nics);
    let used = nics.filter_map(|nic| nic.network.as_deref()).collect();
    let networks = gone(&stored.networks, &wanted.networks, scope, &used, found);
    let networks = staying(&stored.networks, &wanted.networks, &networks);
    let used = networks
        .iter()
        .map(|network| network.offering.as_str())
        .collect();
    gone(&stored.offerings, &wanted.offerings, scope, &used, found);
    let of_networks = networks.iter().map(|network| network.zone.as_str());
    let of_routers = routers.iter().map(|router| router.zone.as_str());
    let used = of_networks.chain(of_routers).collect();
    gone(&stored.zones, &wanted.zones, scope, &used, found);
}

/// The keys of what is removed.
fn gone<'a, P: Part>(
    stored: &'a [P],
    wanted: &[P],
    scope: &Scope,
    used: &BTreeSet<&str>,
    found: &mut Vec<Difference>,
) -> BTreeSet<&'a str> {
    let wanted: BTreeSet<&str> = wanted.iter().map(Part::key).collect();
    let stored: BTreeMap<&str, &P> = stored.iter().map(|part| (part.key(), part)).collect();
    let mut gone = BTreeSet::new();
    for (key, part) in stored {
        let ours = part.source() == Some(&scope.source);
        if ours && !wanted.contains(key) && !used.contains(key) {
            found.push(Difference {
                words: words::line(P::KIND, part.name(), "removed"),
                change: part.remove(),
                brought_before_by: None,
            });
            gone.insert(key);
        }
    }
    gone
}

/// What there will be: all that is wanted, and of the rest what is not removed.
fn staying<'a, P: Part>(stored: &'a [P], wanted: &'a [P], gone: &BTreeSet<&str>) -> Vec<&'a P> {
    let keys: BTreeSet<&str> = wanted.iter().map(Part::key).collect();
    let rest = stored
        .iter()
        .filter(|part| !keys.contains(part.key()) && !gone.contains(part.key()));
    wanted.iter().chain(rest).collect()
}

fn set<P: Part>(parts: &mut Vec<P>, part: &P) {
    match parts.iter_mut().find(|known| known.key() == part.key()) {
        Some(known) => known.clone_from(part),
        None => parts.push(part.clone()),
    }
}

#[cfg(test)]
#[path = "changes_tests.rs"]
mod tests;
