//! The http sink against real receivers (a webhook whose signatures are checked by the independent
//! Python library, Debian's Alertmanager), a CloudStack that checks signatures in its own way, and
//! peers that misbehave. Everything goes in by the front door: a section and a batch.

#[path = "../shared/acceptor.rs"]
mod acceptor;
mod alertmanager;
#[path = "../syslog/certificates.rs"]
mod certificates;
mod cloudstack;
mod events;
mod hostile_peers;
mod hostile_tls;
#[path = "../shared/interpreter.rs"]
mod interpreter;
mod peer;
mod plan;
mod proxies;
mod python;
mod webhooks;
