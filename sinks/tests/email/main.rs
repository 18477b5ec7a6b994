//! The email sink against a real mail server, Debian's exim, and against peers that misbehave.
//! What arrives is read back by Python's `email` package, which shares no code with us.

mod arrives;
#[path = "../syslog/certificates.rs"]
mod certificates;
mod events;
mod exim;
mod fake;
mod faults;
mod letters;
mod logging_in;
mod many;
mod recipients;
mod repeats;
