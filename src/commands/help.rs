//! `help [TOPIC]`, `\?`

mod page;
mod topics;

pub use topics::{Kind, Topic, topics};

use self::page::{overview, page};
use super::command::Command;
use crate::api::{CommandSpec, Shape, Signature, StageArgs};
use crate::session::{Failure, Outcome, Session};
use crate::types::Diagnostic;

/// The registry entry.
pub(super) const SPEC: Command = Command {
    spec: CommandSpec {
        name: "help",
        aliases: &[],
        signature: Signature { head: &[], optional: &[Shape::Name, Shape::Name, Shape::Name], clauses: &[] },
        usage: "help [TOPIC]",
        summary: "explains a stage, function, connector, command or statement",
        help: "Without a topic, lists all topics. A topic may be called by any of its names. A clause or an option is explained on the page that it belongs to: `help lateness` shows the page of `window`. The examples of a page run as they stand, in their order, in a shell that was just started.",
        examples: &["help", "help window", "help tumble", "help why late", "help lateness"],
        flink: Some("HELP"),
    },
    run,
};

/// The short form.
pub(super) const SHORT: Command = Command {
    spec: CommandSpec {
        name: "\\?",
        aliases: &["?", "\\h", ".help"],
        signature: Signature { head: &[], optional: &[Shape::Name], clauses: &[] },
        usage: "\\? [TOPIC]",
        summary: "the same as help",
        help: "Without a topic, lists all topics; with one, explains it.",
        examples: &["\\?", "\\? window"],
        flink: None,
    },
    run,
};

fn run(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let topics = topics(session);
    if args.head.is_empty() {
        return Ok(Outcome::Text(overview(&topics)));
    }
    let mut words = Vec::new();
    for index in 0..args.head.len() {
        words.push(args.word(index)?.node.as_str());
    }
    let found = find(&topics, &words);
    if found.is_empty() {
        let wanted = words.join(" ");
        let names = topics.iter().flat_map(|topic| topic.names.iter().copied());
        let span = args.word(0)?.span.to(args.word(args.head.len() - 1)?.span);
        let unknown = Diagnostic::at(span, format!("there is no help on `{wanted}`"))
            .label("expected a stage, function, connector, command or statement");
        return Err(unknown.did_you_mean(&wanted, names).into());
    }
    Ok(Outcome::Text(found.iter().map(|topic| page(topic)).collect::<Vec<_>>().join("\n")))
}

/// The topics that are meant by these words: by their name, by its first word, by a clause or option; else by one of the
/// words, as in `window tumble`, `source file` and `show jobs`.
fn find<'t>(topics: &'t [Topic], words: &[&str]) -> Vec<&'t Topic> {
    let by = |fits: &dyn Fn(&Topic) -> bool| topics.iter().filter(|topic| fits(topic)).collect::<Vec<_>>();
    let (wanted, joined) = (words.join(" "), words.join("_"));
    let called = by(&|topic| topic.is_called(&wanted) || topic.is_called(&joined));
    if !called.is_empty() {
        return called;
    }
    let first = by(&|topic| topic.begins_with(&wanted));
    if !first.is_empty() {
        return first;
    }
    let mut detailed = by(&|topic| topic.has_detail(&wanted));
    if !detailed.is_empty() {
        // An option that every connector has is explained once.
        detailed.dedup_by_key(|topic| topic.kind);
        return detailed;
    }
    let last_first = words.iter().rev().filter(|_| words.len() > 1);
    last_first.map(|word| by(&|topic| topic.is_called(word))).find(|found| !found.is_empty()).unwrap_or_default()
}
