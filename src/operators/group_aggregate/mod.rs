//! The aggregate without a window: a changelog.

mod final_results;
mod operator;
mod planned;
mod spec;

pub(in crate::operators) use operator::unchanged_pairs;
pub use spec::GroupAggregate;

#[cfg(test)]
mod tests;
