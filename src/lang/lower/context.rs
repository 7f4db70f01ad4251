//! A pipeline while it is lowered: what its stages see through [`StageContext`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::environment::Environment;
use super::sink::{self, SinkArg};
use crate::api::{
    Arg, ChangelogMode, PlannedOperator, StageContext, StreamRef, StreamShape, TimeAttributes, WindowAssigner,
    WindowCall,
};
use crate::plan::{Catalog, Entry, LogicalNode, LogicalPlan, NodeKind, Scan, SourceDef, StreamDef, check_name};
use crate::types::{Diagnostic, OperatorUid, Span, Spanned};

/// How deep streams may be defined of streams. Each level costs stack while it is lowered.
const DEEPEST_STREAM: usize = 100;

/// A plan under construction. Sources and streams are put into it when they are first read, once a job.
pub(super) struct Lowering<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) environment: &'a Environment<'a>,
    pub(super) max_parallelism: u16,
    pub(super) plan: LogicalPlan,
    /// The streams of this job by name: sources and streams lowered so far, and side outputs.
    named: BTreeMap<String, (StreamRef, StreamShape)>,
    /// What is known of each stream that was ever the end of a pipeline.
    shapes: BTreeMap<StreamRef, StreamShape>,
    uids: BTreeSet<OperatorUid>,
    /// The streams being expanded, outermost first.
    pub(super) expanding: Vec<String>,
    /// Side outputs of pipelines that stand further down in the block.
    pub(super) later: BTreeSet<String>,
    pub(super) pipe: Pipe,
}

/// The pipeline at hand.
pub(super) struct Pipe {
    /// What the uids of its operators begin with.
    prefix: String,
    /// The position of the stage at hand, from 1.
    pub(super) stage: usize,
    at: StreamRef,
    shape: StreamShape,
    /// The operator applied last.
    applied: Option<usize>,
    /// `parallelism n`, for the operators to come.
    parallelism: Option<Spanned<u64>>,
    /// The sink that the stage at hand asked for.
    sink: Option<String>,
}

impl Pipe {
    /// A pipeline that begins with the stream at `at`.
    pub(super) fn new(prefix: &str, at: StreamRef, shape: StreamShape) -> Self {
        Self { prefix: uid_part(prefix), stage: 0, at, shape, applied: None, parallelism: None, sink: None }
    }
}

impl<'a> Lowering<'a> {
    pub(super) fn new(catalog: &'a Catalog, environment: &'a Environment<'a>, max_parallelism: u16) -> Self {
        let nothing = StreamShape::of(crate::types::Schema::new([]));
        Self {
            catalog,
            environment,
            max_parallelism,
            plan: LogicalPlan::default(),
            named: BTreeMap::new(),
            shapes: BTreeMap::new(),
            uids: BTreeSet::new(),
            expanding: Vec::new(),
            later: BTreeSet::new(),
            pipe: Pipe::new("", StreamRef { node: 0, output: 0 }, nothing),
        }
    }

    /// The uid `text`, or `text-2`, … where that is taken.
    fn free_uid(&mut self, text: &str) -> OperatorUid {
        let mut uid = OperatorUid::new(text);
        let mut number = 2;
        while !self.uids.insert(uid.clone()) {
            uid = OperatorUid::new(format!("{text}-{number}"));
            number += 1;
        }
        uid
    }

    /// A uid for what has no place in a pipeline.
    pub(super) fn derived_uid(&mut self, parts: &[&str]) -> OperatorUid {
        self.free_uid(&parts.iter().map(|part| uid_part(part)).collect::<Vec<_>>().join("."))
    }

    fn scan(&mut self, def: &SourceDef) -> (StreamRef, StreamShape) {
        let schema = def.source.schema().clone();
        let columns: Vec<usize> = (0..schema.len()).collect();
        let uid = self.free_uid(&format!("{}.source", uid_part(&def.name)));
        self.plan.nodes.push(LogicalNode {
            kind: NodeKind::Scan(Scan {
                name: def.name.clone(),
                source: def.source.clone(),
                projection: columns.clone(),
                event_time: def.event_time.clone(),
                filter: None,
                output: columns,
                schema,
                pace: def.pace,
                on_error: def.on_error,
            }),
            inputs: Vec::new(),
            uid,
            parallelism: None,
            sink: None,
        });
        (StreamRef { node: self.plan.nodes.len() - 1, output: 0 }, def.shape())
    }

