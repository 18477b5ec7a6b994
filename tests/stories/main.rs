//! Stories about a router with real daemons, told from outside: what an operator does or what goes
//! wrong, and what `vrwatch` then does and tells.

#[path = "../harness/mod.rs"]
mod harness;

mod a_booted_debian;
mod alerts;
mod bad_input;
mod broken_files;
mod control;
mod cron;
mod damage;
mod dead_peers;
mod demo;
mod disk;
mod every_way;
mod hold_off;
mod kills_in_delivery;
mod leftovers;
mod minimal;
mod one_at_a_time;
mod outputs;
mod reloading;
mod reloads;
mod restarts;
mod secrets;
mod storm;
mod syslog_outage;
mod systemd;
mod the_box;
mod where_others_fail;
