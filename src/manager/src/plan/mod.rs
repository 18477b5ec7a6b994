//! What a router watches, and why: pure functions of the inventory. No I/O.

pub mod inventory;
