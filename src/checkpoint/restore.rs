//! What a restore needs to decide: which operator starts from which state, and which instance from which key groups.

use std::ops::Range;

use crate::state::StateDescriptor;
use crate::types::key_group::groups_of;
use crate::types::{Error, OperatorUid, Result, nearest};

/// Which operators start from what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RestorePlan {
    /// These have state in the snapshot.
    pub restored: Vec<OperatorUid>,
    /// These have none and start empty.
    pub new: Vec<OperatorUid>,
    /// State of these is left behind, as was allowed: `uid`, or `uid/state` where the operator itself is still there.
    pub left_behind: Vec<String>,
}

/// Matches the operators that have state in a snapshot with those of the job, by uid.
///
/// State that nothing in the job takes up is an error unless `allow_non_restored_state` (Flink's flag of that name): it
/// is more often a mistyped uid than intended. A state whose columns have changed is always an error. A state or operator
/// that the snapshot lacks starts empty.
///
/// # Errors
/// As said; the message names the operator or both layouts.
pub fn match_operators(
    snapshot: &[(OperatorUid, Vec<StateDescriptor>)],
    job: &[(OperatorUid, Vec<StateDescriptor>)],
    allow_non_restored_state: bool,
) -> Result<RestorePlan> {
    let mut plan = RestorePlan::default();
    for (uid, states) in job {
        let Some((_, stored)) = snapshot.iter().find(|(other, _)| other == uid) else {
            plan.new.push(uid.clone());
            continue;
        };
        for state in states {
            if let Some(stored) = stored.iter().find(|stored| stored.name == state.name)
                && !stored.same_layout(state)
            {
                return Err(Error::state(format!(
                    "state `{}` of operator `{uid}` is stored as {} but the job declares {}",
                    state.name,
                    stored.layout(),
                    state.layout()
                )));
            }
        }
        for stored in stored.iter().filter(|stored| !states.iter().any(|state| state.name == stored.name)) {
            plan.left_behind.push(format!("{uid}/{}", stored.name));
        }
        plan.restored.push(uid.clone());
    }
    let gone = snapshot.iter().filter(|(uid, _)| !job.iter().any(|(other, _)| other == uid));
    plan.left_behind.extend(gone.map(|(uid, _)| uid.to_string()));
    match plan.left_behind.first() {
        Some(first) if !allow_non_restored_state => {
            let candidates = plan.new.iter().map(OperatorUid::as_str);
            let hint = nearest(first, candidates).map_or(String::new(), |near| format!(" (did you mean `{near}`?)"));
            Err(Error::state(format!(
                "there is state of `{first}`, which the job does not have{hint}; \
                 give the operator that uid, or allow non-restored state to leave it behind"
            )))
        }
        _ => Ok(plan),
    }
}

/// From where each instance of the new parallelism gets its key groups: for each, the old instances whose ranges its own
/// overlaps, with the part that it takes over. What is filed by key group is read by range, so a restore needs only the
/// new range itself; this map is for whoever must know who held it.
///
/// # Panics
/// When a parallelism is 0.
#[must_use]
pub fn rescale(old: usize, new: usize, max_parallelism: u16) -> Vec<Vec<(usize, Range<u16>)>> {
    assert!(old > 0 && new > 0, "a job has at least one instance of each operator");
    (0..new)
        .map(|index| {
            let own = groups_of(index, new, max_parallelism);
            (0..old)
                .map(|from| (from, groups_of(from, old, max_parallelism)))
                .map(|(from, held)| (from, held.start.max(own.start)..held.end.min(own.end)))
                .filter(|(_, part)| !part.is_empty())
                .collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::types::{Field, LogicalType, Schema};

    fn state(name: &'static str, value: LogicalType) -> StateDescriptor {
        let schema = Schema::new([Field::new("k", LogicalType::BigInt), Field::new("v", value)]);
        StateDescriptor { name, schema, key_columns: 1, namespace: None }
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

    proptest! {
        #[test]
        fn rescaling_hands_over_every_key_group_once(max in 1_u16..300, old in 1_usize..40, new in 1_usize..40) {
            let map = rescale(old, new, max);
            prop_assert_eq!(map.len(), new);
            let mut next = 0;
            for (index, parts) in map.iter().enumerate() {
                let own = groups_of(index, new, max);
                for (from, part) in parts {
                    prop_assert_eq!(part.start, next, "ascending, without gap or overlap");
                    next = part.end;
                    prop_assert!(own.contains(&part.start) && part.end <= own.end);
                    let held = groups_of(*from, old, max);
                    prop_assert!(held.contains(&part.start) && part.end <= held.end);
                }
            }
            prop_assert_eq!(next, max);
        }

        #[test]
        fn the_same_parallelism_moves_nothing(max in 1_u16..300, parallelism in 1_usize..40) {
            for (index, parts) in rescale(parallelism, parallelism, max).into_iter().enumerate() {
                let own = groups_of(index, parallelism, max);
                let expected = if own.is_empty() { vec![] } else { vec![(index, own)] };
                prop_assert_eq!(parts, expected);
            }
        }
    }
}
