//! The aggregate without a window: a changelog.

mod operator;
mod planned;
mod spec;

pub use spec::GroupAggregate;

#[cfg(test)]
mod tests;
