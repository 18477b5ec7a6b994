//! Everything that is kept, behind plain methods: `SQLite` in one file, or `MySQL`/`MariaDB` for
//! several management servers side by side. No SQL stands anywhere else.

mod api_sketch;
pub use api_sketch::*;
