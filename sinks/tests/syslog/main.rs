//! The syslog sink against real receivers: rsyslogd over every transport, and peers that
//! misbehave. Everything goes in by the front door: a section of configuration and a batch.

#[path = "../shared/acceptor.rs"]
mod acceptor;
mod arrives;
mod certificates;
mod events;
mod hostile_peers;
mod hostile_tls;
mod local_socket;
mod restarts;
mod rsyslogd;
