//! Pipelines and jobs: `stream name = …`, a bare pipeline, `run name with (…) = …`.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::context::{INTO, PipelineBody, into_is_last, lower_pipeline};
use crate::api::{Arg, Pipeline, RunStatement, StreamShape};
use crate::plan::{
    Builder, Catalog, Entry, Environment, JobSettings, LogicalPlan, Mode, NodeKind, Place, StreamBody, StreamDef,
    StreamGraph, check_name,
};
use crate::types::{Diagnostic, Spanned};

/// A job, lowered.
#[derive(Debug, Clone)]
pub struct JobPlan {
    /// The job's name.
    pub name: String,
    /// The job's settings, shared with whatever runs it.
    pub settings: Arc<JobSettings>,
    /// The plan as typed.
    pub logical: LogicalPlan,
    /// The same, optimised: what runs.
    pub optimized: LogicalPlan,
    /// Remarks for the person: which columns were inferred.
    pub remarks: Vec<String>,
}

impl JobPlan {
    /// The graph that runs, as operators and exchanges.
    #[must_use]
    pub fn stream_graph(&self) -> StreamGraph {
        let JobSettings { parallelism, max_parallelism, mode, .. } = *self.settings;
        StreamGraph::new(self.name.clone(), &self.optimized, parallelism, max_parallelism).in_mode(mode)
    }
}

/// Defines a stream after binding it, so that its mistakes show at once; returns what had its name before.
///
/// # Errors
/// A mistake in the pipeline, at its place; a stream that reads itself.
pub fn define_stream(
    catalog: &mut Catalog,
    name: &Spanned<String>,
    pipeline: &Pipeline,
    environment: &Environment,
) -> Result<Option<Entry>, Diagnostic> {
    check_name("stream", name)?;
    let (_, shape) = in_either_mode(|mode| {
        let mut builder = Builder::new(&*catalog, environment, JobSettings::default().max_parallelism).in_mode(mode);
        builder.begin_stream(&name.node);
        lower_pipeline(&mut builder, pipeline, &name.node, None)
    })?;
    let def = StreamDef { name: name.node.clone(), body: stream_body(pipeline), shape: Some(shape) };
    Ok(catalog.define(Entry::Stream(def)))
}

/// The body of the stream that `pipeline` defines; its mistakes show when it is built.
#[must_use]
pub fn stream_body(pipeline: &Pipeline) -> Arc<dyn StreamBody> {
    Arc::new(PipelineBody(pipeline.clone()))
}

/// The shape of the source or stream called `name`.
///
/// # Errors
/// When there is none, and a mistake in it, at `name`.
pub fn shape_of(
    catalog: &Catalog,
    name: &Spanned<String>,
    environment: &Environment,
) -> Result<StreamShape, Diagnostic> {
    in_either_mode(|mode| {
        let mut builder = Builder::new(catalog, environment, JobSettings::default().max_parallelism).in_mode(mode);
        builder.stream(name).map(|(_, shape)| shape)
    })
}

/// What is made of a stream that no job reads yet: as in streaming mode, or where only batch mode can, as there.
fn in_either_mode<T>(make: impl Fn(Mode) -> Result<T, Diagnostic>) -> Result<T, Diagnostic> {
    make(Mode::Streaming).or_else(|error| make(Mode::Batch).map_err(|_| error))
}

/// The shape of the stream at the end of the pipeline `last`, which stands behind those of `earlier` in one job and may
/// read the side outputs that they name; a mistake in one of those is passed over. For completion.
///
/// # Errors
/// A mistake in `last`, at its place.
pub fn lower_open(
    catalog: &Catalog,
    earlier: &[Pipeline],
    last: &Pipeline,
    environment: &Environment,
) -> Result<StreamShape, Diagnostic> {
    let mut builder = Builder::new(catalog, environment, JobSettings::default().max_parallelism);
    for pipeline in earlier {
        // What it named before its mistake is there.
        let _ = lower_pipeline(&mut builder, pipeline, "earlier", Some("a sink"));
    }
    Ok(lower_pipeline(&mut builder, last, "open", None)?.1)
}

/// Lowers a bare pipeline: its rows go to the `print` connector.
///
/// # Errors
/// A mistake in the pipeline, at its place.
pub fn lower_preview(
    catalog: &Catalog,
    pipeline: &Pipeline,
    settings: JobSettings,
    environment: &Environment,
) -> Result<JobPlan, Diagnostic> {
    let mut builder = Builder::new(catalog, environment, settings.max_parallelism)
        .unreadable(settings.on_error)
        .state_ttl(settings.state_ttl_ms)
        .in_zone(settings.zone)
        .in_mode(settings.mode);
    let (stream, shape) = lower_pipeline(&mut builder, pipeline, "preview", None)?;
    if let Some(window) = &shape.window {
        let message = format!("the window {} has no `aggregate`", window.windows.describe());
        return Err(Diagnostic::at(pipeline.span, message).help("put it behind: … | aggregate count(*) as n"));
    }
    let place = Place { of: "preview", into: None, stage: pipeline.stages.len() + 1 };
    builder.show(stream, &shape, place, pipeline.span)?;
    finish(Spanned::new("preview".to_owned(), pipeline.from.span), settings, builder)
}

