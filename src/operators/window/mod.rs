//! Windows: their assigners, the `window` stage, and the aggregate that they are for.

pub mod assigners;
mod late_rows;
mod operator;
mod planned;
mod slice;
mod spec;
mod stage;
mod tree;

pub use spec::WindowAggregate;
pub(super) use stage::WINDOW;

#[cfg(test)]
mod tests;
