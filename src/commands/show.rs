//! `show jobs | tables | sources | sinks | streams | processes | stages | windows | functions | connectors | commands`

use serde_json::{Value, json};

use super::command::{Command, JSON, json};
use crate::api::{CommandSpec, Shape, Signature, StageArgs};
use crate::plan::{Entry, EntryKind, Item};
use crate::session::{Column, Failure, Listing, Outcome, Session, listings};
use crate::types::{Diagnostic, Span, Spanned};

const SUBJECTS: &[&str] = &[
    "jobs",
    "tables",
    "sources",
    "sinks",
    "streams",
    "processes",
    "stages",
    "windows",
    "functions",
    "connectors",
    "commands",
];

/// The registry entry.
pub(super) const SPEC: Command = Command {
    spec: CommandSpec {
        name: "show",
        aliases: &[],
        signature: Signature { head: &[Shape::Keyword(SUBJECTS)], optional: &[], clauses: &[JSON] },
        usage: "show jobs|tables|sources|sinks|streams|processes [--json]\nshow stages|windows|functions|connectors|commands [--json]",
        summary: "lists jobs, what is defined, or what the language has",
        help: "`show jobs` lists the jobs of this session with their status, and those that the state directory \
               keeps. `show tables` lists the sources, streams, sinks and process functions, and whether this session defined them, an \
               earlier one did, or they are demo data, which is always there. `show stages` and the like list what \
               may stand in a statement.",
        examples: &["show sources", "show jobs", "show functions --json"],
        flink: Some("SHOW JOBS, SHOW TABLES, SHOW FUNCTIONS"),
    },
    run,
};

fn run(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let listing = match args.word(0)?.node.as_str() {
        "jobs" => jobs(session)?,
        "tables" => entries(session, |_| true),
        "sources" => entries(session, |kind| kind == EntryKind::Source),
        "sinks" => entries(session, |kind| kind == EntryKind::Sink),
        "streams" => entries(session, |kind| kind == EntryKind::Stream),
        "processes" => entries(session, |kind| kind == EntryKind::Process),
        subject => named(session, subject),
    };
    Ok(Outcome::Listing(listing.json(json(args))))
}

fn jobs(session: &Session) -> Result<Listing, Failure> {
    let mut listing = Listing::new(
        vec![
            Column::text("job"),
            Column::text("status"),
            Column::number("parallelism"),
            Column::number("rows_in"),
            Column::number("rows_out"),
            Column::number("restarts"),
            Column::number("checkpoints"),
            Column::text("cause"),
            Column::number("last_checkpoint").for_json(),
            Column::text("last_checkpoint_at").for_json(),
        ],
        "no jobs; `run NAME = … | into print` starts one",
    );
    for entry in session.jobs() {
        let view = entry.job.view();
        let completed = || view.checkpoints.iter().filter(|checkpoint| checkpoint.was_completed());
        listing.push(vec![
            json!(entry.name),
            json!(view.status),
            json!(view.parallelism),
            json!(view.source_rows),
            json!(view.sink_rows),
            json!(view.restarts_in_all()),
            json!(completed().count()),
            json!(view.cause),
            json!(completed().next_back().map(|last| last.id)),
            listings::time(completed().next_back().map(|last| last.triggered_ms)),
        ]);
    }
    let mut ways_on = Vec::new();
    for kept in session.kept_jobs()? {
        let last = kept.last();
        listing.push(vec![
            json!(kept.name),
            json!(kept.status()),
            json!(last.map(|last| last.parallelism)),
            Value::Null,
            Value::Null,
            Value::Null,
            json!(kept.held_by.is_none().then_some(kept.checkpoints.len())),
            json!(kept.problem.as_ref().map(ToString::to_string)),
            json!(last.map(|last| last.checkpoint)),
            listings::time(last.map(|last| last.taken_at_ms)),
        ]);
        if let Some(last) = kept.last_checkpoint(session.now_ms()) {
            ways_on.push(format!("{}: last {last}", kept.name));
        }
    }
    if !ways_on.is_empty() {
        listing.note = Some(format!("{}; `restore JOB` goes on from there", ways_on.join("\n")));
    }
    Ok(listing)
}

/// The entries of the catalog of the kinds that are `wanted`. Those that can't be used any more say why.
pub(super) fn entries(session: &Session, wanted: impl Fn(EntryKind) -> bool) -> Listing {
    let mut listing = Listing::new(
        vec![Column::text("name"), Column::text("kind"), Column::text("what"), Column::text("from")],
        "nothing is defined",
    );
    for item in session.catalog().iter().filter(|item| wanted(item.kind())) {
        let what = what(session, item).unwrap_or_else(|error| format!("can't be used: {error}"));
        listing.push(vec![json!(item.name()), json!(item.kind().name()), json!(what), json!(item.origin().name())]);
    }
    listing
}

fn what(session: &Session, item: Item<'_>) -> Result<String, Diagnostic> {
    Ok(match item.entry().map_err(Clone::clone)? {
        Entry::Source(source) => source.source.describe(),
        Entry::Sink(sink) => match &sink.target {
            Some(target) => format!("{} '{}'", sink.connector.name, target.node),
            None => sink.connector.name.to_owned(),
        },
        Entry::Process(process) => {
            let states = process.states.iter().map(|state| state.name.node.as_str());
            format!("state {}", states.collect::<Vec<_>>().join(", "))
        }
        Entry::Function(function) => function.signature(),
        Entry::Stream(stream) => {
            let name = Spanned::new(stream.name.clone(), Span::default());
            session.shape_of(&name)?.map_or_else(String::new, |shape| shape.schema.to_string())
        }
    })
}

fn named(session: &Session, subject: &str) -> Listing {
    let mut listing = Listing::new(
        vec![
            Column::text("name").for_people(),
            Column::text("name").for_json(),
            Column::text("aliases").for_json(),
            Column::text("summary"),
            Column::text("flink"),
        ],
        "there are none",
    );
    for topic in super::help::topics(session).into_iter().filter(|topic| topic.kind.listing() == Some(subject)) {
        listing.push(vec![
            json!(topic.names.join(", ")),
            json!(topic.names.first()),
            json!(topic.names.get(1..)),
            json!(topic.summary),
            json!(topic.flink),
        ]);
    }
    listing
}
