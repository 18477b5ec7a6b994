//! Leaves out what cannot be stored, or could not stand in a command: one odd row keeps none of the
//! others back, and is named.

use contract::clean;

use crate::plan::inventory::{Change, Inventory};
use crate::routers::import::check;
use crate::store::storable;

/// The most characters of a name that are told.
const TOLD: usize = 60;

/// What can be used, and why what else there was cannot.
pub(super) fn usable(mut inventory: Inventory) -> (Inventory, Vec<String>) {
    let mut left_out = Vec::new();
    let mut fits = |what: &str, key: &str, problem: Option<String>| {
        let Some(problem) = problem else { return true };
        let key: String = clean::line(key).chars().take(TOLD).collect();
        left_out.push(format!("{what} {key} is left out: {problem}"));
        false
    };
    let stored = |change| storable(&change).err().map(|error| error.to_string());
    inventory
        .zones
        .retain(|it| fits("zone", &it.id, stored(Change::SetZone(it.clone()))));
    inventory
        .offerings
        .retain(|it| fits("offering", &it.id, stored(Change::SetOffering(it.clone()))));
    inventory
        .networks
        .retain(|it| fits("network", &it.id, stored(Change::SetNetwork(it.clone()))));
    inventory.routers.retain(|it| {
        let problem = check::danger(it).or_else(|| stored(Change::SetRouter(it.clone())));
        fits("router", &it.name, problem)
    });
    (inventory, left_out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::examples::{cloud, offering};
    use crate::plan::inventory::NetworkKind;

    #[test]
    fn an_odd_row_is_left_out_and_named_and_the_others_stay() {
        let whole = cloud(NetworkKind::AdvancedIsolated, offering("o", &[]));
        assert_eq!(usable(whole.clone()), (whole.clone(), Vec::new()));
        let mut odd = whole.clone();
        let mut network = whole.networks[0].clone();
        (network.id, network.zone) = ("n-odd".into(), String::new());
        odd.networks.push(network);
        for name in ["-oProxyCommand=touch x", "..", "r\u{202e}x", "r 1"] {
            let mut router = whole.routers[0].clone();
            router.name = name.into();
            odd.routers.push(router);
        }
        let mut router = whole.routers[0].clone();
        (router.name, router.host) = ("r-host".into(), Some("h\nProxyCommand x".into()));
        odd.routers.push(router);
        let (left, told) = usable(odd);
        assert_eq!(left, whole);
        assert_eq!(told.len(), 6, "{told:?}");
        assert!(
            told[0].starts_with("network n-odd is left out: "),
            "{told:?}"
        );
        for (words, name) in
            told[1..]
                .iter()
                .zip(["-oProxyCommand=touch x", "..", "rx", "r 1", "r-host"])
        {
            assert!(
                words.starts_with(&format!("router {name} is left out: ")),
                "{words}"
            );
            assert!(!words.contains('\n'));
        }
    }
}
