//! Windows: their assigners, the `window` stage, and the aggregate that they are for.

pub mod assigners;
mod late_rows;
mod operator;
mod planned;
mod slice;
mod stage;
mod tree;

pub use planned::WindowAggregate;
pub(super) use stage::WINDOW;

#[cfg(test)]
mod tests;
