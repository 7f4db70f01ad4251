//! Layer 3: the plan. Logical plan, then stream graph (operators and exchanges), then job graph (chains).

mod job_graph;
mod logical;
mod stream_graph;

pub use job_graph::{ChainedOperator, JobEdge, JobGraph, JobVertex, Port, SourceTask};
pub use logical::{LogicalNode, LogicalPlan, NodeKind, Scan};
pub use stream_graph::{StreamEdge, StreamGraph, StreamNode};
