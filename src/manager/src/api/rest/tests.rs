//! The whole of REST over a real connection, on a real store: `SQLite`'s and `MariaDB`'s.

mod log_in;
#[path = "../../../tests/peers/mariadb.rs"]
#[allow(dead_code, reason = "the tests of the store use the rest")]
mod mariadb;
mod misuse;
mod refused;
mod routes;
mod stories;
mod world;
