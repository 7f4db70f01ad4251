//! The operators of jobs that read all of their input before they give results.

mod final_rows;
mod in_time_order;
mod order_by;
mod sorter;
mod time_ordered;

#[cfg(test)]
mod tests;

pub use final_rows::FinalRows;
pub(super) use final_rows::{AT_THE_END, places};
pub(super) use in_time_order::InTimeOrder;
pub use order_by::SortAll;
pub(super) use order_by::sort_all;
pub(super) use sorter::{Sorted, Sorter, SortsAll};
pub(super) use time_ordered::Passes;
