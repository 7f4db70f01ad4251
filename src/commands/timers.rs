//! `timers JOB`

use super::command::{Command, JSON, json};
use crate::api::{CommandSpec, Shape, Signature, StageArgs};
use crate::session::{Failure, Outcome, Session, listings};

/// The registry entry.
pub(super) const SPEC: Command = Command {
    spec: CommandSpec {
        name: "timers",
        aliases: &[],
        signature: Signature { head: &[Shape::Name], optional: &[], clauses: &[JSON] },
        usage: "timers JOB [--json]",
        summary: "lists the timers of a job's process functions",
        help: "For each subtask with a process function the timers that are due next, at most 20 of event time and 20 of processing time: the timer's name, its key, when it is due, and for one of event time how far the watermark still is from it. How many more wait is said below.",
        examples: &["timers hot"],
        flink: None,
    },
    run,
};

fn run(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let view = session.job(args.word(0)?)?.job.fresh_view();
    Ok(Outcome::Listing(listings::timers(&view).json(json(args))))
}
