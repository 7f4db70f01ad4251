//! `watermarks JOB`

use super::command::{Command, JSON, json};
use crate::api::{CommandSpec, Shape, Signature, StageArgs};
use crate::session::{Failure, Outcome, Session, listings};

/// The registry entry.
pub(super) const SPEC: Command = Command {
    spec: CommandSpec {
        name: "watermarks",
        aliases: &[],
        signature: Signature { head: &[Shape::Name], optional: &[], clauses: &[JSON] },
        usage: "watermarks JOB [--json]",
        summary: "lists the watermark of every subtask and which input, file or source holds it back",
        help: "A watermark says how far event time has come. A subtask's watermark is the least of its input \
               channels that are not idle. `inputs` lists them by the subtask that they come from. `held_by` names \
               those that have the least, and is empty when all are equally far. `lag_ms` is how far the watermark \
               is behind the newest event time that any source has read.",
        examples: &["watermarks hot"],
        flink: Some("the Watermarks tab of the web UI"),
    },
    run,
};

fn run(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let view = session.job(args.word(0)?)?.job.fresh_view();
    Ok(Outcome::Listing(listings::watermarks(&view).json(json(args))))
}
