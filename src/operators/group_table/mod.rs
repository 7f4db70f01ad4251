//! Rows of keys to dense group numbers.

mod arena;
mod int_probe;
mod probe;
mod table;

pub use table::{GroupTable, NO_GROUP};
