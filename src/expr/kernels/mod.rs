//! The operations of expressions over columns.

mod arithmetic;
mod bits;
mod compare;
mod decimal;
mod divisor;
mod like;
mod logic;
mod operands;
mod temporal;

pub(super) use arithmetic::{arithmetic, can_fail, negate};
pub(super) use compare::{Set, compare, compare_sorted, in_list};
pub(super) use divisor::Multiples;
pub(super) use like::{LikePattern, escape_char, like};
pub(super) use logic::{and, falses, is, not, or, select, trues};
pub(super) use temporal::{Longs, build};
