//! `describe NAME`, `describe 'FILE'`, `\d [NAME]`

mod file;
mod times;

use serde_json::json;

use super::command::{Command, JSON, json};
use super::show;
use crate::api::{
    Arg, CommandSpec, EventTimeSpec, ProcessFunction, Shape, Signature, StageArgs, StateKind, StreamShape,
    TimeAttribute, WatermarkSpec,
};
use crate::expr::ast::UserFunction;
use crate::inspect::JobView;
use crate::plan::{Entry, Origin};
use crate::session::{Column, Failure, KeptJob, Listing, Outcome, Session};
use crate::types::{Diagnostic, Spanned};

/// The registry entry.
pub(super) const SPEC: Command = Command {
    spec: CommandSpec {
        name: "describe",
        aliases: &["desc"],
        signature: Signature { head: &[Shape::Pipeline], optional: &[], clauses: &[JSON] },
        usage: "describe NAME | 'FILE' | PIPELINE [--json]",
        summary: "lists the columns of a source, stream or file, or the vertices of a job",
        help: "Of a source, stream or pipeline: the columns, their types, whether they can be null, and which column \
               is the event time.\n\
               \n\
               Of a file ('orders.ndjson', a glob, a folder): the columns as they are inferred, the first values, \
               each column that could be the event time, the watermark delay that would lose no row, 0.1 % or 1 % of \
               the first 100,000 rows, and a source statement to paste.\n\
               \n\
               Of a job: the vertices of its job graph, each a chain of operators. Of a job that does not run here: \
               the operators in its last checkpoint.",
        examples: &["describe bids", "describe hot", "describe bids | map price * 2 as doubled"],
        flink: Some("DESCRIBE"),
    },
    run,
};

fn run(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    if let Some(Arg::Run(run)) = args.head.first() {
        let error = Diagnostic::at(run.span, "`describe` takes a name, a file or a pipeline");
        return Err(error.help("`explain run …` shows the plan of a job").into());
    }
    let pipeline = args.pipeline(0)?;
    match (pipeline.stages.is_empty(), pipeline.file) {
        (true, true) => file::describe(&pipeline.from, json(args), session),
        (true, false) if is_stdin(&pipeline.from, session) => {
            file::describe(&Spanned::new("-".to_owned(), pipeline.from.span), json(args), session)
        }
        (true, false) => describe(&pipeline.from, json(args), session),
        (false, _) => Ok(Outcome::Listing(columns(&session.shape(pipeline)?, None).json(json(args)))),
    }
}

/// Whether `name` means standard input: nothing else has it.
fn is_stdin(name: &Spanned<String>, session: &Session) -> bool {
    name.node.eq_ignore_ascii_case("stdin") && session.catalog().get(&name.node).is_none() && session.job(name).is_err()
}

/// The short form.
pub(super) const SHORT: Command = Command {
    spec: CommandSpec {
        name: "\\d",
        aliases: &["\\dt", ".tables", ".schema"],
        signature: Signature { head: &[], optional: &[Shape::Name], clauses: &[JSON] },
        usage: "\\d [NAME] [--json]",
        summary: "lists what is defined and the jobs, or describes one",
        help: "Without a name: the sources, streams and sinks that are defined, and the jobs. With a name, `\\d` is \
               the same as `describe`.",
        examples: &["\\d", "\\d bids", "\\d hot"],
        flink: Some("SHOW TABLES"),
    },
    run: short,
};

fn short(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    if !args.head.is_empty() {
        return describe(args.word(0)?, json(args), session);
    }
    let mut listing = show::entries(session, |_| true);
    for entry in session.jobs() {
        let view = entry.job.view();
        let status = json!(view.status);
        let what = format!("{}, parallelism {}", status.as_str().unwrap_or("-"), view.parallelism);
        listing.push(vec![json!(entry.name), json!("job"), json!(what), json!(Origin::Session.name())]);
    }
    for kept in session.kept_jobs()? {
        let last = kept.last_checkpoint(session.now_ms());
        let what = [Some(kept.status()), last].into_iter().flatten().collect::<Vec<_>>().join(", ");
        listing.push(vec![json!(kept.name), json!("job"), json!(what), json!(Origin::Remembered.name())]);
    }
    Ok(Outcome::Listing(listing.json(json(args))))
}

