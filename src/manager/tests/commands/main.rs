//! The program as it is installed: what its commands print, how they end, and what the server
//! answers.

mod office;
mod program;
mod server;
