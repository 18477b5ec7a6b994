//! A management host, hypervisor hosts and routers: each a box, with cables between them.

use std::fs;
use std::process::Command;

use crate::harness::syslog::{ADDRESS, CERTIFICATE, KEY};
use crate::harness::{Config, Peer, Router};
use crate::program::Program;
use crate::ssh::Keys;

/// Where routers report to.
pub(crate) const PORT: u16 = 8443;
/// Where routers have the authority that vouches for the manager.
const AUTHORITY: &str = "/etc/vrwatch/authority.pem";
/// Where routers have what they sign with.
const ROUTER_KEY: &str = "/etc/vrwatch/router.key";

/// One end of a cable.
pub(crate) struct End<'machine> {
    pub(crate) machine: &'machine Router,
    /// The name of the interface.
    pub(crate) interface: &'machine str,
    /// Its address, with the length of the network's part.
    pub(crate) address: &'machine str,
}

/// Connects two machines.
pub(crate) fn connect(left: &End<'_>, right: &End<'_>) {
    let [of_left, of_right] = [left, right].map(|end| end.machine.inside().to_string());
    let made = Command::new("ip")
        .args(["link", "add", left.interface, "netns", &of_left])
        .args(["type", "veth"])
        .args(["peer", "name", right.interface, "netns", &of_right])
        .output()
        .expect("`ip` is missing: run tests/all");
    assert!(made.status.success(), "{made:?}");
    for end in [left, right] {
        let address = ["ip", "address", "add", end.address, "dev", end.interface];
        end.machine.run(address).expect_success();
        let up = ["ip", "link", "set", end.interface, "up"];
        end.machine.run(up).expect_success();
    }
}

/// Starts the machine's sshd for whoever has this key.
pub(crate) fn let_in(machine: &Router, keys: &Keys, key: &str) {
    let public = fs::read_to_string(keys.path(&format!("{key}.pub"))).unwrap();
    machine.write("/etc/ssh/authorized_keys", &public);
    machine.write(
        Peer::Sshd.config_file(),
        "Port 3922\nUsePAM no\nStrictModes no\nPermitRootLogin prohibit-password\n\
         PasswordAuthentication no\nAuthorizedKeysFile /etc/ssh/authorized_keys\n\
         SetEnv PATH=/run/box/bin:/usr/sbin:/usr/bin:/sbin:/bin\n",
    );
    machine.start(Peer::Sshd);
}

/// A manager that will serve on the management host, keeping all in this database or in one of its
/// own. The host must show its certificate already.
pub(crate) fn manager(host: &Router, keys: &Keys, database: Option<&str>, more: &str) -> Program {
    Program::written(|place| {
        let database = database.map_or_else(|| format!("sqlite:{place}/manager.db"), str::to_owned);
        let [certificate, certificate_key] = [CERTIFICATE, KEY].map(|file| host.path(file));
        let (certificate, certificate_key) = (certificate.display(), certificate_key.display());
        let ssh_key = keys.path("manager");
        let ssh_key = ssh_key.display();
        format!(
            "[http]\nlisten = \"{ADDRESS}:{PORT}\"\n\
             [http.tls]\ncertificate_file = \"{certificate}\"\nkey_file = \"{certificate_key}\"\n\
             [database]\nurl = \"{database}\"\n\
             [secrets]\nkey_file = \"{place}/sealing.key\"\n\
             [state]\ndirectory = \"{place}\"\n\
             [ssh]\nkey_file = \"{ssh_key}\"\nknown_hosts = \"{place}/known_hosts\"\n\
             {more}"
        )
    })
}

/// Gives a router all it needs to report to the manager, and has no service watched yet.
pub(crate) fn reporting(router: &Router, name: &str, key: &str, authority: &str) -> Config {
    router.write(AUTHORITY, authority);
    router.write_secret(ROUTER_KEY, key.trim());
    Config::short().and(&format!(
        "[router]\nname = \"{name}\"\n\
         [sink.management.http]\nurl = \"https://{ADDRESS}:{PORT}/api/v1/alerts\"\n\
         secret_file = \"{ROUTER_KEY}\"\nca_file = \"{AUTHORITY}\"\n"
    ))
}
