//! The whole of REST over a real connection, on a real store.

mod log_in;
mod misuse;
mod routes;
mod stories;
mod world;
