//! Layer 2: what an extension implements. An operator, window or connector is one file that implements these traits
//! and one line in its folder's registry; parser, completion, help and explain follow from the [`StageSpec`],
//! [`WindowFnSpec`] or [`ConnectorSpec`] that the line names.

mod arming;
mod body;
mod changelog;
mod connector;
mod context;
mod event_time;
mod lookup;
mod operator;
mod pattern;
mod placement;
mod process;
mod registries;
mod signature;
mod stage;
mod state_read;
mod stream;
mod time;
mod window;

pub use arming::{Armed, Inputs, Moment, Settled};
pub use body::{Body, BodyInput, BodyNode};
pub use changelog::{ChangelogMode, UpdateKind};
pub use connector::{
    Bounds, ConnectorSpec, LookupSource, OptionSpec, OptionValue, Options, PlannedSource, PreviewStart, ResultSink,
    SinkFactory, SinkRequest, Source, SourceFactory, SourcePoll, SourceProgress, SourceRequest, SourceStart,
};
pub use context::{OnError, OperatorContext, OperatorMetrics};
pub use event_time::{EventTimeEvaluator, EventTimeSpec, RowTimes, WatermarkClause, WatermarkSpec};
pub use lookup::{Found, Lookup, LookupStart, LookupTable};
pub use operator::{
    Committer, Exchange, Operator, Output, PlannedOperator, Pruned, Rejected, Role, SideOutput, SinkOwner,
    dead_letter_schema,
};
pub use pattern::{Link, Pattern};
pub use placement::{Chaining, DEFAULT_SLOT_GROUP, Placement};
pub use process::{Action, Handler, On, ProcessFunction, StateDecl, StateKind, StateTtl, each_action};
pub use registries::{Registries, Side};
pub use signature::{
    Clause, CommandSpec, EvictorCall, FROM_CHECKPOINT, FROM_LATEST, FROM_SAVEPOINT, NamedExpr, NamedStream, OrderItem,
    SelectItem, Shape, Signature, TimeRange, TriggerCall, TriggerWhen, WindowCall,
};
pub use stage::{Arg, Pipeline, Rounds, RunStatement, Stage, StageArgs, StageContext, StageSpec, StartFrom};
pub use state_read::{StateRead, StateReader};
pub use stream::{Connected, StreamRef, StreamShape, TimeAttribute, TimeAttributes};
pub use time::{TimeSpans, WatermarkGenerator};
pub use window::{
    Evictor, Gap, Trigger, When, WindowAssigner, WindowFnSpec, WindowSide, WindowSpec, WindowTime, Windows,
    show_duration,
};
