//! `checkpoints JOB`

use super::command::{Command, JSON, json};
use crate::api::{CommandSpec, Shape, Signature, StageArgs};
use crate::session::{Failure, Outcome, Session, listings};

/// The registry entry.
pub(super) const SPEC: Command = Command {
    spec: CommandSpec {
        name: "checkpoints",
        aliases: &[],
        signature: Signature { head: &[Shape::Name], optional: &[], clauses: &[JSON] },
        usage: "checkpoints JOB [--json]",
        summary: "lists the checkpoints and savepoints of a job",
        help: "Number, state, when it was triggered, how long it took, the longest alignment, the bytes written for it and the bytes of all state it consists of; then the savepoints with their directories, those that failed too; and when the next checkpoint is due.",
        examples: &["checkpoints hot"],
        flink: Some("the Checkpoints tab of the web UI"),
    },
    run,
};

fn run(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let view = session.job(args.word(0)?)?.job.view();
    Ok(Outcome::Listing(listings::checkpoints(&view).json(json(args))))
}
