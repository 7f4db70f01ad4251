//! From the state in a checkpoint or savepoint to that of a job's operators: what fits, and under which uid it is found.

use std::sync::Arc;

use super::held_rows::as_read_now;
use super::job_spec::{JobSpec, Restore};
use super::redb_storage::savepoint_point;
use super::source_state::{self, HELD, ReaderState};
use super::storage::{CheckpointStorage, RestorePoint};
use crate::checkpoint::{
    Fate, JobOperator, Manifest, RestorePlan, SnapshotKind, StateSize, StoredOperator, match_operators,
};
use crate::plan::JobGraph;
use crate::state::{Instance, RestoredState, StateDescriptor};
use crate::types::{CheckpointId, Error, FormerUids, OperatorUid, Result};

/// The look at a start that is not made: what it would go on from.
#[derive(Debug)]
pub struct DryRun {
    /// What it would start from: `checkpoint 7`.
    pub point: String,
    /// What becomes of each state, with its size.
    pub plan: RestorePlan,
}

/// Looks at the start of `spec` from what its restore says, in `storage` unless that is a savepoint; `None` where it has
/// nothing to start from. Nothing is changed.
///
/// # Errors
/// When there is no such checkpoint or savepoint, or it can't be read, or is of another job.
pub(super) fn dry_run(spec: &JobSpec, storage: Option<&dyn CheckpointStorage>) -> Result<Option<DryRun>> {
    let Some(point) = point_of(&spec.restore, storage)? else { return Ok(None) };
    let mut plan = plan_restore(&spec.graph, &*point, spec.options.settings.allow_non_restored_state)?;
    for state in &mut plan.states {
        let uid = match &state.fate {
            Fate::Taken(Some(stored)) => stored.clone(),
            Fate::Taken(None) | Fate::New | Fate::LeftOut | Fate::Refused { .. } => OperatorUid::new(&state.operator),
        };
        state.size = point.size(&uid, &state.state)?;
    }
    Ok(Some(DryRun { point: name_of(&*point, &spec.graph.name), plan }))
}

/// Refuses a start of `spec` that can't be made, as [`dry_run`] sees it.
///
/// # Errors
/// When it does not fit, with all that does not; and as [`dry_run`].
pub(super) fn check(spec: &JobSpec, storage: Option<&dyn CheckpointStorage>) -> Result<()> {
    match point_of(&spec.restore, storage)? {
        Some(point) => checked(&spec.graph, &*point, spec.options.settings.allow_non_restored_state).map(|_| ()),
        None => Ok(()),
    }
}

/// The state of `point` as the operators of `graph` are given it.
///
/// # Errors
/// When it does not fit, with all that does not.
pub(super) fn adopt(graph: &JobGraph, point: Arc<dyn RestorePoint>, allow: bool) -> Result<Adopted> {
    let renamed = checked(graph, &*point, allow)?.renamed;
    Ok(Adopted { point, renamed })
}

/// A restore point whose operators have the uids of the job that starts from it.
pub(super) struct Adopted {
    point: Arc<dyn RestorePoint>,
    /// The uid of an operator, and the one under which its state is stored.
    pub(super) renamed: Vec<(OperatorUid, OperatorUid)>,
}

impl Adopted {
    fn stored<'a>(&'a self, uid: &'a OperatorUid) -> &'a OperatorUid {
        self.renamed.iter().find(|(now, _)| now == uid).map_or(uid, |(_, stored)| stored)
    }
}

impl RestorePoint for Adopted {
    fn id(&self) -> CheckpointId {
        self.point.id()
    }

    fn manifest(&self) -> &Manifest {
        self.point.manifest()
    }

    fn operators(&self) -> Result<Vec<(OperatorUid, Vec<StateDescriptor>)>> {
        self.point.operators()
    }

    fn operator(&self, uid: &OperatorUid, instance: Instance) -> Arc<dyn RestoredState> {
        self.point.operator(self.stored(uid), instance)
    }

    fn commit_entries(&self, uid: &OperatorUid) -> Result<Vec<Vec<u8>>> {
        self.point.commit_entries(self.stored(uid))
    }

    fn size(&self, uid: &OperatorUid, state: &str) -> Result<Option<StateSize>> {
        self.point.size(self.stored(uid), state)
    }
}

fn point_of(restore: &Restore, storage: Option<&dyn CheckpointStorage>) -> Result<Option<Arc<dyn RestorePoint>>> {
    match (restore, storage) {
        (Restore::Savepoint(savepoint), _) => Ok(Some(Arc::new(savepoint_point(savepoint)?))),
        (Restore::Fresh, _) | (Restore::Latest | Restore::Checkpoint(_), None) => Ok(None),
        (Restore::Latest, Some(storage)) => last_point(storage),
        (Restore::Checkpoint(id), Some(storage)) => {
            held(storage, *id)?;
            storage.restore(*id).map(Some)
        }
    }
}

/// Refuses a checkpoint that is not held.
///
/// # Errors
/// Names those that are.
pub(super) fn held(storage: &dyn CheckpointStorage, id: CheckpointId) -> Result<()> {
    let held = storage.checkpoints()?;
    if held.contains(&id) {
        return Ok(());
    }
    let held: Vec<String> = held.iter().map(ToString::to_string).collect();
    let held = if held.is_empty() { "none is held".to_owned() } else { format!("held: {}", held.join(", ")) };
    Err(Error::state(format!("there is no checkpoint {id}; {held}")))
}