fn describe(name: &Spanned<String>, as_json: bool, session: &Session) -> Result<Outcome, Failure> {
    let Some(item) = session.catalog().get(&name.node) else {
        if let Ok(job) = session.job(name) {
            return Ok(Outcome::Listing(vertices(&job.job.view()).json(as_json)));
        }
        if let Some(kept) = session.kept_job(&name.node) {
            return Ok(Outcome::Listing(operators(kept, session.now_ms())?.json(as_json)));
        }
        let jobs = session.jobs().map(|job| job.name.as_str());
        return Err(session.catalog().unknown("source, stream, sink or job", name, |_| true, jobs).into());
    };
    if let Ok(Entry::Process(process)) = item.entry() {
        return Ok(Outcome::Listing(states(process).json(as_json)));
    } else if let Ok(Entry::Function(function)) = item.entry() {
        return Ok(Outcome::Listing(parameters(function).json(as_json)));
    }
    let shape = session.shape_of(name)?;
    let event_time = match item.bound() {
        Some(Entry::Source(source)) => source.event_time.as_ref(),
        Some(Entry::Stream(_) | Entry::Sink(_) | Entry::Process(_) | Entry::Function(_)) | None => None,
    };
    let listing = shape.map_or_else(no_columns, |shape| columns(&shape, event_time));
    Ok(Outcome::Listing(listing.json(as_json)))
}

/// The listing of the operators that have state in the last checkpoint of a job that does not run here.
fn operators(kept: KeptJob, now_ms: i64) -> Result<Listing, Failure> {
    let mut listing = Listing::new(
        vec![Column::text("uid"), Column::text("name"), Column::number("subtasks"), Column::text("states")],
        "its last checkpoint has no operator with state",
    );
    let from = kept.last_checkpoint(now_ms);
    let Some(last) = kept.readable()?.pop() else { return Ok(listing) };
    for operator in &last.operators {
        let states = operator.states.iter().map(|state| state.name.as_str());
        let states = states.chain(operator.operator_states.iter().map(|state| state.name.as_str()));
        listing.push(vec![
            json!(operator.uid.to_string()),
            json!(operator.name),
            json!(operator.parallelism),
            json!(states.collect::<Vec<_>>()),
        ]);
    }
    listing.note = from.map(|from| format!("the job does not run in this shell; this is its last {from}"));
    Ok(listing)
}

/// The listing of the states of a process function.
fn states(process: &ProcessFunction) -> Listing {
    let mut listing =
        Listing::new(vec![Column::text("state"), Column::text("kind"), Column::text("ttl")], "it has no state");
    for state in &process.states {
        let kind = match &state.kind {
            StateKind::Value(ty) => ty.node.to_string(),
            StateKind::Reducing(ty, _) => format!("reducing<{}>", ty.node),
            StateKind::Aggregating(call) => format!("aggregating {}", call.name.node),
        };
        let kind = if state.broadcast.is_some() { format!("{kind}, broadcast") } else { kind };
        let ttl = state.ttl.map(|ttl| {
            let (read, time) =
                (if ttl.on_read { ", on read" } else { "" }, if ttl.event_time { ", event time" } else { "" });
            format!("{} ms{read}{time}", ttl.ttl_ms)
        });
        listing.push(vec![json!(state.name.node), json!(kind), json!(ttl)]);
    }
    listing
}

/// The listing of the parameters of a function, and of what it returns.
fn parameters(function: &UserFunction) -> Listing {
    let mut listing = Listing::new(vec![Column::text("parameter"), Column::text("type")], "it takes nothing");
    for (name, ty) in &function.params {
        listing.push(vec![json!(name.node), json!(ty.node.to_string())]);
    }
    listing.push(vec![json!("returns"), json!(function.returns.node.to_string())]);
    listing
}

fn no_columns() -> Listing {
    Listing::new(
        vec![Column::text("column"), Column::text("type"), Column::text("nullable"), Column::text("time")],
        "a sink takes the columns of the stream that is written to it",
    )
}

/// The listing of the columns of a stream; `event_time` is that of a source.
fn columns(shape: &StreamShape, event_time: Option<&EventTimeSpec>) -> Listing {
    let mut listing = no_columns();
    for (index, field) in shape.schema.fields().iter().enumerate() {
        let watermark = event_time.map(|spec| watermark(&spec.watermark)).unwrap_or_default();
        let time = shape.time.attribute(index).map(|attribute| match attribute {
            TimeAttribute::RowTime => format!("event time{watermark}"),
            TimeAttribute::ProcessingTime => "processing time".to_owned(),
        });
        listing.push(vec![json!(field.name), json!(field.ty.to_string()), json!(field.nullable), json!(time)]);
    }
    listing
}

fn watermark(spec: &WatermarkSpec) -> String {
    match spec {
        WatermarkSpec::Bounded(delay_ms) => format!(", watermark {delay_ms} ms behind"),
        WatermarkSpec::When { marker, delay_ms } => format!(", watermark {delay_ms} ms behind rows with {marker}"),
        WatermarkSpec::As(expr) => format!(", watermark {expr}"),
    }
}

/// The listing of a job's vertices.
fn vertices(view: &JobView) -> Listing {
    let mut listing = Listing::new(
        vec![Column::number("vertex"), Column::text("name"), Column::number("subtasks"), Column::text("operators")],
        "the job has not started",
    );
    for vertex in &view.vertices {
        listing.push(vec![json!(vertex.id), json!(vertex.name), json!(vertex.subtasks.len()), json!(vertex.operators)]);
    }
    listing
}
