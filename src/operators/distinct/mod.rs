//! `distinct on k keep last`: one row for each key, the first or the last: Flink's `Deduplicate`.

mod due;
mod last;
mod planned;
mod seen;
mod spec;
mod stage;

#[cfg(test)]
mod tests;

pub use spec::Distinct;
pub(super) use stage::DISTINCT;
