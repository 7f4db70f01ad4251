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
        help: "A checkpoint is a copy of the job's state at one moment, from which the job goes on after a failure. \
               The command waits until it is on disk. `checkpoints JOB` lists it, and it can be restored while it is \
               kept: the last three are, unless `retained_checkpoints` says otherwise.",
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
