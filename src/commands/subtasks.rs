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
        summary: "lists the subtasks of a job with their counters",
        help: "Rows and bytes in and out, the shares of time that each subtask was busy, back-pressured and idle, its watermark, the fill of its input queues, rows that were late or rejected, the last checkpoint that it acknowledged and how long ago, and, for sinks, how long rows took from the source (measured only while somebody looks).",
        examples: &["subtasks hot"],
        flink: Some("the job's vertices in the web UI"),
    },
    run,
};

fn run(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let view = session.job(args.word(0)?)?.job.fresh_view();
    Ok(Outcome::Listing(listings::subtasks(&view).json(json(args))))
}
