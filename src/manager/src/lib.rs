//! The management server: decides what every router watches and gets it there, takes alerts in by
//! HTTP and by visits, stores each once, and forwards what it stored.
//!
//! `plan` is pure, SQL lives in `store` alone, HTTP servers in `api` alone; `cli` composes.

#![forbid(unsafe_code)]

mod acceptable;
pub mod api;
pub mod cli;
pub mod clock;
pub mod config;
pub mod forward;
mod owner;
pub mod plan;
pub mod routers;
pub mod serve;
pub mod store;
