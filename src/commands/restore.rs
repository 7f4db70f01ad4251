//! `restore JOB from savepoint 'DIR' | from checkpoint N [with (…)]`

use super::command::Command;
use crate::api::{Clause, CommandSpec, FROM_CHECKPOINT, FROM_SAVEPOINT, Shape, Signature, StageArgs};
use crate::runtime::Restore;
use crate::session::{Failure, Outcome, Session};
use crate::types::{CheckpointId, Diagnostic};

/// The registry entry.
pub(super) const SPEC: Command = Command {
    spec: CommandSpec {
        name: "restore",
        aliases: &[],
        signature: Signature {
            head: &[Shape::Name],
            optional: &[],
            clauses: &[
                FROM_SAVEPOINT,
                FROM_CHECKPOINT,
                Clause {
                    keyword: "with",
                    shape: Shape::Options,
                    required: false,
                    help: "options of the job that change, such as parallelism",
                },
            ],
        },
        usage: "restore JOB [from savepoint 'DIR' | from checkpoint N] [with (…)]",
        summary: "starts a job again from a savepoint or checkpoint",
        help: "Starts the job, as it was last run, from a savepoint or a retained checkpoint; from its last checkpoint when neither is named. If it still runs it is cancelled first. Operators find their state by uid. A job that an earlier shell has run is started by the statement that its checkpoint holds, with what it was made of then; a definition of this shell goes before that.",
        examples: &["restore hot from savepoint 'sp/hot-1' with (parallelism = 3)", "restore hot from checkpoint 7"],
        flink: Some("flink run -s"),
    },
    run,
};

fn run(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let savepoint = args.clause_word("from savepoint")?;
    let checkpoint = args.clause_integer("from checkpoint")?;
    let from = match (savepoint, checkpoint) {
        (Some(_), Some(number)) => {
            return Err(Diagnostic::at(number.span, "`restore` takes a savepoint or a checkpoint, not both").into());
        }
        (Some(directory), None) => Restore::Savepoint(session.path(&directory.node)),
        (None, Some(number)) => Restore::Checkpoint(CheckpointId(number.node)),
        (None, None) => Restore::Latest,
    };
    let options = args.clause_options("with")?.map_or(&[][..], Vec::as_slice);
    session.restore(args.word(0)?, &from, options)
}
