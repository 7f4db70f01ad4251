//! Keyed state and where it is kept.
//!
//! Working state lives in its operator, in the shape the operator wants. What crosses this layer is the *delta* that an
//! operator hands over at a barrier ([`StateDelta`]) and the state it starts from ([`RestoredState`]).

mod delta;
mod store;

pub use delta::{KeyedRows, Namespace, RestoredState, StateChange, StateDelta, StateDescriptor};
pub use store::{Commit, CommitStats, OperatorDelta, StateSnapshot, StateStore};
