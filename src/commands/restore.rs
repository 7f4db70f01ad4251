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
        help: "The job starts, as it was last run, from a savepoint or a checkpoint that is kept; from its last \
               checkpoint when none is named. If it still runs, it is cancelled first. An operator finds its state \
               by its uid.\n\
               \n\
               A job of an earlier shell is started by the statement that its checkpoint holds, and with the \
               definitions that it was made of. A definition of this shell goes before those.\n\
               \n\
               `run JOB from …` goes on with a pipeline that has changed.",
        examples: &[
            "savepoint hot to 'sp/hot-2'",
            "restore hot from savepoint 'sp/hot-2' with (parallelism = 3)",
            "checkpoint hot",
            "restore hot",
        ],
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
