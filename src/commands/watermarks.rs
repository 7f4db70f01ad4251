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
        help: "A subtask's watermark is the minimum over its input channels that are not idle. inputs lists them by the subtask they come from; held_by names those that have the minimum, and is empty when all are equally far. Of a source whose files have a watermark each (`partitioned = true`), inputs are those files. waits_for is the source subtask that an aligned one waits for, being too far ahead of it. lag_ms is how far the watermark is behind the newest event time that any source has read.",
        examples: &["watermarks hot"],
        flink: Some("the Watermarks tab of the web UI"),
    },
    run,
};

fn run(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let view = session.job(args.word(0)?)?.job.fresh_view();
    Ok(Outcome::Listing(listings::watermarks(&view).json(json(args))))
}
