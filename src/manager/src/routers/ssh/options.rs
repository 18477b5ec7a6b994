//! The configuration that a visit's ssh reads, and no other: what the user or the machine has
//! configured cannot interfere. Made of checked words only; pure.

use std::fmt::Write as _;

use super::config::{FirstContact, RouterKey, Ssh};
use super::way::Way;

/// What ssh calls the machine that the visit's connection leads to.
pub(super) const TARGET: &str = "target";
/// What it calls the host that only passes the connection on.
const HOP: &str = "hop";

/// Whose keys are pinned already: then no other kind of key is taken either.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pinned {
    pub(super) router: bool,
    pub(super) host: bool,
}

/// How many unanswered questions end a connection.
pub(super) const UNANSWERED: u32 = 3;

/// Whether the visit's connection ends on the host, and the host's own ssh goes on.
pub(super) fn ends_on_host(settings: &Ssh, way: &Way) -> bool {
    matches!(way, Way::Through { .. }) && settings.jump.router_key == RouterKey::OnHost
}

/// The configuration for a visit of `alias`.
pub(super) fn configuration(settings: &Ssh, way: &Way, alias: &str, pinned: Pinned) -> String {
    let mut text = String::new();
    match way {
        Way::Direct { address } => router(&mut text, settings, address, alias, pinned.router),
        Way::Through { host: name, .. } if ends_on_host(settings, way) => {
            host(&mut text, settings, TARGET, name, pinned.host);
        }
        Way::Through {
            host: name,
            address,
        } => {
            router(&mut text, settings, address, alias, pinned.router);
            line(&mut text, "ProxyJump", HOP);
            host(&mut text, settings, HOP, name, pinned.host);
        }
    }
    common(&mut text, settings);
    text
}

fn router(
    text: &mut String,
    settings: &Ssh,
    address: &std::net::IpAddr,
    alias: &str,
    pinned: bool,
) {
    line(text, "Host", TARGET);
    line(text, "HostName", address);
    line(text, "Port", settings.port);
    line(text, "User", settings.user.as_str());
    line(text, "HostKeyAlias", alias);
    line(text, "IdentityFile", settings.key_file.as_str());
    line(text, "StrictHostKeyChecking", strictness(settings, pinned));
}

fn host(text: &mut String, settings: &Ssh, called: &str, name: &str, pinned: bool) {
    let jump = &settings.jump;
    line(text, "Host", called);
    line(text, "HostName", name);
    line(text, "Port", jump.port);
    line(text, "User", jump.user.as_str());
    line(text, "HostKeyAlias", name);
    let key = jump.key_file.as_ref().unwrap_or(&settings.key_file);
    line(text, "IdentityFile", key.as_str());
    line(text, "StrictHostKeyChecking", strictness(settings, pinned));
}

const fn strictness(settings: &Ssh, pinned: bool) -> &'static str {
    match (pinned, settings.first_contact) {
        (true, _) | (_, FirstContact::Yes) => "yes",
        (false, FirstContact::AcceptNew) => "accept-new",
    }
}

fn common(text: &mut String, settings: &Ssh) {
    line(text, "Host", "*");
    line(text, "UserKnownHostsFile", settings.known_hosts.as_str());
    let seconds = settings.connect_timeout.get().as_secs();
    line(text, "ConnectTimeout", seconds);
    line(
        text,
        "ServerAliveInterval",
        settings.alive_every.get().as_secs(),
    );
    line(text, "ServerAliveCountMax", UNANSWERED);
    for (key, value) in [
        ("BatchMode", "yes"),
        ("CheckHostIP", "no"),
        ("ControlPersist", "no"),
        ("ForwardAgent", "no"),
        ("ForwardX11", "no"),
        ("GlobalKnownHostsFile", "/dev/null"),
        ("HashKnownHosts", "no"),
        ("IdentitiesOnly", "yes"),
        ("IdentityAgent", "none"),
        ("LogLevel", "INFO"),
        ("PreferredAuthentications", "publickey"),
        ("RequestTTY", "no"),
        ("UpdateHostKeys", "no"),
    ] {
        line(text, key, value);
    }
}

