//! What a router delivers its events with: the real `http` sink, as the configuration of a router
//! makes it. Tests that need one say `#[path = "../peers/reporter.rs"] mod reporter;`.

use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use contract::Sink;
use manager::store::RouterKey;
use sinks::Host;

/// The sink of a router that signs with these keys, which are kept in `folder`.
pub(crate) fn reporter(
    address: SocketAddr,
    folder: &Path,
    router: &str,
    keys: &[&RouterKey],
) -> Box<dyn Sink> {
    let files: Vec<String> = keys
        .iter()
        .map(|key| {
            let path = folder.join(format!("{router}-{}.key", key.id));
            fs::write(&path, key.reveal()).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            format!("\"{}\"", path.display())
        })
        .collect();
    let text = format!(
        "url = \"http://{address}/api/v1/alerts\"\nsecret_file = [{}]\n",
        files.join(", ")
    );
    let section = toml::de::ValueDeserializer::from(toml::Spanned::new(
        0..text.len(),
        toml::de::DeValue::Table(toml::de::DeTable::parse(&text).unwrap().into_inner()),
    ));
    (sinks::kind("http").unwrap().build)(section, &Host::new(router, folder)).unwrap()
}
