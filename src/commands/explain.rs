//! `explain JOB | NAME | PIPELINE | RUN [from …]`

use std::sync::Arc;

use serde_json::json;

use super::command::{self, Command, JSON};
use crate::api::{
    Arg, Clause, CommandSpec, FROM_CHECKPOINT, FROM_LATEST, FROM_SAVEPOINT, Shape, Signature, StageArgs, StartFrom,
};
use crate::lang::lower::JobPlan;
use crate::lang::typed_name;
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
        help: "Of a job, one that does not run too, or of a pipeline that would run: the logical plan as typed and as \
               optimised, the stream graph (operators and exchanges), the job graph (chains of operators) and the \
               execution (subtasks in their slots). Each is a tree with the sinks on top.\n\
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
    let mut not_here = None;
    let (plan, from) = if let Some(Arg::Run(run)) = args.head.first() {
        let from = clause.or_else(|| Some(Spanned::new(run.from.clone()?, run.name.span)));
        (session.plan_job(run)?, from)
    } else {
        let pipeline = args.pipeline(0)?;
        let name = (pipeline.stages.is_empty() && !pipeline.file).then_some(&pipeline.from);
        if let Some(entry) = name.and_then(|name| session.job(name).ok()) {
            // As it runs now, whoever has rescaled it.
            let mut plan = entry.plan.clone();
            Arc::make_mut(&mut plan.settings).parallelism = entry.job.view().parallelism;
            (plan, clause)
        } else if let Some((plan, held_by)) = kept(session, name, clause.is_some())? {
            not_here = Some(held_by);
            (plan, clause)
        } else if let Some(from) = clause {
            return Err(Diagnostic::at(from.span, "only a job starts from a checkpoint or savepoint")
                .help("name a job, or write `explain run JOB from … = …`")
                .into());
        } else {
            (session.plan(pipeline)?, None)
        }
    };
    if let Some(from) = from {
        return restored(args, session, &plan, &from);
    }
    Ok(explained(&plan, |levels| {
        if command::json(args) {
            let mut levels = levels.json();
            if let Some(held_by) = not_here {
                levels["runs_here"] = json!(false);
                levels["runs_in_pid"] = json!(held_by);
            }
            Outcome::Json(levels)
        } else if args.clause("--mermaid").is_some() {
            Outcome::Text(levels.mermaid())
        } else {
            let said = not_here.map_or_else(String::new, |held_by| where_it_runs(&plan.name, held_by));
            Outcome::Text(said + &levels.text())
        }
    }))
}

/// The plan of a job that this session does not run, and the process that does; `None` where `name` is something else's
/// too, unless only a job can be meant.
fn kept(
    session: &Session,
    name: Option<&Spanned<String>>,
    only_a_job: bool,
) -> Result<Option<(JobPlan, Option<u32>)>, Failure> {
    match name.filter(|name| only_a_job || session.catalog().get(&name.node).is_none()) {
        Some(name) => session.kept_plan(name),
        None => Ok(None),
    }
}

/// The line above the plan of a job that this session does not run.
fn where_it_runs(job: &str, held_by: Option<u32>) -> String {
    match held_by {
        Some(pid) => {
            format!("Job {job} runs in another lotic (pid {pid}). Its plan, by the statement it was started with:\n\n")
        }
        None => format!("Job {job} does not run. `restore {}` would start this plan:\n\n", typed_name(job)),
    }
}

/// What the job of `plan` would go on from.
fn restored(
    args: &StageArgs,
    session: &mut Session,
    plan: &JobPlan,
    from: &Spanned<StartFrom>,
) -> Result<Outcome, Failure> {
    let Some(run) = session.dry_run(plan, &from.node)? else {
        return Err(Diagnostic::at(from.span, format!("job `{}` has no checkpoint to start from", plan.name))
            .help("`from savepoint 'DIR'` takes a savepoint")
            .into());
    };
    Ok(if command::json(args) {
        Outcome::Json(listings::restore_json(&run, &plan.name))
    } else {
        Outcome::Listing(listings::restore(&run, &plan.name))
    })
}