fn line(text: &mut String, key: &str, value: impl std::fmt::Display) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{key} {value}");
}

/// What the host's own ssh is told, up to the command: the words of its command line.
pub(super) fn on_host(
    settings: &Ssh,
    address: std::net::IpAddr,
    alias: &str,
    known: &str,
) -> Vec<String> {
    let mut words = vec![
        "ssh".to_owned(),
        "-F".to_owned(),
        "/dev/null".to_owned(),
        "-T".to_owned(),
    ];
    let seconds = settings.connect_timeout.get().as_secs();
    let alive = settings.alive_every.get().as_secs();
    for option in [
        "BatchMode=yes".to_owned(),
        "CheckHostIP=no".to_owned(),
        format!("ConnectTimeout={seconds}"),
        "GlobalKnownHostsFile=/dev/null".to_owned(),
        format!("HostKeyAlias={alias}"),
        "IdentitiesOnly=yes".to_owned(),
        "LogLevel=ERROR".to_owned(),
        "PreferredAuthentications=publickey".to_owned(),
        format!("ServerAliveInterval={alive}"),
        format!("ServerAliveCountMax={UNANSWERED}"),
        "StrictHostKeyChecking=yes".to_owned(),
        format!("UserKnownHostsFile={known}"),
    ] {
        words.extend(["-o".to_owned(), option]);
    }
    let jump = &settings.jump;
    words.extend(["-i".to_owned(), jump.host_key_file.as_str().to_owned()]);
    words.extend(["-p".to_owned(), settings.port.to_string()]);
    words.extend(["-l".to_owned(), settings.user.as_str().to_owned()]);
    words.extend(["--".to_owned(), address.to_string()]);
    words
}

#[cfg(test)]
mod tests {
    use super::{Pinned, configuration};
    use crate::routers::ssh::Way;
    use crate::routers::ssh::config::Ssh;

    fn of(settings: &str, way: &Way, pinned: bool) -> String {
        let settings: Ssh = toml::from_str(settings).unwrap();
        let pinned = Pinned {
            router: pinned,
            host: pinned,
        };
        configuration(&settings, way, "r-1-VM", pinned)
    }

    fn through() -> Way {
        Way::Through {
            host: "kvm1".to_owned(),
            address: [169, 254, 1, 2].into(),
        }
    }

    #[test]
    fn a_router_is_reached_on_cloudstacks_port_under_its_own_name() {
        let way = Way::Direct {
            address: [10, 1, 1, 1].into(),
        };
        let text = of("", &way, false);
        assert!(text.starts_with(
            "Host target\nHostName 10.1.1.1\nPort 3922\nUser root\nHostKeyAlias r-1-VM\n"
        ));
        assert!(text.contains("StrictHostKeyChecking accept-new\n"));
        assert!(!text.contains("ProxyJump"));
    }

    #[test]
    fn a_name_that_has_a_key_takes_no_other() {
        let text = of("", &through(), true);
        assert!(!text.contains("accept-new"));
    }

    #[test]
    fn the_connection_ends_on_the_host_when_the_routers_key_lies_there() {
        let text = of("", &through(), false);
        assert!(text.starts_with("Host target\nHostName kvm1\nPort 22\n"));
        assert!(!text.contains("169.254.1.2"));
    }

    #[test]
    fn the_host_passes_the_connection_on_when_the_key_lies_here() {
        let text = of("jump.router_key = \"here\"", &through(), false);
        assert!(text.starts_with("Host target\nHostName 169.254.1.2\nPort 3922\n"));
        assert!(text.contains("ProxyJump hop\nHost hop\nHostName kvm1\nPort 22\n"));
    }
}
