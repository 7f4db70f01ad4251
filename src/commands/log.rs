//! `log JOB`

use super::command::{Command, JSON, json};
use crate::api::{CommandSpec, Shape, Signature, StageArgs};
use crate::session::{Failure, Outcome, Session, listings};

/// The registry entry.
pub(super) const SPEC: Command = Command {
    spec: CommandSpec {
        name: "log",
        aliases: &[],
        signature: Signature { head: &[Shape::Name], optional: &[], clauses: &[JSON] },
        usage: "log JOB [--json]",
        summary: "lists what happened to a job",
        help: "Starts, restarts with their cause, pauses, rescales, failed checkpoints, savepoints and kills. Rows \
               that were late or rejected are summed up, with the last such row. The last few hundred events are \
               kept.",
        examples: &["log hot"],
        flink: Some("the Exceptions tab of the web UI"),
    },
    run,
};

fn run(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let view = session.job(args.word(0)?)?.job.view();
    Ok(Outcome::Listing(listings::log(&view).json(json(args))))
}
