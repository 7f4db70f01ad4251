//! Where an operator runs, as typed behind its stage.

/// Where an operator runs, besides its parallelism.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Placement {
    /// `max_parallelism n`: more subtasks it never has, whatever the job is rescaled to.
    pub max_parallelism: Option<u16>,
    /// `chain off`, `chain new`
    pub chaining: Chaining,
    /// `slot_group 'x'`; without it the group of its inputs.
    pub slot_group: Option<String>,
}

/// Whether an operator runs in one chain with those around it: Flink's `ChainingStrategy`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Chaining {
    /// With both, where that can be.
    #[default]
    Always,
    /// It begins a chain.
    New,
    /// Alone.
    Off,
}

/// The slot-sharing group of operators that are in no other.
pub const DEFAULT_SLOT_GROUP: &str = "default";
