//! The store on both databases: every story is told once and holds on `SQLite` and on a real
//! `MariaDB`.

#[path = "../peers/mariadb.rs"]
mod mariadb;
#[path = "../peers/small_disk.rs"]
mod small_disk;
mod world;

mod alerts;
mod crash;
mod forwarding;
mod full;
mod history;
mod inventory;
mod keys;
mod people;
mod properties;
mod pushes;
mod retention;
mod silences;
mod silent_days;
mod starting;
mod visits;
