//! Layer 3: the plan. Logical plan, then stream graph (operators and exchanges), then job graph (chains).

mod catalog;
pub mod explain;
mod job_graph;
mod logical;
mod optimizer;
mod settings;
mod stream_graph;

#[cfg(test)]
pub mod testing;

pub use catalog::{Catalog, Entry, MAX_NAME_BYTES, SinkDef, SourceDef, StreamDef, check_name};
pub use job_graph::{ChainedOperator, JobEdge, JobGraph, JobVertex, Port, SourceTask, task_manager_of};
pub use logical::{DeadLetterSink, LogicalNode, LogicalPlan, NodeKind, Scan};
pub use optimizer::{MakeFilter, MakeProjection, OptimizerOps};
pub use settings::JobSettings;
pub use stream_graph::{StreamEdge, StreamGraph, StreamNode};
