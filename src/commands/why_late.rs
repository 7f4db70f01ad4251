//! `why late JOB`

use super::command::{Command, JSON, json};
use crate::api::{CommandSpec, Shape, Signature, StageArgs};
use crate::session::{Failure, Outcome, Session, listings};

/// The registry entry.
pub(super) const SPEC: Command = Command {
    spec: CommandSpec {
        name: "why late",
        aliases: &[],
        signature: Signature { head: &[Shape::Name], optional: &[], clauses: &[JSON] },
        usage: "why late JOB [--json]",
        summary: "lists the rows that came too late and that nobody reads",
        help: "A row is late when, at its own arrival, the watermark has passed the end of all its windows and their lateness. The last hundred of each subtask are listed, read again from their source where it is at hand: the row, its time, the ends of its windows, the watermark at that moment, and late_by_ms: a watermark delay or a lateness longer by more than that would have let the row in. Below, of all late rows since the job was last started, the lateness that would have admitted them, and how many were late by how much. Rows that go to a side output (`late_to`) are there instead.",
        examples: &["why late hot"],
        flink: None,
    },
    run,
};

fn run(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let entry = session.job(args.word(0)?)?;
    let view = entry.job.fresh_view();
    let whole = session.whole_late_rows(entry, &view);
    Ok(Outcome::Listing(listings::late(&view, &whole).json(json(args))))
}
