//! The last leg when the router's key lies on its host: the host's own ssh. The router's host key is
//! pinned here all the same: the host is told which key to insist on, whatever host the router runs
//! on next.

use std::net::IpAddr;
use std::path::Path;

use super::config::{FirstContact, Ssh};
use super::known_hosts::{self, HostKey};
use super::options;
use crate::routers::shell::{Answer, ReachError};

/// The words with which the host reaches the router.
#[derive(Clone, Debug)]
pub(super) struct Hop {
    pub(super) words: Vec<String>,
    /// The file on the host that names the router's host keys.
    pub(super) known: String,
}

impl Hop {
    /// The way from the host to the router.
    pub(super) fn new(settings: &Ssh, address: IpAddr, alias: &str) -> Self {
        let beside = Path::new(settings.jump.host_key_file.as_str())
            .parent()
            .unwrap_or(Path::new("/"));
        let known = format!("{}/known_hosts.vrwatch.{alias}", beside.display());
        Self {
            words: options::on_host(settings, address, alias, &known),
            known,
        }
    }
}

/// How the host asks the router for its host keys.
pub(super) fn scan(settings: &Ssh, address: IpAddr) -> Vec<String> {
    let seconds = settings.connect_timeout.get().as_secs().to_string();
    let port = settings.port.to_string();
    let words = ["ssh-keyscan", "-T", &seconds, "-p", &port, "--"];
    let address = address.to_string();
    let words = words.into_iter().chain([address.as_str()]);
    words.map(str::to_owned).collect()
}

/// Takes the keys that the host found at first contact, and pins them.
///
/// # Errors
/// When there are none, or none may be taken.
pub(super) fn learn(
    settings: &Ssh,
    router: &str,
    alias: &str,
    scan: &Answer,
) -> Result<Vec<HostKey>, ReachError> {
    let keys = known_hosts::scanned(&String::from_utf8_lossy(&scan.output));
    if keys.is_empty() {
        let why = contract::clean::line(String::from_utf8_lossy(&scan.errors).trim());
        return Err(ReachError::Away(format!(
            "{router} showed its host no host key: {}",
            why.chars().take(300).collect::<String>()
        )));
    }
    let file = settings.known_hosts.path();
    known_hosts::pin(&file, alias, &keys).map_err(|error| unusable(settings, &error))?;
    tracing::info!(router, "first contact: its host key is pinned");
    Ok(keys)
}

/// Whether an unknown router may be asked for its key at all.
///
/// # Errors
/// When its key must be known before.
pub(super) fn may_learn(settings: &Ssh, router: &str) -> Result<(), ReachError> {
    match settings.first_contact {
        FirstContact::AcceptNew => Ok(()),
        FirstContact::Yes => Err(ReachError::Refused(format!(
            "the host key of {router} is not known, and first_contact says that it must be; put it in {}",
            settings.known_hosts.as_str()
        ))),
    }
}

/// The file of the host keys cannot be used.
pub(super) fn unusable(settings: &Ssh, error: &std::io::Error) -> ReachError {
    ReachError::Refused(format!(
        "host keys cannot be kept in {}: {error}",
        settings.known_hosts.as_str()
    ))
}
