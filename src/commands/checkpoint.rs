//! `checkpoint JOB`

use super::command::Command;
use crate::api::{CommandSpec, Shape, Signature, StageArgs};
use crate::session::{Failure, Outcome, Session};

/// The registry entry.
pub(super) const SPEC: Command = Command {
    spec: CommandSpec {
        name: "checkpoint",
        aliases: &[],
        signature: Signature { head: &[Shape::Name], optional: &[], clauses: &[] },
        usage: "checkpoint JOB",
        summary: "takes a checkpoint of a job now",
        help: "Takes a checkpoint and waits until it is durable. It is listed by checkpoints and can be restored while it is retained.",
        examples: &["checkpoint hot"],
        flink: Some("CHECKPOINT"),
    },
    run,
};

fn run(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let entry = session.job(args.word(0)?)?;
    let taken = entry.job.checkpoint()?;
    Ok(Outcome::Message(format!(
        "checkpoint {} of {} took {} ms, {} bytes",
        taken.id,
        entry.name,
        taken.duration_ms.unwrap_or(0),
        taken.delta_bytes.unwrap_or(0)
    )))
}
