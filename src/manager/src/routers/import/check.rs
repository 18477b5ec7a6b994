//! Whether an inventory holds together: unique names, nothing refers to what is not there, and what
//! will stand in commands and addresses can stand there. Everything that is wrong is told at once.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use contract::clean;

use crate::plan::inventory::{Inventory, Network, NetworkKind, Router, Traffic, Zone, ZoneType};

/// The longest id or name; bytes. The database's columns hold as much.
const LONGEST: usize = 255;
/// As many are told; more would only hide them.
const MOST_TOLD: usize = 100;

/// What is wrong with one part of an inventory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// `zones`, `offerings`, `networks` or `routers`.
    pub table: &'static str,
    /// The part's place in it, from 0.
    pub place: usize,
    /// In words, with the part's name.
    pub words: String,
}

impl fmt::Display for Doubt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.words)
    }
}

/// What is wrong with `new`, which may refer to what is `known` already; the first hundred.
#[must_use]
pub fn problems(new: &Inventory, known: &Inventory) -> Vec<Doubt> {
    let zones: BTreeMap<&str, &Zone> = known
        .zones
        .iter()
        .chain(&new.zones)
        .map(|it| (it.id.as_str(), it))
        .collect();
    let offerings: BTreeSet<&str> = known
        .offerings
        .iter()
        .chain(&new.offerings)
        .map(|it| it.id.as_str())
        .collect();
    let networks: BTreeMap<&str, &Network> = known
        .networks
        .iter()
        .chain(&new.networks)
        .map(|it| (it.id.as_str(), it))
        .collect();
    let mut told = Told(Vec::new());
    told.keys("zones", new.zones.iter().map(|it| it.id.as_str()));
    told.keys("offerings", new.offerings.iter().map(|it| it.id.as_str()));
    told.keys("networks", new.networks.iter().map(|it| it.id.as_str()));
    told.keys("routers", new.routers.iter().map(|it| it.name.as_str()));
    told.names("zones", new.zones.iter().map(|it| it.name.as_str()));
    told.names("offerings", new.offerings.iter().map(|it| it.name.as_str()));
    told.names("networks", new.networks.iter().map(|it| it.name.as_str()));
    for (place, network) in new.networks.iter().enumerate() {
        let mut tell = |words: String| told.add("networks", place, &network.id, &words);
        if !offerings.contains(network.offering.as_str()) {
            tell(format!("there is no offering {}", network.offering));
        }
        match zones.get(network.zone.as_str()) {
            None => tell(format!("there is no zone {}", network.zone)),
            Some(zone) => kind(network, zone, &mut tell),
        }
        if (network.kind == NetworkKind::VpcTier) != network.vpc.is_some() {
            tell("`vpc` goes with kind = \"vpc_tier\", and only with that".into());
        }
    }
    for (place, router) in new.routers.iter().enumerate() {
        let mut tell = |words: String| told.add("routers", place, &router.name, &words);
        if !zones.contains_key(router.zone.as_str()) {
            tell(format!("there is no zone {}", router.zone));
        }
        written(router, &mut tell);
        for nic in router
            .nics
            .iter()
            .filter(|nic| nic.traffic == Traffic::Guest)
        {
            match nic.network.as_deref().map(|id| (id, networks.get(id))) {
                None => tell("an interface for guests names no network".into()),
                Some((id, None)) => tell(format!("there is no network {id}")),
                Some((_, Some(network))) => serves(router, network, &mut tell),
            }
        }
    }
    told.0
}

/// The same for what is entered by hand: all that is wrong in one sentence, with what there is
/// instead.
///
/// # Errors
/// What is wrong.
pub fn by_hand(new: &Inventory, known: &Inventory) -> Result<(), String> {
    let doubts = problems(new, known);
    if doubts.is_empty() {
        return Ok(());
    }
    let mut words: Vec<String> = doubts.into_iter().map(|doubt| doubt.words).collect();
    let zones = || {
        known
            .zones
            .iter()
            .chain(&new.zones)
            .map(|it| it.id.as_str())
    };
    let networks = || {
        let all = known.networks.iter().chain(&new.networks);
        all.map(|it| it.id.as_str())
    };
    let of_routers = new.routers.iter().map(|it| it.zone.as_str());
    let mut wanted = of_routers.chain(new.networks.iter().map(|it| it.zone.as_str()));
    if wanted.any(|id| zones().all(|known| known != id)) {
        words.push(there_are("zones", zones()));
    }
    let nics = new.routers.iter().flat_map(|it| &it.nics);
    let mut wanted = nics.filter_map(|nic| nic.network.as_deref());
    if wanted.any(|id| networks().all(|known| known != id)) {
        words.push(there_are("networks", networks()));
    }
    Err(words.join("; "))
}

