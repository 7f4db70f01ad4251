//! `subtasks JOB`

use super::command::{Command, JSON, json};
use crate::api::{CommandSpec, Shape, Signature, StageArgs};
use crate::session::{Failure, Outcome, Session, listings};

/// The registry entry.
pub(super) const SPEC: Command = Command {
    spec: CommandSpec {
        name: "subtasks",
        aliases: &[],
        signature: Signature { head: &[Shape::Name], optional: &[], clauses: &[JSON] },
        usage: "subtasks JOB [--json]",
        summary: "lists the subtasks of a job and what they do",
        help: "A subtask is one of the parallel instances of a vertex. Of each: rows and bytes in and out, the share \
               of time that it was busy, back-pressured and idle, its watermark, how full its input queues are, rows \
               that were late or rejected, and the last checkpoint that it acknowledged. Of sinks also how long rows \
               took from the source, measured only while somebody looks.",
        examples: &["subtasks hot"],
        flink: Some("the job's vertices in the web UI"),
    },
    run,
};

fn run(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let view = session.job(args.word(0)?)?.job.fresh_view();
    Ok(Outcome::Listing(listings::subtasks(&view).json(json(args))))
}
