//! Names and numbers of the parts of a job.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The number of a checkpoint: 1, 2, 3, … in one job's state, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CheckpointId(pub u64);

impl fmt::Display for CheckpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The uid that ties an operator to its state across restarts, rescales and changes of the pipeline: given with `uid
/// 'x'`, or derived from the operator's place in the plan.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OperatorUid(Arc<str>);

/// The uids under which other plans may have stored the state of an operator whose uid was not typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FormerUids {
    /// The one that earlier builds made, of the position of its stage.
    pub placed: Option<OperatorUid>,
    /// The beginning and the end that its uid has whichever sink its pipeline goes into; a sink's own, whatever its place.
    pub around: Option<(String, String)>,
}

impl OperatorUid {
    /// A uid of this text.
    #[must_use]
    pub fn new(uid: impl AsRef<str>) -> Self {
        Self(Arc::from(uid.as_ref()))
    }

    /// The uid's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OperatorUid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The position of a vertex in its job graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VertexId(pub usize);

/// One parallel instance of a vertex.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SubtaskId {
    /// The vertex.
    pub vertex: VertexId,
    /// The number of the instance among the vertex's, from 0.
    pub index: usize,
}

impl fmt::Display for SubtaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.vertex.0, self.index)
    }
}
