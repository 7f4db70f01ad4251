//! The binding powers of operators. Calcite's numbers, except that `||` binds less tightly than `+`.

pub(super) const OR: u8 = 22;
pub(super) const AND: u8 = 24;
pub(super) const NOT: u8 = 26;
pub(super) const IS: u8 = 28;
pub(super) const COMPARISON: u8 = 30;
pub(super) const RANGE: u8 = 32;
pub(super) const CONCAT: u8 = 36;
pub(super) const SUM: u8 = 40;
pub(super) const PRODUCT: u8 = 60;
