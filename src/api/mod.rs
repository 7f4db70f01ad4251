//! Layer 2: what an extension implements. An operator, window or connector is one file that implements these traits
//! and one line in its folder's registry; parser, completion, help and explain follow from the [`StageSpec`],
//! [`WindowFnSpec`] or [`ConnectorSpec`] that the line names.

mod arming;
mod connector;
mod context;
mod operator;
mod signature;
mod stage;
mod state_read;
mod time;
mod window;

pub use arming::{Armed, Inputs, Moment, Settled};
pub use connector::{
    Bounds, ConnectorSpec, OptionSpec, OptionValue, Options, PlannedSource, ResultSink, SinkFactory, SinkRequest,
    Source, SourceFactory, SourcePoll, SourceProgress, SourceRequest, SourceStart,
};
pub use context::{OnError, OperatorContext, OperatorMetrics};
pub use operator::{
    Committer, Exchange, Operator, Output, PlannedOperator, Pruned, Rejected, Role, SideOutput, SinkOwner,
    dead_letter_schema,
};
pub use signature::{
    Arg, Clause, CommandSyntax, NamedExpr, Pipeline, RunStatement, SelectItem, Shape, Signature, StageArgs, WindowCall,
};
pub use stage::{StageContext, StageSpec, StreamRef, StreamShape};
pub use state_read::{StateRead, StateReader};
pub use time::{EventTimeSpec, TimeSpans, WatermarkGenerator};
pub use window::{WindowAssigner, WindowFnSpec, WindowSpec};
