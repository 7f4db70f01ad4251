//! A plan under construction: what every level of language builds with. It knows operators and streams by name, and
//! nothing of how they were typed.

mod functions;
mod sinks;
mod streams;

pub use functions::check_function;
pub use streams::file_source;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::definitions::{EntryKind, SinkDef, SourceDef};
use super::logical::{LogicalNode, LogicalPlan, NodeKind};
use super::name::check_name;
use super::optimizer::OptimizerOps;
use super::settings::Mode;
use crate::api::{
    Body, BodyInput, BodyNode, OnError, Placement, PlannedOperator, ProcessFunction, Registries, ResultSink, StreamRef,
    StreamShape,
};
use crate::expr::Zone;
use crate::expr::ast::UserFunction;
use crate::types::{Diagnostic, FormerUids, OperatorUid, Schema, Span, Spanned};

/// The environment that a plan is built with besides the catalog: the registries of the layers that it may not import,
/// and where the shell runs.
#[derive(Clone)]
pub struct Environment<'a> {
    /// The registries of what can be named in a statement.
    pub registries: &'a Registries,
    /// Makes the operators that the optimizer puts in.
    pub optimizer: OptimizerOps,
    /// Relative paths start here.
    pub base_dir: PathBuf,
    /// The destination of rows for the person at the terminal.
    pub results: Arc<dyn ResultSink>,
}

/// The body of a stream: whatever can build itself into a plan, be it a pipeline or a query.
pub trait StreamBody: fmt::Debug + Send + Sync {
    /// Builds the stream, which is called `name`, into the plan; returns its end.
    ///
    /// # Errors
    /// A mistake, at its place in the text that defined the stream.
    fn build(&self, name: &str, builder: &mut Builder<'_>) -> Result<(StreamRef, StreamShape), Diagnostic>;
}

/// The names that a builder looks up: the catalog.
pub trait Names {
    /// The definition that `name` stands for: an exact match first, else one that differs only in case.
    fn find(&self, name: &str) -> Option<Named<'_>>;

    /// All there is, by name, with its kind.
    fn all(&self) -> Box<dyn Iterator<Item = (&str, EntryKind)> + '_>;

    /// Whether a stream within a job can't have this name.
    fn is_taken(&self, name: &str) -> bool {
        self.find(name).is_some()
    }
}

/// The definition that a name stands for.
#[derive(Debug, Clone, Copy)]
pub enum Named<'a> {
    /// A source.
    Source(&'a SourceDef),
    /// A sink.
    Sink(&'a SinkDef),
    /// A stream of this name and body.
    Stream(&'a str, &'a Arc<dyn StreamBody>),
    /// A process function.
    Process(&'a Arc<ProcessFunction>),
    /// An expression function.
    Function(&'a Arc<UserFunction>),
    /// A definition of this name and kind that can't be used any more, and why.
    Broken(&'a str, EntryKind, &'a Diagnostic),
}

impl<'a> Named<'a> {
    /// The name as it was defined.
    #[must_use]
    pub fn name(self) -> &'a str {
        match self {
            Self::Source(source) => &source.name,
            Self::Sink(sink) => &sink.name,
            Self::Stream(name, _) | Self::Broken(name, ..) => name,
            Self::Process(process) => &process.name.node,
            Self::Function(function) => &function.name.node,
        }
    }
}

/// The error of a definition that can't be used any more, at the place that names it.
fn unusable(name: &str, kind: EntryKind, error: &Diagnostic, span: Span) -> Diagnostic {
    let error = error.clone().inside(&format!("{} `{name}` can't be used", kind.name()), span);
    if error.help.is_some() { error } else { error.help(format!("define it again; `.forget {name}` forgets it")) }
}

/// The place of an operator in the plan, of which its uid is made.
#[derive(Debug, Clone, Copy)]
pub struct Place<'p> {
    /// The stream that the operator's pipeline defines; of a job's pipeline the one that it reads.
    pub of: &'p str,
    /// The sink that a job's pipeline goes into.
    pub into: Option<&'p str>,
    /// The position of the stage in the pipeline, from 1.
    pub stage: usize,
}

/// A plan under construction. Sources and streams are put into it when they are first read, once a job.
pub struct Builder<'a> {
    names: &'a dyn Names,
    environment: &'a Environment<'a>,
    max_parallelism: u16,
    plan: LogicalPlan,
    /// The streams of this job by name: sources and streams read so far, and side outputs.
    named: BTreeMap<String, (StreamRef, StreamShape)>,
    /// The shape of each stream.
    shapes: BTreeMap<StreamRef, StreamShape>,
    uids: BTreeSet<OperatorUid>,
    /// How often each automatic uid was made.
    made: BTreeMap<String, usize>,
    /// The uids that earlier builds would have made.
    placed: BTreeSet<OperatorUid>,
    /// The streams being built, outermost first.
    building: Vec<String>,
    /// Side outputs that are made further down in the job.
    later: BTreeSet<String>,
    /// The treatment of rows that a source can't read which does not say so itself.
    unreadable: OnError,
    /// The processing time, milliseconds, after which state that nobody writes is forgotten.
    state_ttl_ms: Option<i64>,
    /// The zone in which instants are read as dates and times of day.
    zone: Zone,
    /// Whether all input is read before there are results.
    batch: bool,
    /// Remarks for the person.
    remarks: Vec<String>,
}

impl<'a> Builder<'a> {
    /// An empty plan of a job with so many key groups.
    #[must_use]
    pub fn new(names: &'a dyn Names, environment: &'a Environment<'a>, max_parallelism: u16) -> Self {
        Self {
            names,
            environment,
            max_parallelism,
            plan: LogicalPlan::default(),
            named: BTreeMap::new(),
            shapes: BTreeMap::new(),
            uids: BTreeSet::new(),
            made: BTreeMap::new(),
            placed: BTreeSet::new(),
            building: Vec::new(),
            later: BTreeSet::new(),
            unreadable: OnError::Fail,
            state_ttl_ms: None,
            zone: Zone::default(),
            batch: false,
            remarks: Vec::new(),
        }
    }

