//! `rounds JOB`

use super::command::{Command, JSON, json};
use crate::api::{CommandSpec, Shape, Signature, StageArgs};
use crate::session::{Failure, Outcome, Session, listings};

/// The registry entry.
pub(super) const SPEC: Command = Command {
    spec: CommandSpec {
        name: "rounds",
        aliases: &[],
        signature: Signature { head: &[Shape::Name], optional: &[], clauses: &[JSON] },
        usage: "rounds JOB [--json]",
        summary: "lists the rounds of a job's `iterate` stages",
        help: "For each round that is done the rows that it gave, those of them that it was not given, of the last 1,000 of them. With `--json` the time that each took too, and some of the rows that it was not given, of the last 100. The panel `windows` shows them as they come.",
        examples: &["rounds hot"],
        flink: None,
    },
    run,
};

fn run(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let view = session.job(args.word(0)?)?.job.fresh_view();
    Ok(Outcome::Listing(listings::rounds(&view).json(json(args))))
}
