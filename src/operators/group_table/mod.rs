//! Rows of keys to dense group numbers.

mod arena;
mod probe;
mod table;

pub use table::{GroupTable, NO_GROUP};
