//! A pipeline while it is lowered: what its stages see through [`StageContext`].

use std::sync::Arc;

use super::sink::{self, SinkArg};
use crate::api::{
    Arg, Body, LookupSource, Pipeline, Placement, PlannedOperator, ProcessFunction, Stage, StageArgs, StageContext,
    StreamRef, StreamShape, WindowCall, Windows,
};
use crate::plan::{Builder, Place, StreamBody};
use crate::types::{Diagnostic, Span, Spanned};

/// The stage that ends a pipeline.
pub(super) const INTO: &str = "into";
/// The stage whose names are those of streams.
const UNION: &str = "union";

/// The pipeline at hand, and the plan that it goes into.
pub(super) struct Lowering<'b, 'a> {
    builder: &'b mut Builder<'a>,
    /// The place of the stage at hand.
    place: Place<'b>,
    at: StreamRef,
    shape: StreamShape,
    /// The operator applied last.
    applied: Option<usize>,
    /// `parallelism n`, for the operators to come.
    parallelism: Option<Spanned<u64>>,
    /// The sink that the stage at hand asked for.
    sink: Option<String>,
}

/// A stream that a pipeline defines.
#[derive(Debug)]
pub(super) struct PipelineBody(pub(super) Pipeline);

impl StreamBody for PipelineBody {
    fn build(&self, name: &str, builder: &mut Builder<'_>) -> Result<(StreamRef, StreamShape), Diagnostic> {
        lower_pipeline(builder, &self.0, name, None)
    }
}

/// Lowers `pipeline`; returns its end: the sink `into`, where it goes into one. `of` and `into` are as in [`Place`].
pub(super) fn lower_pipeline(
    builder: &mut Builder<'_>,
    pipeline: &Pipeline,
    of: &str,
    into: Option<&str>,
) -> Result<(StreamRef, StreamShape), Diagnostic> {
    let (at, mut shape) = if pipeline.file { builder.file(&pipeline.from)? } else { builder.stream(&pipeline.from)? };
    if let Some(alias) = &pipeline.alias {
        shape.name = Some(alias.clone());
        shape.inputs.clear();
    }
    let (place, sink) = (Place { of, into, stage: 0 }, into.is_some());
    let mut lowering = Lowering { builder, place, at, shape, applied: None, parallelism: None, sink: None };
    for (position, stage) in pipeline.stages.iter().enumerate() {
        if stage.spec.name == INTO {
            let last = position + 1 == pipeline.stages.len();
            lowering.may_end(&stage.args, sink && last, sink)?;
        }
        lowering.place.stage = position + 1;
        let args = lowering.builder.with_functions(&stage.args)?;
        (stage.spec.bind)(&args, &mut lowering).map_err(|error| error.or_at(stage.args.span))?;
    }
    lowering.builder.set_shape(lowering.at, lowering.shape.clone());
    Ok((lowering.at, lowering.shape))
}

/// The error of an `into` that stages stand behind.
pub(super) fn into_is_last(span: Span) -> Diagnostic {
    Diagnostic::at(span, "`into` must be the last stage")
        .help("write a second pipeline into the job: run NAME { …; … }")
}

/// The streams that stages name.
fn streams_of(stages: &[Stage]) -> Vec<Spanned<String>> {
    // A table that rows are looked up in is not read as a stream.
    let streams = stages.iter().filter(|stage| stage.args.clause("lookup").is_none());
    let args = streams.flat_map(|stage| {
        let clauses = stage.args.clauses.iter().map(|(_, arg)| arg);
        stage.args.head.iter().chain(clauses).map(move |arg| (stage.spec.name, arg))
    });
    let mut found = Vec::new();
    for (stage, arg) in args {
        if let Arg::Stream(stream) = arg {
            found.push(stream.name.clone());
        } else if let (Arg::Names(names), UNION) = (arg, stage) {
            found.extend(names.iter().cloned());
        } else if let Arg::Rounds(rounds) = arg {
            found.extend(streams_of(&rounds.stages));
        }
    }
    found
}

impl Lowering<'_, '_> {
    /// Refuses `into` where a pipeline goes on, or has no sink.
    fn may_end(&self, stage: &StageArgs, may: bool, job: bool) -> Result<(), Diagnostic> {
        if may {
            return Ok(());
        }
        if job {
            return Err(into_is_last(stage.span));
        }
        let error = Diagnostic::at(stage.span, "only a job writes into a sink");
        Err(if self.builder.is_in_stream() {
            error.help("a stream has no `into`: run NAME = STREAM | into …")
        } else {
            error.help("make it a job: run NAME = … | into …")
        })
    }
}

impl StageContext for Lowering<'_, '_> {
    fn shape(&self) -> &StreamShape {
        &self.shape
    }

    fn shape_mut(&mut self) -> &mut StreamShape {
        &mut self.shape
    }

    fn apply(&mut self, operator: Arc<dyn PlannedOperator>) {
        self.apply_many(operator, &[]);
    }

