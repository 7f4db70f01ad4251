//! Layer 3: the plan. Logical plan, then stream graph (operators and exchanges), then job graph (chains).

mod builder;
mod catalog;
mod definitions;
pub mod explain;
mod job_graph;
mod logical;
mod name;
mod optimizer;
mod port;
mod settings;
mod stream_graph;

#[cfg(test)]
pub mod testing;

pub use builder::{Builder, Environment, Named, Names, Place, StreamBody, check_function, file_source};
pub use catalog::{Catalog, Deferred, Entry, Item, Level, Origin, StreamDef};
pub use definitions::{EntryKind, PrimaryKey, SinkDef, SourceDef};
pub use job_graph::{ChainedOperator, JobEdge, JobGraph, JobVertex, SourceTask, task_manager_of};
pub use logical::{DeadLetterSink, LogicalNode, LogicalPlan, NodeKind, Scan};
pub use name::{MAX_NAME_BYTES, check_name};
pub use optimizer::{MakeFilter, MakeProjection, OptimizerOps};
pub use port::Port;
pub use settings::{DEFAULT_MEMORY_BYTES, JobSettings, Mode};
pub use stream_graph::{StreamEdge, StreamGraph, StreamNode};
