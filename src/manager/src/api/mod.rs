//! What is spoken over HTTP: the server with its limits, and the answers.

pub mod access;
mod answers;
pub mod health;
pub mod metrics;
pub mod receive;
pub mod refusal;
pub mod rest;
pub mod server;
pub mod services;
pub mod signed;
mod text;
#[cfg(test)]
mod trial;
mod turns;

pub use crate::clock;
