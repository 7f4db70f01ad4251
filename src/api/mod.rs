//! Layer 2: what an extension implements. An operator, window or connector is one file that implements these traits
//! and one line in its folder's registry; parser, completion, help and explain follow from the [`StageSpec`],
//! [`WindowFnSpec`] or [`ConnectorSpec`] that the line names.

mod changelog;
mod connector;
mod context;
mod operator;
mod signature;
mod stage;
mod state_read;
mod time;
mod window;

pub use changelog::{ChangelogMode, UpdateKind};
pub use connector::{
    Bounds, ConnectorSpec, OptionSpec, OptionValue, Options, PlannedSource, ResultSink, SinkFactory, SinkRequest,
    Source, SourceFactory, SourcePoll, SourceProgress, SourceRequest, SourceStart,
};
pub use context::{OnError, OperatorContext, OperatorMetrics};
pub use operator::{
    Committer, Exchange, Operator, Output, PlannedOperator, Pruned, Rejected, Role, SideOutput, dead_letter_schema,
};
pub use signature::{
    Arg, Clause, CommandSyntax, NamedExpr, Pipeline, RunStatement, SelectItem, Shape, Signature, StageArgs, WindowCall,
};
pub use stage::{StageContext, StageSpec, StreamRef, StreamShape, TimeAttribute, TimeAttributes};
pub use state_read::{StateRead, StateReader};
pub use time::{EventTimeSpec, TimeSpans, WatermarkGenerator};
pub use window::{WindowAssigner, WindowFnSpec, WindowSpec};