    /// The same plan where rows that can't be read are treated so, unless their source says otherwise.
    #[must_use]
    pub const fn unreadable(mut self, on_error: OnError) -> Self {
        self.unreadable = on_error;
        self
    }

    /// The same plan where state that nobody writes for so long, milliseconds of processing time, is forgotten.
    #[must_use]
    pub const fn state_ttl(mut self, ttl_ms: Option<i64>) -> Self {
        self.state_ttl_ms = ttl_ms;
        self
    }

    /// The processing time, milliseconds, after which state that nobody writes is forgotten.
    #[must_use]
    pub const fn state_ttl_ms(&self) -> Option<i64> {
        self.state_ttl_ms
    }

    /// The same plan where instants are read as dates and times of day in `zone`.
    #[must_use]
    pub const fn in_zone(mut self, zone: Zone) -> Self {
        self.zone = zone;
        self
    }

    /// The same plan for a job of this mode.
    #[must_use]
    pub fn in_mode(mut self, mode: Mode) -> Self {
        self.batch = mode == Mode::Batch;
        self
    }

    /// Whether all input is read before there are results.
    #[must_use]
    pub const fn is_batch(&self) -> bool {
        self.batch
    }

    /// The environment that the plan is built with.
    #[must_use]
    pub const fn environment(&self) -> &'a Environment<'a> {
        self.environment
    }

    /// Puts `operator` behind `inputs`; returns its main output, and what is known of it. `parallelism` is that of the
    /// place; an operator that must have one of its own has that.
    ///
    /// Its uid is made of what the pipeline reads and writes and of its name: `bids.print.GroupAggregate`, `…-2` for the
    /// next one there. So stages of another kind come and go, and its state still finds it.
    ///
    /// Where all input is read before there are results, an operator that makes changes of rows gives those that are left.
    pub fn add(
        &mut self,
        operator: Arc<dyn PlannedOperator>,
        inputs: &[StreamRef],
        place: Place<'_>,
        parallelism: Option<&Spanned<u64>>,
    ) -> (StreamRef, StreamShape) {
        let operator = if self.batch { operator.for_batch().unwrap_or(operator) } else { operator };
        let versions = operator.tells_versions();
        let (stream, shape) = self.push_operator(operator, inputs, place, parallelism);
        let appended = |stream: &StreamRef| self.shapes.get(stream).is_some_and(|shape| shape.changelog.is_append());
        if versions || !inputs.iter().all(appended) {
            return (stream, shape);
        }
        self.final_rows((stream, shape), place, parallelism)
    }

    /// The rows that are left of a stream of changes, where all input is read before there are results.
    pub fn final_rows(
        &mut self,
        (stream, shape): (StreamRef, StreamShape),
        place: Place<'_>,
        parallelism: Option<&Spanned<u64>>,
    ) -> (StreamRef, StreamShape) {
        if !self.batch || shape.changelog.is_append() {
            return (stream, shape);
        }
        let operator = (self.environment.optimizer.final_rows)(&shape.schema, &shape.changelog);
        self.shapes.insert(stream, shape);
        self.push_operator(operator, &[stream], place, parallelism)
    }