    fn apply_many(&mut self, operator: Arc<dyn PlannedOperator>, others: &[StreamRef]) {
        self.builder.set_shape(self.at, self.shape.clone());
        let inputs: Vec<StreamRef> = std::iter::once(self.at).chain(others.iter().copied()).collect();
        (self.at, self.shape) = self.builder.add(operator, &inputs, self.place, self.parallelism.as_ref());
        self.applied = Some(self.at.node);
        if let Some(sink) = self.sink.take() {
            self.builder.name_sink(self.at.node, &sink);
        }
    }

    fn apply_to(&mut self, operator: Arc<dyn PlannedOperator>, to: StreamRef) -> StreamRef {
        self.builder.add(operator, &[to], self.place, self.parallelism.as_ref()).0
    }

    fn stream(&mut self, name: &Spanned<String>) -> Result<(StreamRef, StreamShape), Diagnostic> {
        self.builder.stream(name)
    }

    fn lookup(&mut self, name: &Spanned<String>) -> Result<(LookupSource, StreamShape), Diagnostic> {
        self.builder.lookup(name)
    }

    fn body(&mut self, head: Arc<dyn PlannedOperator>, stages: &[Stage]) -> Result<Body, Diagnostic> {
        // What they read besides is read once, whatever is done with it.
        for name in streams_of(stages) {
            self.builder.stream(&name)?;
        }
        self.builder.set_shape(self.at, self.shape.clone());
        let outer = (self.at, self.shape.clone(), self.applied);
        let first = self.builder.place();
        self.apply(head);
        let span = stages.iter().map(|stage| stage.args.span).reduce(Span::to).unwrap_or_default();
        for stage in stages {
            if stage.spec.name == INTO {
                return Err(Diagnostic::at(stage.args.span, "the rows of a round go into the next one")
                    .help("put `into` behind the stages that run again"));
            }
            let args = self.builder.with_functions(&stage.args)?;
            (stage.spec.bind)(&args, self).map_err(|error| error.or_at(stage.args.span))?;
        }
        self.final_rows();
        let (end, shape) = (self.at, self.shape.clone());
        (self.at, self.shape, self.applied) = outer;
        self.builder.cut(first, end, shape, span)
    }

    fn process_function(&self, name: &Spanned<String>) -> Result<Arc<ProcessFunction>, Diagnostic> {
        self.builder.process_function(name)
    }

    fn name_side_output(&mut self, port: usize, name: &Spanned<String>) -> Result<(), Diagnostic> {
        self.builder.name_side_output(self.applied, port, name)
    }

    fn window(&self, call: &WindowCall) -> Result<Windows, Diagnostic> {
        self.builder.environment().registries.window(call, &self.shape.scope())
    }

    fn sink(&mut self, arg: &Arg, span: Span) -> Result<Arc<dyn PlannedOperator>, Diagnostic> {
        let Arg::Sink { name, path, options } = arg else {
            return Err(if let Arg::File { path, .. } = arg {
                Diagnostic::at(path.span, "a job writes a directory of files, not one file")
                    .help(format!("give a directory: into file '{}' with (format = 'json')", path.node))
            } else {
                Diagnostic::at(span, "expected a sink")
            });
        };
        if let Some(window) = &self.shape.window {
            return Err(Diagnostic::at(span, format!("the window {} has no `aggregate`", window.windows.describe()))
                .help("put it before `into`: … | aggregate count(*) as n | into …"));
        }
        self.final_rows();
        let sink = SinkArg { name, target: path.as_ref(), options };
        let (called, operator) = sink::resolve(self.builder, &sink, &self.shape, span)?;
        self.sink = Some(called);
        Ok(operator)
    }

    fn state_ttl_ms(&self) -> Option<i64> {
        self.builder.state_ttl_ms()
    }

    fn is_batch(&self) -> bool {
        self.builder.is_batch()
    }

    fn final_rows(&mut self) {
        let at = (self.at, self.shape.clone());
        (self.at, self.shape) = self.builder.final_rows(at, self.place, self.parallelism.as_ref());
    }

    fn set_uid(&mut self, uid: &Spanned<String>) -> Result<(), Diagnostic> {
        let Some(node) = self.applied else {
            return Err(Diagnostic::at(uid.span, "there is no stage here to give a uid to")
                .help("put `uid` behind the stage that it names"));
        };
        self.builder.set_uid(node, uid)
    }

    fn placement_mut(&mut self) -> &mut Placement {
        self.builder.placement_mut(self.applied.unwrap_or(self.at.node))
    }

    fn set_max_parallelism(&mut self, most: &Spanned<u64>) -> Result<(), Diagnostic> {
        self.builder.set_max_parallelism(self.applied.unwrap_or(self.at.node), most)
    }

    fn set_parallelism(&mut self, parallelism: &Spanned<u64>) -> Result<(), Diagnostic> {
        // At the head of a pipeline it is the source's, as in Flink.
        let node = self.applied.unwrap_or(self.at.node);
        self.builder.set_parallelism(node, parallelism, self.applied.is_none())?;
        self.parallelism = Some(parallelism.clone());
        Ok(())
    }
}
