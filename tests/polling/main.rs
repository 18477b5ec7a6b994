//! What pollers get, from the built `vrwatch` and by the front door: CloudStack's management server
//! (its rules written down once more, in Python) over the shim, and pollers with a cursor.

mod cursors;
mod hundred_thousand;
mod log;
mod server;
mod shim;
mod world;
