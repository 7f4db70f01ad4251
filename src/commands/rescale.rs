//! `rescale JOB to N`

use super::command::Command;
use crate::api::{Clause, CommandSpec, Shape, Signature, StageArgs};
use crate::session::{Failure, Outcome, Session};
use crate::types::Diagnostic;

/// The registry entry.
pub(super) const SPEC: Command = Command {
    spec: CommandSpec {
        name: "rescale",
        aliases: &[],
        signature: Signature {
            head: &[Shape::Name],
            optional: &[],
            clauses: &[Clause { keyword: "to", shape: Shape::Integer, required: true, help: "the new parallelism" }],
        },
        usage: "rescale JOB to N",
        summary: "changes the parallelism of a running job",
        help: "Parallelism is how many subtasks work side by side. The job takes a checkpoint, stops, and starts \
               again from it with N subtasks. Its state is dealt out among them by key group, and no key is lost. N \
               is at most the job's `max_parallelism`.",
        examples: &["rescale hot to 4"],
        flink: Some("rescaling"),
    },
    run,
};

fn run(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let to = args
        .clause_integer("to")?
        .ok_or_else(|| Diagnostic::at(args.span, "to what parallelism? write `rescale JOB to N`"))?;
    let parallelism = usize::try_from(to.node)
        .ok()
        .filter(|&n| n > 0)
        .ok_or_else(|| Diagnostic::at(to.span, "the parallelism must be at least 1"))?;
    let entry = session.rescale(args.word(0)?, parallelism)?;
    Ok(Outcome::Message(format!("job {} has parallelism {parallelism}", entry.name)))
}
