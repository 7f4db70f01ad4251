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
        help: "Of each checkpoint: the number, the state, when it was triggered, how long it took, the longest \
               alignment, the bytes written for it, and the bytes of all state that it consists of. Then the \
               savepoints with their directories, those that failed too, and when the next checkpoint is due. Of a \
               job that does not run here, the checkpoints that the state directory keeps are listed.",
        examples: &["checkpoint hot", "checkpoints hot"],
        flink: Some("the Checkpoints tab of the web UI"),
    },
    run,
};

fn run(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let name = args.word(0)?;
    let listing = match (session.job(name), session.kept_job(&name.node)) {
        (Err(_), Some(kept)) => listings::kept_checkpoints(&kept.readable()?),
        (job, _) => listings::checkpoints(&job?.job.view()),
    };
    Ok(Outcome::Listing(listing.json(json(args))))
}
