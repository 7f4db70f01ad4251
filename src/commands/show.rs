//! `show jobs | sources | sinks | streams | stages | windows | functions | connectors | commands`

use serde_json::json;

use super::command::{Command, JSON, json};
use crate::api::{CommandSpec, Shape, Signature, StageArgs};
use crate::plan::Entry;
use crate::session::{Column, Failure, Listing, Outcome, Session};

const SUBJECTS: &[&str] =
    &["jobs", "sources", "sinks", "streams", "stages", "windows", "functions", "connectors", "commands"];

/// The registry entry.
pub(super) const SPEC: Command = Command {
    spec: CommandSpec {
        name: "show",
        aliases: &[],
        signature: Signature { head: &[Shape::Keyword(SUBJECTS)], optional: &[], clauses: &[JSON] },
        usage: "show jobs|sources|sinks|streams|stages|windows|functions|connectors|commands [--json]",
        summary: "lists jobs, what is defined, or what the language has",
        help: "Lists the jobs of this session with their state; the sources, sinks and streams that are defined; or the stages, window functions, functions, connectors and commands that there are.",
        examples: &["show jobs", "show functions --json"],
        flink: Some("SHOW JOBS, SHOW TABLES, SHOW FUNCTIONS"),
    },
    run,
};

fn run(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let listing = match args.word(0)?.node.as_str() {
        "jobs" => jobs(session),
        "sources" => entries(session, |entry| matches!(entry, Entry::Source(_))),
        "sinks" => entries(session, |entry| matches!(entry, Entry::Sink(_))),
        "streams" => entries(session, |entry| matches!(entry, Entry::Stream(_))),
        subject => named(session, subject),
    };
    Ok(Outcome::Listing(listing.json(json(args))))
}

fn jobs(session: &Session) -> Listing {
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
        ],
        "no jobs",
    );
    for entry in session.jobs() {
        let view = entry.job.view();
        listing.push(vec![
            json!(entry.name),
            json!(view.status),
            json!(view.parallelism),
            json!(view.source_rows),
            json!(view.sink_rows),
            json!(view.restarts_in_all()),
            json!(view.checkpoints.iter().filter(|checkpoint| checkpoint.was_completed()).count()),
            json!(view.cause),
        ]);
    }
    listing
}

/// The entries of the catalog that `wanted` allows.
pub(super) fn entries(session: &Session, wanted: impl Fn(&Entry) -> bool) -> Listing {
    let mut listing =
        Listing::new(vec![Column::text("name"), Column::text("kind"), Column::text("what")], "nothing is defined");
    for entry in session.catalog().iter().filter(|entry| wanted(entry)) {
        let what = match entry {
            Entry::Source(source) => source.source.describe(),
            Entry::Sink(sink) => match &sink.target {
                Some(target) => format!("{} '{}'", sink.connector.name, target.node),
                None => sink.connector.name.to_owned(),
            },
            Entry::Stream(stream) => stream.shape.schema.to_string(),
        };
        listing.push(vec![json!(entry.name()), json!(entry.kind()), json!(what)]);
    }
    listing
}

fn named(session: &Session, subject: &str) -> Listing {
    let mut listing =
        Listing::new(vec![Column::text("name"), Column::text("summary"), Column::text("flink")], "there are none");
    for topic in super::help::topics(session).into_iter().filter(|topic| topic.kind.listing() == Some(subject)) {
        listing.push(vec![json!(topic.names.join(", ")), json!(topic.summary), json!(topic.flink)]);
    }
    listing
}