    /// Lowers a stream of the catalog in the middle of another pipeline.
    fn expand(&mut self, def: &StreamDef, name: &Spanned<String>) -> Result<(StreamRef, StreamShape), Diagnostic> {
        if self.expanding.len() >= DEEPEST_STREAM {
            let message = format!("streams are defined of streams more than {DEEPEST_STREAM} deep here");
            return Err(Diagnostic::at(name.span, message));
        }
        let before = Pipe::new(&def.name, self.pipe.at, self.pipe.shape.clone());
        let outer = std::mem::replace(&mut self.pipe, before);
        self.expanding.push(def.name.clone());
        let lowered = self.pipeline(&def.pipeline, &def.name, false);
        self.expanding.pop();
        self.pipe = outer;
        // The places in it are those of the statement that defined the stream, so the error is shown where it is read.
        lowered.map_err(|error| Diagnostic {
            message: format!("in stream `{}`: {}", def.name, error.message),
            span: Some(name.span),
            label: None,
            help: error.help,
        })
    }

    fn unknown_stream(&self, name: &Spanned<String>) -> Diagnostic {
        if self.later.contains(&name.node) {
            return Diagnostic::at(name.span, format!("`{}` is made by a pipeline further down", name.node))
                .help("put the pipeline that makes it before the one that reads it");
        }
        let local = self.named.keys().map(String::as_str);
        self.catalog.unknown("stream or source", name, |entry| !matches!(entry, Entry::Sink(_)), local)
    }

    /// Where the pipeline at hand stands now, for another that reads on from there.
    pub(super) fn end(&mut self) -> (StreamRef, StreamShape) {
        self.shapes.insert(self.pipe.at, self.pipe.shape.clone());
        (self.pipe.at, self.pipe.shape.clone())
    }

    /// Puts a sink behind the stream so far.
    pub(super) fn apply_sink(&mut self, operator: Arc<dyn PlannedOperator>, name: &str) {
        self.pipe.sink = Some(name.to_owned());
        self.apply(operator);
    }
}

/// A name as part of a uid: without blanks and other characters that would have to be quoted where it is typed.
fn uid_part(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() || matches!(c, '_' | '-' | '.') { c } else { '-' }).collect()
}

