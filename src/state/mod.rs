//! Keyed state and where it is kept.
//!
//! Working state lives in its operator, in the shape the operator wants. What crosses this layer is the *delta* that an
//! operator hands over at a barrier ([`StateDelta`]) and the state it starts from ([`RestoredState`]).

mod delta;
mod descriptor;
mod directory;
mod seal;
mod snapshot;
mod store;

pub use delta::{KeyedRows, Namespace, RestoredState, StateChange, StateDelta, StateDescriptor};
pub use descriptor::DescriptorDoc;
pub use directory::{JobDir, StateDir, create_private_directory, create_private_file, file_name_of, sync_directory};
pub use seal::Checksum;
pub use snapshot::{OperatorEntry, SnapshotSource, StateSnapshot, Visit};
pub use store::{Commit, CommitStats, OperatorDelta, StateStore};
