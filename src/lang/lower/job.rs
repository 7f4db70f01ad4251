//! Pipelines and jobs: `stream name = …`, a bare pipeline, `run name with (…) = …`.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::context::{Lowering, Pipe};
use super::environment::Environment;
use super::sink;
use crate::api::{Arg, OnError, Pipeline, RunStatement, StageArgs, StageContext, StreamRef, StreamShape};
use crate::plan::{
    Catalog, DeadLetterSink, Entry, JobSettings, LogicalPlan, NodeKind, StreamDef, StreamGraph, check_name,
};
use crate::types::{Diagnostic, Spanned};

/// The stage that ends a pipeline.
const INTO: &str = "into";

/// A job, lowered.
#[derive(Debug, Clone)]
pub struct JobPlan {
    /// Its name.
    pub name: String,
    /// Its settings, shared with whatever runs it.
    pub settings: Arc<JobSettings>,
    /// The plan as typed.
    pub logical: LogicalPlan,
    /// The same, optimised: what runs.
    pub optimized: LogicalPlan,
}

impl JobPlan {
    /// What runs, as operators and exchanges.
    #[must_use]
    pub fn stream_graph(&self) -> StreamGraph {
        let JobSettings { parallelism, max_parallelism, .. } = *self.settings;
        StreamGraph::new(self.name.clone(), &self.optimized, parallelism, max_parallelism)
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
    let settings = JobSettings::default();
    let mut lowering = Lowering::new(catalog, environment, settings.max_parallelism);
    lowering.expanding.push(name.node.clone());
    let (_, shape) = lowering.pipeline(pipeline, &name.node, false)?;
    let def = StreamDef { name: name.node.clone(), pipeline: pipeline.clone(), shape };
    Ok(catalog.define(Entry::Stream(def)))
}

/// Lowers a pipeline without a sink, for `explain` and `describe`: its plan, and what is known of its end.
///
/// # Errors
/// A mistake in the pipeline, at its place.
pub fn lower_stream(
    catalog: &Catalog,
    pipeline: &Pipeline,
    environment: &Environment,
) -> Result<(LogicalPlan, StreamShape), Diagnostic> {
    let mut lowering = Lowering::new(catalog, environment, JobSettings::default().max_parallelism);
    let (_, shape) = lowering.pipeline(pipeline, "stream", false)?;
    Ok((lowering.plan, shape))
}

/// What is known of the end of the pipeline `last`, which stands behind those of `earlier` in one job and may read the side
/// outputs that they name; a mistake in one of those is passed over. For completion.
///
/// # Errors
/// A mistake in `last`, at its place.
pub fn lower_open(
    catalog: &Catalog,
    earlier: &[Pipeline],
    last: &Pipeline,
    environment: &Environment,
) -> Result<StreamShape, Diagnostic> {
    let mut lowering = Lowering::new(catalog, environment, JobSettings::default().max_parallelism);
    for pipeline in earlier {
        // What it named before its mistake is there.
        let _ = lowering.pipeline(pipeline, "earlier", true);
    }
    Ok(lowering.pipeline(last, "open", false)?.1)
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
    let mut lowering = Lowering::new(catalog, environment, settings.max_parallelism);
    lowering.pipeline(pipeline, "preview", false)?;
    if let Some(window) = &lowering.shape().window {
        let message = format!("nothing is done with the window {}", window.assigner.describe());
        return Err(Diagnostic::at(pipeline.span, message).help("an `aggregate` belongs behind `window`"));
    }
    let operator = sink::preview(environment, lowering.shape(), pipeline.span)?;
    lowering.pipe.stage += 1;
    lowering.apply_sink(operator, "print");
    let dead_letters = Name { job: "preview", at: &pipeline.from };
    lowering.add_dead_letters(&dead_letters, &settings)?;
    Ok(finish("preview".into(), settings, lowering))
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
    let run = RunStatement { name, options: Vec::new(), pipelines, span: pipeline.span, text: String::new() };
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
    let mut lowering = Lowering::new(catalog, environment, settings.max_parallelism);
    for (at, pipeline) in run.pipelines.iter().enumerate() {
        let Some(sink) = sink_of(pipeline) else {
            return Err(Diagnostic::at(pipeline.span, "a pipeline of a job must say where its rows go")
                .label("expected `| into <sink>` at its end")
                .help("`| into print` shows them on the screen"));
        };
        lowering.later = run.pipelines[at + 1..].iter().flat_map(side_names).collect();
        // The place of an operator is told by what its pipeline reads and writes, not by the pipeline's number, so that
        // its state finds it again when another pipeline is added before.
        lowering.pipeline(pipeline, &format!("{}.{}", pipeline.from.node, sink.node), true)?;
    }
    let name = Name { job: &run.name.node, at: &run.name };
    lowering.add_dead_letters(&name, &settings)?;
    Ok(finish(run.name.node.clone(), settings, lowering))
}

fn finish(name: String, settings: JobSettings, lowering: Lowering) -> JobPlan {
    let optimized = lowering.plan.optimize(&lowering.environment.registries.optimizer);
    JobPlan { name, settings: Arc::new(settings), logical: lowering.plan, optimized }
}

/// The sink that the pipeline's last stage names.
fn sink_of(pipeline: &Pipeline) -> Option<&Spanned<String>> {
    let last = pipeline.stages.last().filter(|stage| stage.name.node == INTO)?;
    Some(match last.head.first() {
        Some(Arg::Sink { name, .. }) => name,
        _ => &last.name,
    })
}

/// The side outputs that the pipeline's stages name.
fn side_names(pipeline: &Pipeline) -> BTreeSet<String> {
    let clauses = pipeline.stages.iter().flat_map(|stage: &StageArgs| &stage.clauses);
    let named = clauses.filter_map(|(keyword, arg)| {
        let Arg::Name(name) = arg else { return None };
        keyword.node.ends_with("_to").then(|| name.node.clone())
    });
    named.collect()
}

/// Whom dead letters are from.
struct Name<'a> {
    job: &'a str,
    at: &'a Spanned<String>,
}

