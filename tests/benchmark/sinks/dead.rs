//! Receivers that are no use: nobody there at all, and somebody who takes the connection and says
//! nothing. Each sink in front of both, as its defaults have it but for a short time limit, so that it
//! comes again often.

use std::net::{TcpListener, UdpSocket};
use std::path::Path;

use super::told::Written;

/// What a dead receiver does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Refuses at once.
    Down,
    /// Never answers.
    Hangs,
}

/// A sink whose receiver is dead.
pub(super) struct Dead {
    pub(super) name: String,
    pub(super) sink: Written,
    _tcp: Option<TcpListener>,
    _udp: Option<UdpSocket>,
}

/// One of each, without the one that cannot be had: a log file whose disk hangs.
pub(super) fn all(folder: &Path) -> anyhow::Result<Vec<Dead>> {
    let mut all = Vec::new();
    for way in [Way::Down, Way::Hangs] {
        all.push(over_tcp("syslog", way, |port| {
            format!("target = \"tcp:127.0.0.1:{port}\"\ntimeout = \"1s\"")
        })?);
        // The system's authorities are read for each try, as they are by default.
        all.push(over_tcp("http", way, |port| {
            format!("url = \"https://127.0.0.1:{port}/\"\ntimeout = \"1s\"")
        })?);
        all.push(over_tcp("email", way, |port| {
            format!(
                "server = \"smtps://127.0.0.1:{port}\"\nfrom = \"vrwatch@example\"\n\
                 to = [\"ops@example\"]\ndigest = \"0s\"\ntimeout = \"1s\""
            )
        })?);
        all.push(over_udp(way, folder)?);
    }
    let body = format!("log = \"{}/absent/log\"", folder.display());
    all.push(Dead {
        name: "poll, without its folder".to_owned(),
        sink: Written::new("poll", body),
        _tcp: None,
        _udp: None,
    });
    Ok(all)
}

fn over_tcp(kind: &'static str, way: Way, body: impl Fn(u16) -> String) -> anyhow::Result<Dead> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    Ok(Dead {
        name: name(kind, way),
        sink: Written::new(kind, body(port)),
        _tcp: (way == Way::Hangs).then_some(listener),
        _udp: None,
    })
}

fn over_udp(way: Way, folder: &Path) -> anyhow::Result<Dead> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let body = format!(
        "target = \"udp:{}\"\nversion = \"v2c\"\nkind = \"inform\"\ncommunity_file = \"{}\"\n\
         timeout = \"1s\"",
        socket.local_addr()?,
        crate::peers::snmptrapd::secret(folder, "dead", "community")?.display()
    );
    Ok(Dead {
        name: name("snmp", way),
        sink: Written::new("snmp", body),
        _tcp: None,
        _udp: (way == Way::Hangs).then_some(socket),
    })
}

fn name(kind: &str, way: Way) -> String {
    let way = match way {
        Way::Down => "down",
        Way::Hangs => "hangs",
    };
    format!("{kind}, {way}")
}
