//! Joins: one file a kind. `stage` binds what was typed; `spec` is what all have in common.

mod condition;
mod contents;
mod interval;
mod kind;
mod lookup;
mod merge;
mod pairs;
mod regular;
mod side;
mod spec;
mod stage;
mod temporal;

#[cfg(test)]
mod tests;

pub use interval::IntervalJoin;
pub use kind::JoinKind;
pub use lookup::LookupJoin;
pub use regular::RegularJoin;
pub use temporal::TemporalJoin;

pub(super) use condition::{Condition, Key};
pub(super) use pairs::Pairing;
pub(super) use spec::JoinSpec;
pub(super) use stage::JOINS;
