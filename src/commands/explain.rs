//! `explain JOB | NAME | PIPELINE | RUN [from …]`

use std::sync::Arc;

use super::command::{Command, JSON, json};
use crate::api::{
    Arg, Clause, CommandSpec, FROM_CHECKPOINT, FROM_LATEST, FROM_SAVEPOINT, Shape, Signature, StageArgs, StartFrom,
};
use crate::lang::lower::JobPlan;
use crate::session::{Failure, Outcome, Session, explained, listings};
use crate::types::{Diagnostic, Spanned};

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
                FROM_LATEST,
                FROM_SAVEPOINT,
                FROM_CHECKPOINT,
            ],
        },
        usage: "explain JOB|NAME|PIPELINE|run … [from latest|savepoint 'DIR'|checkpoint N] [--json] [--mermaid]",
        summary: "shows how a job or pipeline is run",
        help: "Of a job, or of a pipeline that would run: the logical plan as typed and as optimised, the stream \
               graph (operators and exchanges), the job graph (chains of operators) and the execution (subtasks in \
               their slots). Each is a tree with the sinks on top.\n\
               \n\
               With `from` it shows what a restore would take, and starts nothing: each state with its operator and \
               uid, its entries and bytes, and whether it is taken, new, left out, or refused, with what to do.",
        examples: &[
            "explain hot",
            "explain bids | filter price > 1000 | map auction --json",
            "checkpoint hot",
            "explain hot from latest",
            "explain run counts with (parallelism = 2) = bids | key_by auction | aggregate count(*) as n | into blackhole",
        ],
        flink: Some("EXPLAIN"),
    },
    run,
};

fn run(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let clause = StartFrom::among(&args.clauses)?;
    let (plan, from) = if let Some(Arg::Run(run)) = args.head.first() {
        let from = clause.or_else(|| Some(Spanned::new(run.from.clone()?, run.name.span)));
        (session.plan_job(run)?, from)
    } else {
        let pipeline = args.pipeline(0)?;
        let job = (pipeline.stages.is_empty() && !pipeline.file).then(|| session.job(&pipeline.from).ok()).flatten();
        if let Some(entry) = job {
            // As it runs now, whoever has rescaled it.
            let mut plan = entry.plan.clone();
            Arc::make_mut(&mut plan.settings).parallelism = entry.job.view().parallelism;
            (plan, clause)
        } else if let Some(from) = clause {
            return Err(Diagnostic::at(from.span, "only a job starts from a state")
                .help("name a job of this session, or `explain run JOB from … = …`")
                .into());
        } else {
            (session.plan(pipeline)?, None)
        }
    };
    if let Some(from) = from {
        return restored(args, session, &plan, &from);
    }
    Ok(explained(&plan, |levels| {
        if json(args) {
            Outcome::Json(levels.json())
        } else if args.clause("--mermaid").is_some() {
            Outcome::Text(levels.mermaid())
        } else {
            Outcome::Text(levels.text())
        }
    }))
}

/// What the job of `plan` would go on from.
fn restored(
    args: &StageArgs,
    session: &mut Session,
    plan: &JobPlan,
    from: &Spanned<StartFrom>,
) -> Result<Outcome, Failure> {
    let Some(run) = session.dry_run(plan, &from.node)? else {
        return Err(Diagnostic::at(from.span, format!("job `{}` has no checkpoint to start from", plan.name)).into());
    };
    Ok(if json(args) {
        Outcome::Json(listings::restore_json(&run, &plan.name))
    } else {
        Outcome::Listing(listings::restore(&run, &plan.name))
    })
}