impl Lowering<'_> {
    /// Lowers `pipeline`; its operators' uids begin with `prefix`. Where it ends in a sink (`sink`) its end is that.
    pub(super) fn pipeline(
        &mut self,
        pipeline: &Pipeline,
        prefix: &str,
        sink: bool,
    ) -> Result<(StreamRef, StreamShape), Diagnostic> {
        let (at, shape) = self.stream(&pipeline.from)?;
        self.pipe = Pipe::new(prefix, at, shape);
        for (position, stage) in pipeline.stages.iter().enumerate() {
            if stage.name.node == INTO {
                let last = position + 1 == pipeline.stages.len();
                self.may_end(stage, sink && last, sink)?;
            }
            self.pipe.stage = position + 1;
            let spec = self.environment.registries.stage(&stage.name)?;
            (spec.bind)(stage, self).map_err(|error| error.or_at(stage.span))?;
        }
        Ok(self.end())
    }

    /// Refuses `into` where a pipeline goes on, or has no sink.
    fn may_end(&self, stage: &StageArgs, may: bool, job: bool) -> Result<(), Diagnostic> {
        if may {
            return Ok(());
        }
        if job {
            return Err(Diagnostic::at(stage.span, "nothing can stand behind `into`")
                .help("write a second pipeline into the job: run <name> { …; … }"));
        }
        let error = Diagnostic::at(stage.span, "only a pipeline of a job goes into a sink");
        Err(match self.expanding.last() {
            Some(_) => error.help("leave `into` to the job that reads the stream"),
            None => error.help("make it a job: run <name> = …"),
        })
    }

    /// Sinks for the rows that sources can't read and operators reject, where they ask for it.
    fn add_dead_letters(&mut self, name: &Name, settings: &JobSettings) -> Result<(), Diagnostic> {
        self.plan.on_error = settings.on_error;
        let scans: Vec<_> = self
            .plan
            .nodes
            .iter()
            .filter_map(|node| match &node.kind {
                NodeKind::Scan(scan) if scan.on_error == OnError::DeadLetter => {
                    Some((node.uid.clone(), scan.name.clone()))
                }
                NodeKind::Scan(_) | NodeKind::Operator(_) => None,
            })
            .collect();
        for (uid, source) in scans {
            let typed = match self.catalog.get(&source) {
                Some(Entry::Source(def)) => def.dead_letter.clone(),
                Some(Entry::Sink(_) | Entry::Stream(_)) | None => None,
            };
            self.add_dead_letter_sink(Some(uid), &source, typed, name)?;
        }
        if settings.on_error == OnError::DeadLetter {
            self.add_dead_letter_sink(None, name.job, settings.dead_letter.clone(), name)?;
        }
        Ok(())
    }

    fn add_dead_letter_sink(
        &mut self,
        scan: Option<crate::types::OperatorUid>,
        whose: &str,
        typed: Option<String>,
        name: &Name,
    ) -> Result<(), Diagnostic> {
        let called = format!("dead_letters/{whose}");
        let operator =
            sink::dead_letters(self.environment, &called, typed.unwrap_or_else(|| called.clone()), name.at.span)?;
        let uid = match scan {
            Some(_) => self.derived_uid(&[whose, "source", "dead_letters"]),
            None => self.derived_uid(&["job", "dead_letters"]),
        };
        self.plan.dead_letters.push(DeadLetterSink { scan, uid, name: called, operator });
        Ok(())
    }
}
