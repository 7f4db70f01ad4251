//! The decisions of a restore: which operator starts from which state, and whether it can.

use super::manifest::Manifest;
use crate::state::{OperatorStateDescriptor, StateDescriptor};
use crate::types::{Error, OperatorUid, Result, nearest};

/// The operators that start from a snapshot, and from which state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RestorePlan {
    /// These have state in the snapshot.
    pub restored: Vec<OperatorUid>,
    /// These have none and start empty.
    pub new: Vec<OperatorUid>,
    /// State of these is left behind, as was allowed: `uid`, `uid/state` where the operator itself is still there, or
    /// `uid/state: column` where the state is.
    pub left_behind: Vec<String>,
}

/// Matches the operators that have state in a snapshot with those of the job, by uid.
///
/// State that nothing in the job takes up is an error unless `allow_non_restored_state` (Flink's flag of that name): it
/// is more often a mistyped uid than intended; so is a column of a state that nothing takes up (an aggregate that is gone,
/// or that nobody reads any more). A state that lacks a column, or whose keys or windows have changed, is always an error.
/// A state or operator that the snapshot lacks starts empty.
///
/// # Errors
/// As said; the message names the operator or both layouts.
pub fn match_operators(
    snapshot: &[(OperatorUid, Vec<StateDescriptor>)],
    job: &[(OperatorUid, Vec<StateDescriptor>)],
    allow_non_restored_state: bool,
) -> Result<RestorePlan> {
    let mut plan = RestorePlan::default();
    let mut left_columns = Vec::new();
    for (uid, states) in job {
        let Some((_, stored)) = snapshot.iter().find(|(other, _)| other == uid) else {
            plan.new.push(uid.clone());
            continue;
        };
        for state in states {
            if let Some(stored) = stored.iter().find(|stored| stored.name == state.name) {
                let left = state.take_up(uid, stored)?.left_behind;
                left_columns.extend(left.into_iter().map(|column| format!("{uid}/{}: {column}", state.name)));
            }
        }
        for stored in stored.iter().filter(|stored| !states.iter().any(|state| state.name == stored.name)) {
            plan.left_behind.push(format!("{uid}/{}", stored.name));
        }
        plan.restored.push(uid.clone());
    }
    let gone = snapshot.iter().filter(|(uid, _)| !job.iter().any(|(other, _)| other == uid));
    plan.left_behind.extend(gone.map(|(uid, _)| uid.to_string()));
    if let (false, Some(first)) = (allow_non_restored_state, left_columns.first()) {
        return Err(Error::state(format!(
            "there is state of `{first}`, which the job does not have; \
             compute (and read) it as before, or allow non-restored state to leave it behind"
        )));
    }
    match plan.left_behind.first() {
        Some(first) if !allow_non_restored_state => {
            let candidates = plan.new.iter().map(OperatorUid::as_str);
            let hint = nearest(first, candidates).map_or(String::new(), |near| format!(" (did you mean `{near}`?)"));
            Err(Error::state(format!(
                "there is state of `{first}`, which the job does not have{hint}; \
                 give the operator that uid, or allow non-restored state to leave it behind"
            )))
        }
        _ => {
            plan.left_behind.append(&mut left_columns);
            Ok(plan)
        }
    }
}

/// Refuses operator state that was written to be dealt out in another way than the job's operators expect.
///
/// # Errors
/// The message names the operator and both ways.
pub fn check_redistribution(manifest: &Manifest, uid: &OperatorUid, states: &[OperatorStateDescriptor]) -> Result<()> {
    let Some(operator) = manifest.operators.iter().find(|operator| operator.uid == *uid) else { return Ok(()) };
    for state in states {
        let stored = operator.operator_states.iter().find(|stored| stored.name == state.name);
        if let Some(stored) = stored.filter(|stored| stored.redistribution != state.redistribution) {
            let (found, declared) = (stored.redistribution.as_str(), state.redistribution.as_str());
            return Err(Error::state(format!(
                "operator state `{}` of operator `{uid}` is stored as {found} but the job declares {declared}",
                state.name
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Field, LogicalType, Schema};

    fn state(name: &'static str, value: LogicalType) -> StateDescriptor {
        let schema = Schema::new([Field::new("k", LogicalType::BigInt), Field::new("v", value)]);
        StateDescriptor::new(name, schema, 1)
    }

    fn operator(uid: &str, states: &[StateDescriptor]) -> (OperatorUid, Vec<StateDescriptor>) {
        (OperatorUid::new(uid), states.to_vec())
    }

    #[test]
    fn operators_are_matched_by_uid_and_new_ones_start_empty() {
        let accumulators = state("accumulators", LogicalType::Double);
        let stored = [operator("window", std::slice::from_ref(&accumulators)), operator("source", &[])];
        let job = [
            operator("source", &[]),
            operator("dedup", &[state("seen", LogicalType::Int)]),
            operator("window", &[accumulators, state("timers", LogicalType::Int)]),
        ];
        let plan = match_operators(&stored, &job, false).expect("all of it is taken up");
        assert_eq!(plan.restored, [OperatorUid::new("source"), OperatorUid::new("window")]);
        assert_eq!(plan.new, [OperatorUid::new("dedup")]);
        assert_eq!(plan.left_behind, Vec::<String>::new());
    }

    #[test]
    fn state_that_nothing_takes_up_is_an_error_unless_allowed() {
        let stored = [operator("windw", &[state("accumulators", LogicalType::Double)])];
        let job = [operator("window", &[state("accumulators", LogicalType::Double)])];
        insta::assert_snapshot!(match_operators(&stored, &job, false).expect_err("a mistyped uid"), @"state: there is state of `windw`, which the job does not have (did you mean `window`?); give the operator that uid, or allow non-restored state to leave it behind");
        let plan = match_operators(&stored, &job, true).expect("allowed");
        assert_eq!(plan.left_behind, ["windw"]);
        let renamed = [operator("windw", &[state("sums", LogicalType::Double)])];
        let error = match_operators(&stored, &renamed, false).expect_err("a state less").to_string();
        assert!(error.contains("`windw/accumulators`"), "{error}");
    }

    #[test]
    fn changed_columns_are_an_error_even_when_state_may_be_left_behind() {
        let stored = [operator("window", &[state("accumulators", LogicalType::Double)])];
        let job = [operator("window", &[state("accumulators", LogicalType::Decimal(10, 2))])];
        insta::assert_snapshot!(match_operators(&stored, &job, true).expect_err("changed"), @"state: state `accumulators` of operator `window` is stored as (k bigint) -> (v double) but the job declares (k bigint) -> (v decimal(10, 2))");
    }
}