impl StageContext for Lowering<'_> {
    fn shape(&self) -> &StreamShape {
        &self.pipe.shape
    }

    fn shape_mut(&mut self) -> &mut StreamShape {
        &mut self.pipe.shape
    }

    fn apply(&mut self, operator: Arc<dyn PlannedOperator>) {
        self.apply_many(operator, &[]);
    }

    fn apply_many(&mut self, operator: Arc<dyn PlannedOperator>, others: &[StreamRef]) {
        let (at, _) = self.end();
        let inputs: Vec<StreamRef> = std::iter::once(at).chain(others.iter().copied()).collect();
        let shapes: Vec<_> = inputs.iter().filter_map(|stream| self.shapes.get(stream)).collect();
        let shape = StreamShape::behind(&*operator, &shapes);
        let uid = format!("{}.{}.{}", self.pipe.prefix, self.pipe.stage, uid_part(operator.name()));
        let uid = self.free_uid(&uid);
        // Where it must have a parallelism of its own, the one that was typed is for those behind it.
        let parallelism = self.pipe.parallelism.clone().filter(|_| operator.parallelism().is_none());
        let sink = self.pipe.sink.take();
        self.plan.nodes.push(LogicalNode { kind: NodeKind::Operator(operator), inputs, uid, parallelism, sink });
        let node = self.plan.nodes.len() - 1;
        self.pipe.applied = Some(node);
        self.pipe.at = StreamRef { node, output: 0 };
        self.pipe.shape = shape;
    }

    fn stream(&mut self, name: &Spanned<String>) -> Result<(StreamRef, StreamShape), Diagnostic> {
        if let Some(known) = self.named.get(&name.node) {
            return Ok(known.clone());
        }
        let found = self.catalog.get(&name.node);
        // Also when the catalog lacks it: a stream is defined only when it is bound.
        let called = found.map_or(name.node.as_str(), Entry::name);
        if self.expanding.iter().any(|open| open == called) {
            return Err(Diagnostic::at(name.span, format!("the stream `{called}` reads itself")));
        }
        if let Some(known) = self.named.get(called) {
            return Ok(known.clone());
        }
        let lowered = match found {
            None => return Err(self.unknown_stream(name)),
            Some(Entry::Sink(sink)) => {
                return Err(Diagnostic::at(name.span, format!("`{}` is a sink, and can't be read", sink.name)));
            }
            Some(Entry::Source(def)) => self.scan(def),
            Some(Entry::Stream(def)) => self.expand(def, name)?,
        };
        self.shapes.insert(lowered.0, lowered.1.clone());
        self.named.insert(called.to_owned(), lowered.clone());
        Ok(lowered)
    }

    fn name_side_output(&mut self, port: usize, name: &Spanned<String>) -> Result<(), Diagnostic> {
        check_name("stream", name)?;
        if self.named.contains_key(&name.node) || self.catalog.get(&name.node).is_some() {
            return Err(Diagnostic::at(name.span, format!("the name `{}` is taken", name.node))
                .help("a side output needs a name of its own"));
        }
        let side = self.pipe.applied.and_then(|node| {
            let stream = StreamRef { node, output: port + 1 };
            Some((stream, self.plan.schema(stream)?))
        });
        let Some((stream, schema)) = side else {
            return Err(Diagnostic::at(name.span, "the stage has no such side output"));
        };
        let inputs = &self.plan.nodes[stream.node].inputs;
        let known: Vec<_> = inputs.iter().filter_map(|input| self.shapes.get(input)).collect();
        let time = TimeAttributes { event_time: known.iter().all(|shape| shape.time.event_time), columns: Vec::new() };
        let append = known.iter().all(|shape| shape.changelog.is_append());
        let changelog = if append { ChangelogMode::Append } else { ChangelogMode::Retract(None) };
        let shape = StreamShape { time, changelog, ..StreamShape::of(schema) };
        self.shapes.insert(stream, shape.clone());
        self.named.insert(name.node.clone(), (stream, shape));
        Ok(())
    }

    fn window(&self, call: &WindowCall) -> Result<Arc<dyn WindowAssigner>, Diagnostic> {
        self.environment.registries.window(call)
    }

    fn sink(&mut self, arg: &Arg, span: Span) -> Result<Arc<dyn PlannedOperator>, Diagnostic> {
        let Arg::Sink { name, path, options } = arg else {
            return Err(Diagnostic::at(span, "expected a sink"));
        };
        if let Some(window) = &self.pipe.shape.window {
            return Err(Diagnostic::at(
                span,
                format!("nothing is done with the window {}", window.assigner.describe()),
            )
            .help("an `aggregate` belongs between `window` and `into`"));
        }
        let sink = SinkArg { name, target: path.as_ref(), options };
        let operator = sink::resolve(self.catalog, self.environment, &sink, &self.pipe.shape, span)?;
        let defined = self.catalog.get(&name.node).filter(|_| path.is_none());
        self.pipe.sink = Some(defined.map_or(name.node.as_str(), Entry::name).to_owned());
        Ok(operator)
    }

    fn set_uid(&mut self, uid: &Spanned<String>) -> Result<(), Diagnostic> {
        check_name("uid", uid)?;
        let Some(node) = self.pipe.applied else {
            return Err(Diagnostic::at(uid.span, "there is no operator before this to give a uid to")
                .help("`uid` stands behind the stage that it names"));
        };
        let new = OperatorUid::new(&uid.node);
        if self.plan.nodes[node].uid == new {
            return Ok(());
        }
        if !self.uids.insert(new.clone()) {
            return Err(Diagnostic::at(uid.span, format!("the uid `{}` is taken in this job", uid.node)));
        }
        let old = std::mem::replace(&mut self.plan.nodes[node].uid, new);
        self.uids.remove(&old);
        Ok(())
    }

    fn set_parallelism(&mut self, parallelism: &Spanned<u64>) -> Result<(), Diagnostic> {
        let limit = u64::from(self.max_parallelism);
        if parallelism.node == 0 || parallelism.node > limit {
            let message = format!("the parallelism must be from 1 to {limit}, not {}", parallelism.node);
            return Err(Diagnostic::at(parallelism.span, message)
                .help("the most is the job's max_parallelism, the number of its key groups"));
        }
        // At the head of a pipeline it is the source's, as in Flink.
        let node = self.pipe.applied.unwrap_or(self.pipe.at.node);
        let target = &mut self.plan.nodes[node];
        let must = match &target.kind {
            NodeKind::Scan(_) => None,
            NodeKind::Operator(operator) => operator.parallelism(),
        };
        if let Some(must) = must.filter(|&must| u64::try_from(must) != Ok(parallelism.node)) {
            let message = format!("`{}` always runs with parallelism {must}", target.title());
            return Err(Diagnostic::at(parallelism.span, message));
        }
        if self.pipe.applied.is_none() {
            let others = target.typed_parallelism().filter(|&typed| typed != parallelism.node);
            if let Some(typed) = others {
                let message = format!("`{}` was given parallelism {typed} before", target.title());
                return Err(Diagnostic::at(parallelism.span, message));
            }
        }
        if must.is_none() {
            target.parallelism = Some(parallelism.clone());
        }
        self.pipe.parallelism = Some(parallelism.clone());
        Ok(())
    }
}