    fn push_operator(
        &mut self,
        operator: Arc<dyn PlannedOperator>,
        inputs: &[StreamRef],
        place: Place<'_>,
        parallelism: Option<&Spanned<u64>>,
    ) -> (StreamRef, StreamShape) {
        let shapes: Vec<_> = inputs.iter().filter_map(|stream| self.shapes.get(stream)).collect();
        let shape = StreamShape::behind(&*operator, &shapes);
        let (uid, former) = self.operator_uid(place, operator.name());
        let parallelism = parallelism.filter(|_| operator.parallelism().is_none()).cloned();
        let stream = self.push(NodeKind::Operator(operator), inputs.to_vec(), uid, parallelism);
        self.plan.nodes[stream.node].former = former;
        self.shapes.insert(stream, shape.clone());
        (stream, shape)
    }

    /// The place of the next operator, for [`Self::cut`].
    #[must_use]
    pub const fn place(&self) -> usize {
        self.plan.nodes.len()
    }

    /// Takes what was built from the place `first` on out of the plan again: operators, of which the first takes the rows of
    /// a round, and `end` gives those of the next.
    ///
    /// # Errors
    /// At `span`, when there is a source among them.
    pub fn cut(&mut self, first: usize, end: StreamRef, shape: StreamShape, span: Span) -> Result<Body, Diagnostic> {
        let nodes = self.plan.nodes.split_off(first);
        self.shapes.retain(|stream, _| stream.node < first);
        self.named.retain(|_, (stream, _)| stream.node < first);
        let plan = &self.plan;
        let mut others: Vec<(StreamRef, Schema)> = Vec::new();
        let mut input = |stream: StreamRef| match stream.node.checked_sub(first) {
            Some(node) => BodyInput::Node(node, stream.output),
            None => BodyInput::Other(others.iter().position(|(other, _)| *other == stream).unwrap_or_else(|| {
                others.push((stream, plan.schema(stream).unwrap_or_else(|| Schema::new([]))));
                others.len() - 1
            })),
        };
        let mut body = Vec::with_capacity(nodes.len());
        for (at, node) in nodes.into_iter().enumerate() {
            let NodeKind::Operator(operator) = node.kind else {
                return Err(Diagnostic::at(span, "a round can't read a source that it alone reads"));
            };
            let inputs =
                if at == 0 { vec![BodyInput::Round] } else { node.inputs.into_iter().map(&mut input).collect() };
            body.push(BodyNode { operator, inputs });
        }
        let end = input(end);
        Ok(Body { nodes: body, end, others, shape })
    }

    /// Says what is known of `stream`, for operators that read on from there.
    pub fn set_shape(&mut self, stream: StreamRef, shape: StreamShape) {
        self.shapes.insert(stream, shape);
    }

    /// Gives the operator at `node` the uid that was typed for it.
    ///
    /// # Errors
    /// When it can't be one, or is taken in this job.
    pub fn set_uid(&mut self, node: usize, uid: &Spanned<String>) -> Result<(), Diagnostic> {
        check_name("uid", uid)?;
        let new = OperatorUid::new(&uid.node);
        if self.plan.nodes[node].uid == new {
            return Ok(());
        }
        if !self.uids.insert(new.clone()) {
            return Err(Diagnostic::at(uid.span, format!("the uid `{}` is taken in this job", uid.node))
                .help("each stage needs a uid of its own"));
        }
        self.placed.insert(new.clone());
        let old = std::mem::replace(&mut self.plan.nodes[node].uid, new);
        self.uids.remove(&old);
        let former = std::mem::take(&mut self.plan.nodes[node].former);
        if let Some(placed) = former.placed {
            self.placed.remove(&placed);
        }
        Ok(())
    }

    /// Gives the operator at `node` the parallelism that was typed for it; with `shared` others may read it, and no two
    /// may be typed.
    ///
    /// # Errors
    /// When it is 0 or above the number of key groups, or not the one that it must have or was given before.
    pub fn set_parallelism(&mut self, node: usize, parallelism: &Spanned<u64>, shared: bool) -> Result<(), Diagnostic> {
        let limit = u64::from(self.max_parallelism);
        if parallelism.node == 0 || parallelism.node > limit {
            let message = format!("the parallelism must be from 1 to {limit}, not {}", parallelism.node);
            return Err(Diagnostic::at(parallelism.span, message)
                .help("`run NAME with (max_parallelism = N)` sets the most, the number of key groups"));
        }
        let target = &mut self.plan.nodes[node];
        let must = match &target.kind {
            NodeKind::Scan(_) => None,
            NodeKind::Operator(operator) => operator.parallelism(),
        };
        if let Some(must) = must.filter(|&must| u64::try_from(must) != Ok(parallelism.node)) {
            let message = format!("`{}` always runs with parallelism {must}", target.title());
            return Err(Diagnostic::at(parallelism.span, message));
        }
        if let Some(typed) = target.typed_parallelism().filter(|&typed| shared && typed != parallelism.node) {
            let message = format!("`{}` was given parallelism {typed} before", target.title());
            return Err(Diagnostic::at(parallelism.span, message));
        }
        if let Some(most) = target.placement.max_parallelism.filter(|&most| parallelism.node > u64::from(most)) {
            let message = format!("`{}` was given a maximum parallelism of {most} before", target.title());
            return Err(Diagnostic::at(parallelism.span, message));
        }
        if must.is_none() {
            target.parallelism = Some(parallelism.clone());
        }
        Ok(())
    }

