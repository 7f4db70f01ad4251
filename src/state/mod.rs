//! Keyed state and where it is kept.
//!
//! Working state lives in its operator, in the shape the operator wants. What crosses this layer is the *delta* that an
//! operator hands over at a barrier ([`StateDelta`]) and the state it starts from ([`RestoredState`]).

mod definitions;
mod delta;
mod descriptor;
mod directory;
mod find;
mod operator_state;
mod seal;
mod slices;
mod snapshot;
mod spill;
mod store;
mod take_up;
mod written;

pub use definitions::{Definition, Definitions, DefinitionsFile};
pub use delta::{DeferredRows, KeyedRows, Namespace, RestoredState, StateChange, StateDelta};
pub use descriptor::{Expiry, Refresh, StateDescriptor};
pub use directory::{
    JobDir, StateDir, create_private_directory, create_private_file, file_name_of, job_directories, job_path,
    sync_directory,
};
pub use operator_state::{Instance, OperatorEntry, OperatorStateDescriptor, Redistribution};
pub use seal::Checksum;
pub use slices::Slices;
pub use snapshot::{SnapshotSource, StateSnapshot, Visit};
pub use spill::{Found, ManagedMemory, Mark, Spill};
pub use store::{Commit, CommitStats, OperatorDelta, StateStore};
pub use take_up::{Differs, TakeUp};
pub(crate) use written::intern;
pub use written::{DescriptorDoc, OperatorStateDoc};
