//! Stages of the dataflow language: how one line of a registry becomes syntax, help and a planned operator, and what was
//! typed of them.

use std::sync::Arc;

use super::{
    Body, EvictorCall, LookupSource, NamedStream, OrderItem, Pattern, Placement, PlannedOperator, ProcessFunction,
    SelectItem, Signature, StreamRef, StreamShape, TimeRange, TriggerCall, WatermarkClause, WindowCall, Windows,
};
use crate::expr::ast::ExprNode;
use crate::types::{Diagnostic, Span, Spanned};

/// One stage of the language: the registry entry.
#[derive(Debug, Clone, Copy)]
pub struct StageSpec {
    /// The name: `filter`.
    pub name: &'static str,
    /// Other names: `where`.
    pub aliases: &'static [&'static str],
    /// The stage's syntax.
    pub signature: Signature,
    /// One line for listings.
    pub summary: &'static str,
    /// The help text, Markdown-free prose.
    pub help: &'static str,
    /// Statements that run as they stand on the built-in `bids` source; they run as tests.
    pub examples: &'static [&'static str],
    /// The Flink counterpart (`WHERE`, `DataStream.union`), or `None` when Flink has none.
    pub flink: Option<&'static str>,
    /// Checks the arguments against the stream so far and extends it.
    pub bind: fn(&StageArgs, &mut dyn StageContext) -> Result<(), Diagnostic>,
}

/// One parsed argument.
#[derive(Debug, Clone, PartialEq)]
pub enum Arg {
    /// For `Shape::Expr`.
    Expr(ExprNode),
    /// For `Shape::Exprs` and `Shape::Definitions`.
    Exprs(Vec<SelectItem>),
    /// For `Shape::Order`.
    Order(Vec<OrderItem>),
    /// For `Shape::Pattern`.
    Pattern(Pattern),
    /// For `Shape::Duration`, milliseconds, not negative.
    Duration(Spanned<i64>),
    /// For `Shape::Integer`.
    Integer(Spanned<u64>),
    /// For `Shape::Name`, `Shape::Text` and `Shape::Keyword`.
    Name(Spanned<String>),
    /// For `Shape::Names`.
    Names(Vec<Spanned<String>>),
    /// For `Shape::Stream`.
    Stream(NamedStream),
    /// For `Shape::Watermark`.
    Watermark(WatermarkClause),
    /// For `Shape::Range`.
    Range(Spanned<TimeRange>),
    /// For `Shape::Window`.
    Window(WindowCall),
    /// For `Shape::Trigger`.
    Trigger(TriggerCall),
    /// For `Shape::Evictor`.
    Evictor(EvictorCall),
    /// For `Shape::Options`, and of one for `Shape::Setting`.
    Options(Vec<(Spanned<String>, ExprNode)>),
    /// For `Shape::Flag`.
    Flag,
    /// For `Shape::Subtask`: a vertex by number, name or part of its name, and the instance.
    Subtask(Spanned<String>, Spanned<u64>),
    /// For `Shape::Rounds`.
    Rounds(Rounds),
    /// For `Shape::Pipeline`.
    Pipeline(Pipeline),
    /// For `Shape::Pipeline` too.
    Run(RunStatement),
    /// For `Shape::Sink`: one file, which a preview writes its rows to.
    File {
        /// The path as typed; its ending says the format.
        path: Spanned<String>,
        /// `with (overwrite = true)`
        options: Vec<(Spanned<String>, ExprNode)>,
    },
    /// For `Shape::Sink`: the connector call when written out, else the sink's name alone.
    Sink {
        /// The sink's or connector's name.
        name: Spanned<String>,
        /// `file 'path'`
        path: Option<Spanned<String>>,
        /// `with (k = v, …)`
        options: Vec<(Spanned<String>, ExprNode)>,
    },
}

/// A pipeline: where it begins and its stages.
#[derive(Debug, Clone, PartialEq)]
pub struct Pipeline {
    /// The source or stream it reads, or the path of a file.
    pub from: Spanned<String>,
    /// `orders as o | …`: what qualifies its columns in place of that name.
    pub alias: Option<Spanned<String>>,
    /// Whether it reads a file that no source names: `'orders.ndjson' | …`.
    pub file: bool,
    /// The pipeline's stages, in order.
    pub stages: Vec<Stage>,
    /// All of it.
    pub span: Span,
}

/// A stage of a pipeline: which it is, and what was typed behind its name.
#[derive(Debug, Clone)]
pub struct Stage {
    /// The registry entry that its name stands for.
    pub spec: &'static StageSpec,
    /// The stage's arguments.
    pub args: StageArgs,
}

/// The arguments hold the name as it is registered, so that they tell which stage it is.
impl PartialEq for Stage {
    fn eq(&self, other: &Self) -> bool {
        self.args == other.args
    }
}

/// `10 until changed = 0 { stages }`
#[derive(Debug, Clone, PartialEq)]
pub struct Rounds {
    /// Rounds, at most.
    pub most: Spanned<u64>,
    /// The condition, over what a round has done, that makes it the last.
    pub until: Option<ExprNode>,
    /// The stages of a round.
    pub stages: Vec<Stage>,
}

