//! `iterate 10 until changed = 0 { … }`: stages that run again and again on their own rows.

mod operator;
mod planned;
mod round;
mod spec;
mod stage;

pub use spec::Iterate;
pub(super) use stage::ITERATE;
