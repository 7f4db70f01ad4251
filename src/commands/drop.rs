//! `drop source|stream|sink|process|function NAME`

use super::command::Command;
use crate::api::{CommandSpec, Shape, Signature, StageArgs};
use crate::session::{Failure, Outcome, Session};
use crate::types::Diagnostic;

/// The registry entry.
pub(super) const SPEC: Command = Command {
    spec: CommandSpec {
        name: "drop",
        aliases: &[],
        signature: Signature {
            head: &[Shape::Keyword(&["source", "stream", "sink", "process", "function", "job"]), Shape::Name],
            optional: &[],
            clauses: &[],
        },
        usage: "drop source|stream|sink|process|function NAME",
        summary: "takes a definition away",
        help: "The name is free then. A definition that a stream or a running job reads is not dropped: the readers \
               are listed, to be dropped, stopped or cancelled first. To change a definition, type the new one: the \
               prompt asks before it replaces the old one. A script has to drop it first.",
        examples: &["stream pricey = bids | filter price > 1000;\ndrop stream pricey;"],
        flink: Some("DROP TABLE, DROP VIEW"),
    },
    run,
};

fn run(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let (kind, name) = (args.word(0)?, args.word(1)?);
    if kind.node == "job" {
        return Err(Diagnostic::answer(
            kind.span.to(name.span),
            format!("`cancel {0}` ends the job; `.forget {0}` drops what is remembered of it", name.node),
        )
        .into());
    }
    session.drop_definition(&kind.node, name)
}
