//! The SNMP sink against real receivers: net-snmp's snmptrapd in every dialect, and peers that
//! misbehave. Everything goes in by the front door: a section of configuration and a batch.

mod arrives;
mod engines;
mod events;
mod hostile;
mod mib;
mod refusals;
mod snmptrapd;