/// The state that a job is to start from, as typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartFrom {
    /// `from latest`: the last checkpoint of the job's name.
    Latest,
    /// `from checkpoint 7`
    Checkpoint(u64),
    /// `from savepoint 'sp/1'`
    Savepoint(String),
}

impl StartFrom {
    /// The one that these clauses say, in its place.
    ///
    /// # Errors
    /// When there are two.
    pub fn among(clauses: &[(Spanned<&'static str>, Arg)]) -> Result<Option<Spanned<Self>>, Diagnostic> {
        let mut found = None;
        for (keyword, arg) in clauses {
            let from = match (keyword.node, arg) {
                ("from latest", _) => Self::Latest,
                ("from checkpoint", Arg::Integer(number)) => Self::Checkpoint(number.node),
                ("from savepoint", Arg::Name(directory)) => Self::Savepoint(directory.node.clone()),
                _ => continue,
            };
            if found.replace(Spanned::new(from, keyword.span)).is_some() {
                return Err(Diagnostic::at(keyword.span, "`from` is given twice").help("a job starts from one state"));
            }
        }
        Ok(found)
    }
}

/// `run name with (…) from … = …`
#[derive(Debug, Clone, PartialEq)]
pub struct RunStatement {
    /// The job's name.
    pub name: Spanned<String>,
    /// `with (…)`
    pub options: Vec<(Spanned<String>, ExprNode)>,
    /// `from …`; without it the job starts from the beginning.
    pub from: Option<StartFrom>,
    /// The job's pipelines: one behind `=`, any number in braces.
    pub pipelines: Vec<Pipeline>,
    /// The whole statement.
    pub span: Span,
    /// The statement's text, as typed.
    pub text: String,
}

/// The parsed arguments of one stage or command. The accessors fail only when the stage's [`Signature`] does not declare what is
/// asked for, and then as an error of ours, not a panic.
#[derive(Debug, Clone, PartialEq)]
pub struct StageArgs {
    /// The stage's or command's name as it is registered, whichever alias was typed.
    pub name: Spanned<String>,
    /// The whole stage.
    pub span: Span,
    /// One for each of [`Signature::head`], then those of [`Signature::optional`] that were typed.
    pub head: Vec<Arg>,
    /// The clauses that were typed: keyword and argument.
    pub clauses: Vec<(Spanned<&'static str>, Arg)>,
}

macro_rules! accessor {
    ($(#[$doc:meta])* $head:ident, $clause:ident, $variant:ident, $ty:ty) => {
        $(#[$doc])*
        ///
        /// # Errors
        /// When the signature says otherwise.
        pub fn $head(&self, index: usize) -> Result<&$ty, Diagnostic> {
            match self.head.get(index) {
                Some(Arg::$variant(value)) => Ok(value),
                _ => Err(self.undeclared()),
            }
        }

        /// The argument of clause `keyword`, if it was typed.
        ///
        /// # Errors
        /// When the signature says otherwise.
        pub fn $clause(&self, keyword: &str) -> Result<Option<&$ty>, Diagnostic> {
            match self.clause(keyword) {
                None => Ok(None),
                Some(Arg::$variant(value)) => Ok(Some(value)),
                Some(_) => Err(self.undeclared()),
            }
        }
    };
}

impl StageArgs {
    /// The argument of clause `keyword`, if it was typed.
    #[must_use]
    pub fn clause(&self, keyword: &str) -> Option<&Arg> {
        self.clauses.iter().find(|(name, _)| name.node == keyword).map(|(_, arg)| arg)
    }

    accessor!(/// The expression at head position `index`.
        expr, clause_expr, Expr, ExprNode);
    accessor!(/// The select list at head position `index`.
        exprs, clause_exprs, Exprs, Vec<SelectItem>);
    accessor!(/// The order at head position `index`.
        order, clause_order, Order, Vec<OrderItem>);
    accessor!(/// The duration at head position `index`, milliseconds.
        duration, clause_duration, Duration, Spanned<i64>);
    accessor!(/// The whole number at head position `index`.
        integer, clause_integer, Integer, Spanned<u64>);
    accessor!(/// The name, text or keyword at head position `index`.
        word, clause_word, Name, Spanned<String>);
    accessor!(/// The names at head position `index`.
        words, clause_words, Names, Vec<Spanned<String>>);
    accessor!(/// The pipeline at head position `index`.
        pipeline, clause_pipeline, Pipeline, Pipeline);
    accessor!(/// The options at head position `index`.
        options, clause_options, Options, Vec<(Spanned<String>, ExprNode)>);
    accessor!(/// The stream at head position `index`.
        stream, clause_stream, Stream, NamedStream);
    accessor!(/// The stretch of time at head position `index`.
        range, clause_range, Range, Spanned<TimeRange>);
    accessor!(/// The pattern at head position `index`.
        pattern, clause_pattern, Pattern, Pattern);
    accessor!(/// What raises the watermark, at head position `index`.
        watermark, clause_watermark, Watermark, WatermarkClause);
    accessor!(/// The window at head position `index`.
        window, clause_window, Window, WindowCall);
    accessor!(/// The trigger at head position `index`.
        trigger, clause_trigger, Trigger, TriggerCall);
    accessor!(/// The rounds at head position `index`.
        rounds, clause_rounds, Rounds, Rounds);
    accessor!(/// The evictor at head position `index`.
        evictor, clause_evictor, Evictor, EvictorCall);

    fn undeclared(&self) -> Diagnostic {
        Diagnostic::at(self.span, format!("the stage `{}` reads an argument its signature lacks", self.name.node))
    }
}

/// The pipeline as a stage that stands in it may read and change it. Implemented by the lowering.
pub trait StageContext {
    /// The stream so far.
    fn shape(&self) -> &StreamShape;

    /// The stream so far, to set keys or a window on.
    fn shape_mut(&mut self) -> &mut StreamShape;

    /// Puts `operator` behind the stream so far, which becomes the operator's main output: its columns and changes,
    /// no keys, no window (set them anew through [`shape_mut`](Self::shape_mut) where they last).
    fn apply(&mut self, operator: Arc<dyn PlannedOperator>);

    /// Puts `operator` behind the stream so far and `others`, as inputs 0, 1, ….
    fn apply_many(&mut self, operator: Arc<dyn PlannedOperator>, others: &[StreamRef]);

    /// Puts `operator` behind the stream `to`, beside the one at hand; returns its main output.
    fn apply_to(&mut self, operator: Arc<dyn PlannedOperator>, to: StreamRef) -> StreamRef;

    /// Binds `stages` behind `head`, which stands behind the stream so far, and takes them out of the plan again: they
    /// become the part of an operator. The stream so far stays what it is.
    ///
    /// # Errors
    /// A mistake in a stage, at its place.
    fn body(&mut self, head: Arc<dyn PlannedOperator>, stages: &[Stage]) -> Result<Body, Diagnostic>;

    /// The stream or source called `name`, lowered into this plan.
    ///
    /// # Errors
    /// When there is none, with the near name.
    fn stream(&mut self, name: &Spanned<String>) -> Result<(StreamRef, StreamShape), Diagnostic>;

    /// The source called `name` as rows are looked up in it: its columns are those of the stream that it would be, which is
    /// not put into the plan.
    ///
    /// # Errors
    /// When there is none, with the near name, or rows can't be looked up in it.
    fn lookup(&mut self, name: &Spanned<String>) -> Result<(LookupSource, StreamShape), Diagnostic>;

    /// The process function called `name`; the functions that it calls are put into its expressions.
    ///
    /// # Errors
    /// When there is none, with the near name.
    fn process_function(&self, name: &Spanned<String>) -> Result<Arc<ProcessFunction>, Diagnostic>;

    /// Makes side output `port` of the operator applied last known as the stream `name` in this job.
    ///
    /// # Errors
    /// When the name is taken.
    fn name_side_output(&mut self, port: usize, name: &Spanned<String>) -> Result<(), Diagnostic>;

    /// The window function `call` names, bound over the stream so far.
    ///
    /// # Errors
    /// When there is none of that name or its arguments do not fit.
    fn window(&self, call: &WindowCall) -> Result<Windows, Diagnostic>;

    /// The sink that [`Arg::Sink`] names or spells out, for the stream so far.
    ///
    /// # Errors
    /// When there is none of that name or its options do not fit.
    fn sink(&mut self, arg: &Arg, span: Span) -> Result<Arc<dyn PlannedOperator>, Diagnostic>;

    /// The job's `ttl`: the processing time, milliseconds, after which state that nobody writes is forgotten, where a stage
    /// does not say so itself.
    fn state_ttl_ms(&self) -> Option<i64>;

    /// Whether the job reads all of its input before it gives results: `mode = 'batch'`.
    fn is_batch(&self) -> bool;

    /// In such a job, makes of a stream of changes the rows that are left of it.
    fn final_rows(&mut self);

    /// Gives the operator applied last this uid.
    ///
    /// # Errors
    /// When it is taken in this job, or nothing was applied yet.
    fn set_uid(&mut self, uid: &Spanned<String>) -> Result<(), Diagnostic>;

    /// Gives the operator applied last (and those behind it, until said otherwise) this parallelism.
    ///
    /// # Errors
    /// When it is 0 or above the maximum parallelism.
    fn set_parallelism(&mut self, parallelism: &Spanned<u64>) -> Result<(), Diagnostic>;

    /// Gives the operator applied last, or the source at the head of a pipeline, this most of subtasks.
    ///
    /// # Errors
    /// When it is 0, above the job's own, or below the parallelism that was typed.
    fn set_max_parallelism(&mut self, most: &Spanned<u64>) -> Result<(), Diagnostic>;

    /// Where the operator applied last runs, or the source at the head of a pipeline.
    fn placement_mut(&mut self) -> &mut Placement;
}
