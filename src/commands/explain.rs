//! `explain JOB | NAME | PIPELINE | RUN`

use std::sync::Arc;

use super::command::{Command, JSON, json};
use crate::api::{Arg, Clause, CommandSpec, Shape, Signature, StageArgs};
use crate::session::{Failure, Outcome, Session, explained};

/// The registry entry.
pub(super) const SPEC: Command = Command {
    spec: CommandSpec {
        name: "explain",
        aliases: &[],
        signature: Signature {
            head: &[Shape::Pipeline],
            optional: &[],
            clauses: &[
                JSON,
                Clause {
                    keyword: "--mermaid",
                    shape: Shape::Flag,
                    required: false,
                    help: "prints a diagram in mermaid's language",
                },
            ],
        },
        usage: "explain JOB|NAME|PIPELINE|run … [--json] [--mermaid]",
        summary: "shows how a job or pipeline is run",
        help: "Shows, of a job or of what would run, the logical plan as typed and as optimised, the stream graph (operators and exchanges), the job graph (chains), and the execution (subtasks in their slots), as trees with the sinks on top.",
        examples: &[
            "explain hot",
            "explain bids | filter price > 1000 | map auction --json",
            "explain run counts with (parallelism = 2) = bids | key_by auction | aggregate count(*) as n | into blackhole",
        ],
        flink: Some("EXPLAIN"),
    },
    run,
};

fn run(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let planned;
    let plan = if let Some(Arg::Run(run)) = args.head.first() {
        planned = session.plan_job(run)?;
        &planned
    } else {
        let pipeline = args.pipeline(0)?;
        let job = (pipeline.stages.is_empty() && !pipeline.file).then(|| session.job(&pipeline.from).ok()).flatten();
        if let Some(entry) = job {
            // As it runs now, whoever has rescaled it.
            let mut plan = entry.plan.clone();
            Arc::make_mut(&mut plan.settings).parallelism = entry.job.view().parallelism;
            planned = plan;
            &planned
        } else {
            planned = session.plan(pipeline)?;
            &planned
        }
    };
    Ok(explained(plan, |levels| {
        if json(args) {
            Outcome::Json(levels.json())
        } else if args.clause("--mermaid").is_some() {
            Outcome::Text(levels.mermaid())
        } else {
            Outcome::Text(levels.text())
        }
    }))
}
