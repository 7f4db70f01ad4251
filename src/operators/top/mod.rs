//! `top 3 by n desc per channel as rank`: the first rows in an order, continuously, or once for each window: Flink's `Rank`
//! and `WindowRank`.

mod append;
mod emitted;
mod planned;
mod retract;
mod spec;
mod stage;
mod windowed;

#[cfg(test)]
mod tests;

pub use spec::TopN;
pub(super) use stage::{TOP, first_to_arrive};
