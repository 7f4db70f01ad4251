//! `wait JOB [until rows N | until checkpoint N | until restart N] [timeout DURATION]`

use super::command::Command;
use crate::api::{Clause, CommandSpec, Shape, Signature, StageArgs};
use crate::session::{Failure, Outcome, Session, ShellRequest, WaitRequest, WaitUntil};
use crate::types::{Diagnostic, Spanned};

const fn until(keyword: &'static str, help: &'static str) -> Clause {
    Clause { keyword, shape: Shape::Integer, required: false, help }
}

const ROWS: &str = "until rows";
const CHECKPOINT: &str = "until checkpoint";
const RESTART: &str = "until restart";

/// The registry entry.
pub(super) const SPEC: Command = Command {
    spec: CommandSpec {
        name: "wait",
        aliases: &[],
        signature: Signature {
            head: &[Shape::Name],
            optional: &[],
            clauses: &[
                until(ROWS, "its sources have read so many rows"),
                until(CHECKPOINT, "the checkpoint of this number, or a later one, is complete"),
                until(RESTART, "it runs again after so many restarts"),
                Clause {
                    keyword: "timeout",
                    shape: Shape::Duration,
                    required: false,
                    help: "waiting longer is a failure; without end by default",
                },
            ],
        },
        usage: "wait JOB [until rows N | until checkpoint N | until restart N] [timeout DURATION]",
        summary: "waits until a job is over, or until something has happened in it",
        help: "A script uses it where a person would look: the next statement runs when the job is over, or has read \
               so many rows, completed a checkpoint, or restarted. If the job fails, or ends before that, the wait \
               fails. Ctrl-C ends the wait, not the job.",
        examples: &[
            "wait hot until rows 50000 timeout 60s",
            "checkpoint hot",
            "wait hot until checkpoint 1",
            "stop hot",
            "wait hot",
        ],
        flink: Some("SET 'table.dml-sync' = 'true'"),
    },
    run,
};

fn run(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let job = session.job(args.word(0)?)?.name.clone();
    let rows = args.clause_integer(ROWS)?.map(|n| (n, WaitUntil::Rows(n.node)));
    let checkpoint = args.clause_integer(CHECKPOINT)?.map(|n| (n, WaitUntil::Checkpoint(n.node)));
    let restart = args.clause_integer(RESTART)?.map(|n| (n, restarts(n)));
    let mut asked = [rows, checkpoint, restart].into_iter().flatten();
    let until = asked.next().map_or(WaitUntil::End, |(_, until)| until);
    if let Some((number, _)) = asked.next() {
        return Err(Diagnostic::at(number.span, "`wait` takes one `until`").into());
    }
    let timeout_ms = args.clause_duration("timeout")?.map(|duration| duration.node.unsigned_abs());
    Ok(Outcome::Shell(ShellRequest::Wait(WaitRequest { job, until, timeout_ms })))
}

fn restarts(number: &Spanned<u64>) -> WaitUntil {
    WaitUntil::Restart(u32::try_from(number.node).unwrap_or(u32::MAX))
}
