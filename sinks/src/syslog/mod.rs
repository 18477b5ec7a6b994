//! Tells syslog: the local socket, or a receiver over UDP, TCP or TLS.

mod config;

use crate::Kind;

pub(crate) const KIND: Kind = Kind {
    name: "syslog",
    summary: "writes a line per event to the local syslog or to a receiver over UDP, TCP or TLS",
    sample: include_str!("sample.toml"),
    needs_disk: false,
    build: |section, host| Ok(Box::new(config::Syslog::read(section, host)?)),
};
