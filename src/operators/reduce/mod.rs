//! `reduce`: rows of a key are put together two at a time, behind a window or not.

mod operator;
mod planned;
mod reducer;
mod spec;
mod stage;
#[cfg(test)]
mod tests;

pub(in crate::operators) use reducer::Reducer;
pub(super) use stage::REDUCE;
