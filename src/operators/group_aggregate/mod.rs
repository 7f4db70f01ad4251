//! The aggregate without a window: a changelog.

mod operator;
mod planned;

pub use planned::GroupAggregate;

#[cfg(test)]
mod tests;
