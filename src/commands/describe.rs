//! `describe NAME`, `\d [NAME]`

use serde_json::json;

use super::{CommandSpec, JSON, json, show};
use crate::api::{CommandSyntax, Shape, Signature, StageArgs};
use crate::plan::Entry;
use crate::session::{Column, Failure, Listing, Outcome, Session};
use crate::types::Spanned;

/// The registry entry.
pub(super) const SPEC: CommandSpec = CommandSpec {
    syntax: CommandSyntax {
        name: "describe",
        aliases: &["desc"],
        signature: Signature { head: &[Shape::Name], optional: &[], clauses: &[JSON] },
    },
    usage: "describe NAME [--json]",
    summary: "lists the columns of a source, sink or stream",
    help: "Lists the columns with their types, whether they can be null, and which is the event time with its watermark.",
    examples: &["describe bids"],
    flink: Some("DESCRIBE"),
    run: |args, session| describe(args.word(0)?, json(args), session),
};

/// The short form.
pub(super) const SHORT: CommandSpec = CommandSpec {
    syntax: CommandSyntax {
        name: "\\d",
        aliases: &[],
        signature: Signature { head: &[], optional: &[Shape::Name], clauses: &[JSON] },
    },
    usage: "\\d [NAME]",
    summary: "lists what is defined, or the columns of one",
    help: "Without a name lists the sources, streams and sinks; with one it is the same as describe.",
    examples: &["\\d", "\\d bids"],
    flink: Some("SHOW TABLES"),
    run: short,
};

fn short(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    match args.head.first() {
        Some(_) => describe(args.word(0)?, json(args), session),
        None => Ok(Outcome::Listing(show::entries(session, |_| true).json(json(args)))),
    }
}

fn describe(name: &Spanned<String>, as_json: bool, session: &Session) -> Result<Outcome, Failure> {
    let entry = session.catalog().get(&name.node).ok_or_else(|| {
        session.catalog().unknown("source, stream or sink", name, |_| true, std::iter::empty::<&str>())
    })?;
    let mut listing = Listing::new(
        vec![Column::text("column"), Column::text("type"), Column::text("nullable"), Column::text("time")],
        "a sink has the columns that arrive",
    );
    let event_time = match entry {
        Entry::Source(source) => source.event_time.as_ref(),
        Entry::Stream(_) | Entry::Sink(_) => None,
    };
    if let Some(shape) = entry.shape() {
        for (index, field) in shape.schema.fields().iter().enumerate() {
            let time = event_time
                .filter(|spec| spec.time.as_column() == Some(index))
                .map(|spec| format!("event time, watermark {} ms behind", spec.delay_ms));
            listing.push(vec![json!(field.name), json!(field.ty.to_string()), json!(field.nullable), json!(time)]);
        }
    }
    Ok(Outcome::Listing(listing.json(as_json)))
}
