//! Windows: their assigners, the `window` stage, and the aggregate that they are for.

pub mod assigners;
mod general;
mod late_rows;
mod operator;
mod planned;
mod slice;
mod spec;
mod stage;
mod tree;

pub(super) use general::{Incremental, WindowOperator, WindowReduce};
pub(super) use stage::{WINDOW, apply_window};
pub use spec::WindowAggregate;

#[cfg(test)]
mod tests;
