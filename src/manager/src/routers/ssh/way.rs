//! Which way leads to a router. Source: `cloudstack.md` section 6.

use std::net::IpAddr;

use crate::plan::inventory::{Hypervisor, Router};
use crate::routers::shell::ReachError;

/// The way to a router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// Its control address is reached from here: `VMware`, Hyper-V.
    Direct {
        /// The control address.
        address: IpAddr,
    },
    /// Its link-local address is reached from its host only: KVM, `XenServer`.
    Through {
        /// The host's address or name.
        host: String,
        /// The link-local address.
        address: IpAddr,
    },
}

impl Way {
    /// The way to this router.
    ///
    /// # Errors
    /// [`ReachError::Refused`] when too little is known of it.
    pub fn to(router: &Router) -> Result<Self, ReachError> {
        let unknown = |what: &str| {
            ReachError::Refused(format!(
                "the {what} of {} is not known; import the inventory again, or write it there",
                router.name
            ))
        };
        let address = router.address.ok_or_else(|| unknown("control address"))?;
        match router.hypervisor {
            Hypervisor::Kvm | Hypervisor::Xenserver => {
                let host = router.host.as_deref().ok_or_else(|| unknown("host"))?;
                // It becomes a word of ssh's configuration.
                let plain =
                    |letter: char| letter.is_ascii_alphanumeric() || ".:-_".contains(letter);
                if host.is_empty() || host.starts_with('-') || !host.chars().all(plain) {
                    return Err(ReachError::Refused(format!(
                        "the host of {} is no address and no name of a machine",
                        router.name
                    )));
                }
                Ok(Self::Through {
                    host: host.to_owned(),
                    address,
                })
            }
            Hypervisor::Vmware | Hypervisor::Hyperv | Hypervisor::Other => {
                Ok(Self::Direct { address })
            }
        }
    }
}

/// The name that a router's host key is kept under: its own, in the small letters that ssh makes of
/// it.
///
/// # Errors
/// [`ReachError::Refused`] when it holds what would mean something else there.
pub(super) fn alias(name: &str) -> Result<String, ReachError> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    let fits = (1..=255).contains(&name.len());
    if fits && !name.starts_with(['-', '.']) && name.chars().all(plain) {
        Ok(name.to_ascii_lowercase())
    } else {
        Err(ReachError::Refused(format!(
            "`{}` cannot be reached by ssh: its name may hold letters, digits, `.`, `_` and `-` only",
            contract::clean::line(name)
        )))
    }
}