    /// Where the operator at `node` runs.
    pub fn placement_mut(&mut self, node: usize) -> &mut Placement {
        &mut self.plan.nodes[node].placement
    }

    /// Gives the operator at `node` the most subtasks that were typed for it.
    ///
    /// # Errors
    /// When that is 0 or above the number of key groups, or below its own parallelism.
    pub fn set_max_parallelism(&mut self, node: usize, most: &Spanned<u64>) -> Result<(), Diagnostic> {
        let limit = self.max_parallelism;
        let typed = u16::try_from(most.node).ok().filter(|typed| (1..=limit).contains(typed));
        let Some(typed) = typed else {
            let message = format!("the maximum parallelism must be from 1 to {limit}, not {}", most.node);
            return Err(Diagnostic::at(most.span, message)
                .help("the most is the job's max_parallelism, the number of its key groups"));
        };
        let target = &mut self.plan.nodes[node];
        if let Some(own) = target.own_parallelism().filter(|&own| own > u64::from(typed)) {
            let message = format!("`{}` has parallelism {own}, more than {typed}", target.title());
            return Err(Diagnostic::at(most.span, message));
        }
        target.placement.max_parallelism = Some(typed);
        Ok(())
    }

    /// The remarks for the person on what was built, a line each.
    pub fn take_remarks(&mut self) -> Vec<String> {
        std::mem::take(&mut self.remarks)
    }

    /// The plan.
    #[must_use]
    pub fn finish(self) -> LogicalPlan {
        self.plan
    }

    fn push(
        &mut self,
        kind: NodeKind,
        inputs: Vec<StreamRef>,
        uid: OperatorUid,
        parallelism: Option<Spanned<u64>>,
    ) -> StreamRef {
        let former = FormerUids::default();
        let placement = Placement::default();
        self.plan.nodes.push(LogicalNode { kind, inputs, uid, former, parallelism, placement, sink: None });
        StreamRef { node: self.plan.nodes.len() - 1, output: 0 }
    }

    /// The uid of an operator of this name at `place`, and those that its state may be stored under besides.
    fn operator_uid(&mut self, place: Place<'_>, name: &str) -> (OperatorUid, FormerUids) {
        let within = uid_of(&[Some(place.of), place.into]);
        let uid = self.next_uid(&format!("{within}.{}", uid_part(name)));
        let kind = uid.as_str().strip_prefix(&within).unwrap_or_default().to_owned();
        let placed = free(&mut self.placed, &format!("{within}.{}.{}", place.stage, uid_part(name)), 1);
        (uid, FormerUids { placed: Some(placed), around: Some((format!("{}.", uid_part(place.of)), kind)) })
    }

    /// The uid `text`, or with `-2`, … behind it when it was made before. One that was typed over since still counts: the
    /// others keep their numbers.
    fn next_uid(&mut self, text: &str) -> OperatorUid {
        let number = self.made.entry(text.to_owned()).or_default();
        *number += 1;
        let uid = free(&mut self.uids, text, *number);
        self.placed.insert(uid.clone());
        uid
    }
}

/// The uid `text` with number `first`, or the first behind it that is not among `taken`, to which it is added.
fn free(taken: &mut BTreeSet<OperatorUid>, text: &str, first: usize) -> OperatorUid {
    for number in first.. {
        let uid = if number == 1 { OperatorUid::new(text) } else { OperatorUid::new(format!("{text}-{number}")) };
        if taken.insert(uid.clone()) {
            return uid;
        }
    }
    OperatorUid::new(text)
}

/// The uid of these parts.
fn uid_of(parts: &[Option<&str>]) -> String {
    parts.iter().flatten().map(|part| uid_part(part)).collect::<Vec<_>>().join(".")
}

/// A name as part of a uid: without blanks and other characters that would have to be quoted where it is typed.
fn uid_part(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() || matches!(c, '_' | '-' | '.') { c } else { '-' }).collect()
}

#[cfg(test)]
mod tests;