/// The last checkpoint of a job that may take the next meanwhile.
fn last_point(storage: &dyn CheckpointStorage) -> Result<Option<Arc<dyn RestorePoint>>> {
    loop {
        let Some(&id) = storage.checkpoints()?.last() else { return Ok(None) };
        match storage.restore(id) {
            Err(_) if storage.checkpoints()?.last() != Some(&id) => {}
            point => return point.map(Some),
        }
    }
}

fn checked(graph: &JobGraph, point: &dyn RestorePoint, allow: bool) -> Result<RestorePlan> {
    let plan = plan_restore(graph, point, allow)?;
    plan.check(&name_of(point, &graph.name), &graph.name)?;
    Ok(plan)
}

/// `checkpoint 7`, `the savepoint`, or `the savepoint of job hot` where that is not `job`.
fn name_of(point: &dyn RestorePoint, job: &str) -> String {
    let manifest = point.manifest();
    match manifest.kind {
        SnapshotKind::Checkpoint => format!("checkpoint {}", manifest.checkpoint),
        SnapshotKind::Savepoint if manifest.job == job => "the savepoint".to_owned(),
        SnapshotKind::Savepoint => format!("the savepoint of job `{}`", manifest.job),
    }
}

/// What becomes of each state of `point` in the job.
///
/// # Errors
/// When a checkpoint is that of another job, or what is stored is damaged.
fn plan_restore(graph: &JobGraph, point: &dyn RestorePoint, allow: bool) -> Result<RestorePlan> {
    let manifest = point.manifest();
    if manifest.kind == SnapshotKind::Checkpoint {
        manifest.check_job(&graph.name)?;
    }
    let job = job_operators(graph);
    let mut plan = match_operators(&stored_operators(point)?, &job, allow);
    let (held, own) = (manifest.max_parallelism, graph.max_parallelism);
    if held != own {
        let remedy = format!("`with (max_parallelism = {held})`, the number of key groups of the state");
        plan.refuse("the job", "max_parallelism", format!("is {held}, not {own}"), &remedy);
    }
    for task in graph.vertices.iter().filter_map(|vertex| vertex.source.as_ref()) {
        let readers = ReaderState::read(&*point.operator(&task.uid, (0..0).into()))?.unwrap_or_default();
        let mut held = readers.iter().flat_map(ReaderState::held);
        if let Some(missing) = held.find_map(|held| as_read_now(task, &held.rows).err()) {
            let remedy = "read only columns that were read then, or restore a savepoint that `stop` has written";
            plan.refuse(task.uid.as_str(), HELD.name, missing.text(), remedy);
        }
    }
    // What version 1 stored does not say of which windows it is, but where its slices end.
    for operator in job.iter().filter(|_| held == own) {
        let stored = plan.renamed.iter().find(|(uid, _)| *uid == operator.uid);
        let stored = stored.map_or(&operator.uid, |(_, stored)| stored).clone();
        for state in operator.states.iter().filter(|state| state.slices.is_some() && manifest.version == 1) {
            let fits = plan.states.iter().any(|known| {
                known.operator == operator.uid.as_str()
                    && known.state == state.name
                    && matches!(known.fate, Fate::Taken(_))
            });
            if let (true, Err(error)) = (fits, point.operator(&stored, (0..own).into()).keyed(state)) {
                plan.refuse(operator.uid.as_str(), state.name, error.to_string(), "keep the window");
            }
        }
    }
    Ok(plan)
}

fn job_operators(graph: &JobGraph) -> Vec<JobOperator> {
    let mut operators = Vec::new();
    for vertex in &graph.vertices {
        operators.extend(vertex.source.iter().map(|source| JobOperator {
            uid: source.uid.clone(),
            former: FormerUids::default(),
            name: source.name.clone(),
            states: Vec::new(),
            operator_states: source_state::STATES.to_vec(),
        }));
        operators.extend(vertex.operators.iter().map(|chained| JobOperator {
            uid: chained.uid.clone(),
            former: chained.former.clone(),
            name: chained.operator.name().to_owned(),
            states: chained.operator.states(),
            operator_states: chained.operator.operator_states(),
        }));
    }
    operators
}

/// The operators that the manifest of `point` names, those with state too that it does not.
fn stored_operators(point: &dyn RestorePoint) -> Result<Vec<StoredOperator>> {
    let stateful = point.operators()?;
    let named = point.manifest().operators.iter();
    let mut operators: Vec<StoredOperator> = named
        .map(|operator| StoredOperator {
            uid: operator.uid.clone(),
            name: operator.name.clone(),
            stateful: false,
            states: Vec::new(),
            operator_states: operator.operator_states.clone(),
        })
        .collect();
    for (uid, states) in stateful {
        if let Some(operator) = operators.iter_mut().find(|operator| operator.uid == uid) {
            (operator.stateful, operator.states) = (true, states);
        } else {
            let (name, operator_states) = (uid.to_string(), Vec::new());
            operators.push(StoredOperator { uid, name, stateful: true, states, operator_states });
        }
    }
    Ok(operators)
}
