//! `describe NAME`, `describe 'FILE'`, `\d [NAME]`

mod file;
mod times;

use serde_json::json;

use super::command::{Command, JSON, json};
use super::show;
use crate::api::{
    Arg, CommandSpec, EventTimeSpec, Shape, Signature, StageArgs, StreamShape, TimeAttribute, WatermarkSpec,
};
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
        help: "Of a source, stream or pipeline lists the columns with their types, whether they can be null, and which is the event time with its watermark. Of a job, what it is made of: the vertices of its job graph, each a chain of operators; of one that does not run here, the operators in its last checkpoint. Of a file ('orders.ndjson', a glob, a directory) lists the columns as they are inferred, with the first values; each column that could be the event time, and the watermark delay by which none of the first 100,000 rows would be older than the watermark when it comes, at most 0.1 % of them, at most 1 %; and a source statement to be pasted.",
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
        help: "Without a name lists the sources, streams and sinks that are defined, and the jobs; with one it is the same as describe.",
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
    let shape = session.shape_of(name)?;
    let event_time = match item.bound() {
        Some(Entry::Source(source)) => source.event_time.as_ref(),
        Some(Entry::Stream(_) | Entry::Sink(_)) | None => None,
    };
    let listing = shape.map_or_else(no_columns, |shape| columns(&shape, event_time));
    Ok(Outcome::Listing(listing.json(as_json)))
}

/// The listing of the operators that have state in the last checkpoint of a job that does not run here.
fn operators(kept: KeptJob, now_ms: i64) -> Result<Listing, Failure> {
    let mut listing = Listing::new(
        vec![Column::text("uid"), Column::text("name"), Column::number("subtasks"), Column::text("states")],
        "its last checkpoint holds no operators",
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
            json!(states.collect::<Vec<_>>().join(", ")),
        ]);
    }
    listing.note = from.map(|from| format!("it does not run here; this is its last {from}"));
    Ok(listing)
}

fn no_columns() -> Listing {
    Listing::new(
        vec![Column::text("column"), Column::text("type"), Column::text("nullable"), Column::text("time")],
        "a sink has the columns that arrive",
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
        listing.push(vec![
            json!(vertex.id),
            json!(vertex.name),
            json!(vertex.subtasks.len()),
            json!(vertex.operators.join(", ")),
        ]);
    }
    listing
}
