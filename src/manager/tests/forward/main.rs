//! Forwarding on both databases: what is stored is told to every sink, whoever's turn it is.

#[path = "../peers/exim.rs"]
mod exim;
#[path = "../peers/mariadb.rs"]
mod mariadb;
#[path = "../store/world.rs"]
#[allow(
    dead_code,
    reason = "shared with the store's stories, which need more of it"
)]
mod world;

mod receiver;
mod silences;
mod storms;
mod turns;