/// The first ten.
fn there_are<'a>(what: &str, ids: impl Iterator<Item = &'a str>) -> String {
    let mut ids: Vec<&str> = ids.take(11).collect();
    if ids.is_empty() {
        return format!("no {what} are known yet");
    }
    if ids.len() > 10 {
        ids[10] = "…";
    }
    clean::line(&format!("the {what} are {}", ids.join(", ")))
}

struct Told(Vec<Doubt>);

impl Told {
    fn add(&mut self, table: &'static str, place: usize, key: &str, words: &str) {
        if self.0.len() < MOST_TOLD {
            let part = table.trim_end_matches('s');
            let words = clean::line(&format!("{part} {key}: {words}"));
            self.0.push(Doubt {
                table,
                place,
                words,
            });
        }
    }

    /// What is for people need not be unique.
    fn names<'a>(&mut self, table: &'static str, names: impl Iterator<Item = &'a str>) {
        for (place, name) in names.enumerate().filter(|(_, name)| name.len() > LONGEST) {
            self.too_long(table, place, name);
        }
    }

    fn too_long(&mut self, table: &'static str, place: usize, name: &str) {
        let short: String = name.chars().take(40).collect();
        let words = format!("its name is longer than {LONGEST} bytes");
        self.add(table, place, &format!("{short}…"), &words);
    }

    /// Each with a usable key, and no key twice.
    fn keys<'a>(&mut self, table: &'static str, keys: impl Iterator<Item = &'a str>) {
        let mut seen = BTreeSet::new();
        for (place, key) in keys.enumerate() {
            if key.is_empty() {
                self.add(table, place, "", "it has no name");
            } else if key.len() > LONGEST {
                self.too_long(table, place, key);
            } else if key.chars().any(clean::is_hidden) {
                self.add(
                    table,
                    place,
                    key,
                    "its name holds characters that do not show",
                );
            } else if !seen.insert(key) {
                self.add(table, place, key, "it is there twice");
            }
        }
    }
}

fn kind(network: &Network, zone: &Zone, tell: &mut impl FnMut(String)) {
    let (is, has) = match (network.kind, zone.network_type) {
        (NetworkKind::BasicShared, ZoneType::Advanced) => ("basic_shared", "an Advanced"),
        (NetworkKind::BasicShared, ZoneType::Basic) | (_, ZoneType::Advanced) => return,
        (NetworkKind::AdvancedIsolated, _) => ("advanced_isolated", "a Basic"),
        (NetworkKind::AdvancedShared, _) => ("advanced_shared", "a Basic"),
        (NetworkKind::VpcTier, _) => ("vpc_tier", "a Basic"),
    };
    tell(format!(
        "kind = \"{is}\", but zone {} is {has} one",
        zone.id
    ));
}

/// Why a router could not stand in a command; `None`: it could.
pub(super) fn danger(router: &Router) -> Option<String> {
    let mut words = None;
    written(router, &mut |problem| {
        words.get_or_insert(problem);
    });
    words
}

/// What will stand in commands and addresses.
fn written(router: &Router, tell: &mut impl FnMut(String)) {
    let plain = |text: &str, more: &str| {
        let fits = |it: char| it.is_ascii_alphanumeric() || more.contains(it);
        text.len() <= LONGEST && !text.starts_with(['-', '.']) && text.chars().all(fits)
    };
    if router.name.is_empty() || !plain(&router.name, "-_.") {
        tell("a router's name is made of letters, digits, `-`, `_` and `.`".into());
    }
    if let Some(host) = &router.host
        && (host.is_empty() || !plain(host, "-_.:"))
    {
        tell(format!("`host` {host:?} is no host name and no address"));
    }
}

