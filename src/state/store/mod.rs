//! The state of one job in redb: every checkpoint one transaction.
//!
//! * `database`: the file, opening it
//! * `tables`: its tables
//! * `runs`: its places, and how a new one takes that of an earlier run
//! * `changes`: what the instances handed over, as net changes of key groups and namespaces
//! * `commit`: what a checkpoint is written from
//! * `write`: a checkpoint written
//! * `read`: a checkpoint read
//! * `retain`: checkpoints forgotten, blocks merged
//! * `block`, `columns`, `key`, `keys`, `merge`, `lineage`, `record`, `stored_state`: the parts

mod block;
mod changes;
mod columns;
mod commit;
mod database;
mod key;
mod keys;
mod lineage;
mod merge;
mod read;
mod record;
mod retain;
mod runs;
mod stored_state;
mod tables;
mod write;

#[cfg(test)]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    reason = "small numbers, chosen by the tests"
)]
mod tests;

pub use commit::{Commit, CommitStats, OperatorDelta};
pub use database::StateStore;
