//! The import from a live CloudStack, against one in Python that checks signatures by itself.

mod fake;
mod trouble;
mod whole;