fn serves(router: &Router, network: &Network, tell: &mut impl FnMut(String)) {
    if network.zone != router.zone {
        tell(format!(
            "network {} is in zone {}, the router in {}",
            network.id, network.zone, router.zone
        ));
    }
    if network.kind == NetworkKind::VpcTier && network.vpc != router.vpc {
        tell(format!("network {} is a tier of another VPC", network.id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::examples::{cloud, network, offering, router};

    fn told(new: &Inventory, known: &Inventory) -> Vec<String> {
        problems(new, known)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    fn whole() -> Inventory {
        cloud(NetworkKind::AdvancedIsolated, offering("o", &[]))
    }

    #[test]
    fn a_whole_inventory_is_fine_and_half_of_it_with_the_rest_known() {
        assert!(problems(&whole(), &Inventory::default()).is_empty());
        let half = Inventory {
            routers: whole().routers,
            ..Inventory::default()
        };
        assert!(problems(&half, &whole()).is_empty());
        assert_eq!(
            told(&half, &Inventory::default()),
            [
                "router r: there is no zone z",
                "router r: there is no network n"
            ]
        );
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let mut inventory = whole();
        inventory.zones[0].network_type = ZoneType::Basic;
        inventory
            .networks
            .push(network("n", NetworkKind::VpcTier, "gone"));
        inventory.networks[1].vpc = None;
        inventory.networks[1].zone = "y".into();
        inventory.routers[0].host = Some("-oProxyCommand=x".into());
        inventory.routers.push(router("bad name\n", &[], None));
        inventory.routers[1].nics.push(crate::plan::inventory::Nic {
            traffic: Traffic::Guest,
            network: None,
            address: None,
        });
        inventory.offerings[0].id.clear();
        inventory.zones[0].name = "é".repeat(128);
        assert_eq!(
            told(&inventory, &Inventory::default()),
            [
                "offering : it has no name",
                "network n: it is there twice",
                "router bad name : its name holds characters that do not show",
                &format!(
                    "zone {}…: its name is longer than 255 bytes",
                    "é".repeat(40)
                ),
                "network n: there is no offering o",
                "network n: kind = \"advanced_isolated\", but zone z is a Basic one",
                "network n: there is no offering gone",
                "network n: there is no zone y",
                "network n: `vpc` goes with kind = \"vpc_tier\", and only with that",
                "router r: `host` \"-oProxyCommand=x\" is no host name and no address",
                "router r: network n is in zone y, the router in z",
                "router bad name : a router's name is made of letters, digits, `-`, `_` and `.`",
                "router bad name : an interface for guests names no network",
            ]
        );
    }

    #[test]
    fn what_is_wrong_by_hand_is_told_with_what_there_is() {
        let mut new = Inventory {
            routers: whole().routers,
            ..Inventory::default()
        };
        assert_eq!(by_hand(&new, &whole()), Ok(()));
        assert_eq!(
            by_hand(&new, &Inventory::default()).unwrap_err(),
            "router r: there is no zone z; router r: there is no network n; \
             no zones are known yet; no networks are known yet"
        );
        new.routers[0].zone = "y".into();
        let words = by_hand(&new, &whole()).unwrap_err();
        assert!(words.ends_with("; the zones are z"), "{words}");
        for name in [
            "r 504;x",
            "..",
            "-oProxyCommand=x",
            "*",
            "r\u{202e}",
            "r\n",
            "",
        ] {
            new.routers[0] = whole().routers.remove(0);
            new.routers[0].name = name.into();
            assert!(by_hand(&new, &whole()).is_err(), "{name:?}");
        }
    }

    #[test]
    fn no_more_is_told_than_anybody_reads() {
        let mut inventory = whole();
        for number in 0..300 {
            inventory.networks.push(network(
                &number.to_string(),
                NetworkKind::AdvancedShared,
                "gone",
            ));
        }
        let told = problems(&inventory, &Inventory::default());
        assert_eq!((told.len(), told[99].place), (MOST_TOLD, 100));
    }
}