/// Lowers a pipeline to be explained: as the only one of a job where it ends in a sink, else as a bare one.
///
/// # Errors
/// A mistake in the pipeline, at its place.
pub fn lower_explained(
    catalog: &Catalog,
    pipeline: &Pipeline,
    settings: JobSettings,
    environment: &Environment,
) -> Result<JobPlan, Diagnostic> {
    if sink_of(pipeline).is_none() {
        return lower_preview(catalog, pipeline, settings, environment);
    }
    let name = Spanned::new("explained".to_owned(), pipeline.span);
    let pipelines = vec![pipeline.clone()];
    let (options, text) = (Vec::new(), String::new());
    let run = RunStatement { name, options, from: None, pipelines, span: pipeline.span, text };
    lower_job(catalog, &run, settings, environment)
}

/// Lowers a job; what its options do not say is as in `defaults`.
///
/// # Errors
/// A mistake in an option or a pipeline, at its place.
pub fn lower_job(
    catalog: &Catalog,
    run: &RunStatement,
    defaults: JobSettings,
    environment: &Environment,
) -> Result<JobPlan, Diagnostic> {
    check_name("job", &run.name)?;
    let settings = defaults.with(&run.options)?;
    if run.pipelines.is_empty() {
        return Err(Diagnostic::at(run.span, format!("the job `{}` has no pipeline", run.name.node)));
    }
    let mut builder = Builder::new(catalog, environment, settings.max_parallelism)
        .state_ttl(settings.state_ttl_ms)
        .in_zone(settings.zone)
        .in_mode(settings.mode);
    for (at, pipeline) in run.pipelines.iter().enumerate() {
        let Some(sink) = sink_of(pipeline) else {
            if let Some(into) = pipeline.stages.iter().find(|stage| stage.spec.name == INTO) {
                return Err(into_is_last(into.args.span));
            }
            return Err(Diagnostic::at(pipeline.span, "a pipeline of a job must say where its rows go")
                .label("expected `| into SINK` at its end")
                .help("`| into print` shows them on the screen"));
        };
        builder.announce(run.pipelines[at + 1..].iter().flat_map(side_names));
        // The place of an operator is told by what its pipeline reads and writes, not by the pipeline's number, so that
        // its state finds it again when another pipeline is added before.
        lower_pipeline(&mut builder, pipeline, &pipeline.from.node, Some(&sink.node))?;
    }
    finish(run.name.clone(), settings, builder)
}

fn finish(name: Spanned<String>, settings: JobSettings, mut builder: Builder) -> Result<JobPlan, Diagnostic> {
    builder.add_dead_letters(&name, settings.on_error, settings.dead_letter.as_deref())?;
    let ops = &builder.environment().optimizer;
    let remarks = builder.take_remarks();
    let logical = builder.finish();
    let optimized = logical.optimize(ops);
    if settings.budget_bytes().is_some() {
        check_budget(&optimized, &name)?;
    }
    Ok(JobPlan { name: name.node, settings: Arc::new(settings), logical, optimized, remarks })
}

/// Refuses operators whose state would grow beyond the job's `memory`.
fn check_budget(plan: &LogicalPlan, job: &Spanned<String>) -> Result<(), Diagnostic> {
    for node in &plan.nodes {
        if let NodeKind::Operator(operator) = &node.kind
            && !operator.keeps_budget()
        {
            let (name, uid) = (operator.name(), &node.uid);
            let message = format!("{name} `{uid}` can't keep its state within the job's `memory`");
            return Err(Diagnostic::at(job.span, message)
                .label("has `memory`, or backend = 'redb'")
                .help("leave them out; of the stages with state the running `aggregate` keeps to a budget"));
        }
    }
    Ok(())
}

/// The sink that the pipeline's last stage names.
fn sink_of(pipeline: &Pipeline) -> Option<&Spanned<String>> {
    let last = &pipeline.stages.last().filter(|stage| stage.spec.name == INTO)?.args;
    Some(match last.head.first() {
        Some(Arg::Sink { name, .. }) => name,
        _ => &last.name,
    })
}

/// The side outputs that the pipeline's stages name.
fn side_names(pipeline: &Pipeline) -> BTreeSet<String> {
    let clauses = pipeline.stages.iter().flat_map(|stage| &stage.args.clauses);
    let named = clauses.filter_map(|(keyword, arg)| {
        let Arg::Name(name) = arg else { return None };
        keyword.node.ends_with("_to").then(|| name.node.clone())
    });
    named.collect()
}
