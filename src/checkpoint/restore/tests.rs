use super::*;
use crate::state::Redistribution;
use crate::types::{Field, LogicalType, Schema};

fn state(name: &'static str, value: LogicalType) -> StateDescriptor {
    let schema = Schema::new([Field::new("k", LogicalType::BigInt), Field::new("v", value)]);
    StateDescriptor::new(name, schema, 1)
}

fn operator(uid: &str, states: &[StateDescriptor]) -> JobOperator {
    JobOperator {
        uid: OperatorUid::new(uid),
        former: FormerUids::default(),
        name: "WindowAggregate".to_owned(),
        states: states.to_vec(),
        operator_states: Vec::new(),
    }
}

fn stored(uid: &str, states: &[StateDescriptor]) -> StoredOperator {
    let (uid, name) = (OperatorUid::new(uid), "WindowAggregate".to_owned());
    StoredOperator { uid, name, stateful: true, states: states.to_vec(), operator_states: Vec::new() }
}

/// The operator of a pipeline from `bids` into `sink`, at stage `at`.
fn automatic(sink: &str, at: usize, states: &[StateDescriptor]) -> JobOperator {
    let former = FormerUids {
        placed: Some(OperatorUid::new(format!("bids.{sink}.{at}.WindowAggregate"))),
        around: Some(("bids.".to_owned(), ".WindowAggregate".to_owned())),
    };
    JobOperator { former, ..operator(&format!("bids.{sink}.WindowAggregate"), states) }
}

fn fates(plan: &RestorePlan) -> Vec<String> {
    let fate = |fate: &Fate| match fate {
        Fate::Taken(None) => "taken".to_owned(),
        Fate::Taken(Some(stored)) => format!("taken from {stored}"),
        Fate::New => "new".to_owned(),
        Fate::LeftOut => "left out".to_owned(),
        Fate::Refused { .. } => "refused".to_owned(),
    };
    plan.states.iter().map(|state| format!("{}/{}: {}", state.operator, state.state, fate(&state.fate))).collect()
}

#[test]
fn operators_are_matched_by_uid_and_new_ones_start_empty() {
    let accumulators = state("accumulators", LogicalType::Double);
    let snapshot = [stored("window", std::slice::from_ref(&accumulators)), stored("source", &[])];
    let job = [
        operator("source", &[]),
        operator("dedup", &[state("seen", LogicalType::Int)]),
        operator("window", &[accumulators, state("timers", LogicalType::Int)]),
    ];
    let plan = match_operators(&snapshot, &job, false);
    plan.check("checkpoint 1", "hot").expect("all of it is taken up");
    assert_eq!(fates(&plan), ["dedup/seen: new", "window/accumulators: taken", "window/timers: new"]);
}

#[test]
fn all_that_does_not_fit_is_listed_at_once() {
    let double = state("accumulators", LogicalType::Double);
    let mut keyed = double.clone();
    keyed.schema = Schema::new([Field::new("auction", LogicalType::BigInt), Field::new("v", LogicalType::Double)]);
    let snapshot = [
        stored("windw", std::slice::from_ref(&double)),
        stored("sums", std::slice::from_ref(&double)),
        stored("keys", &[keyed]),
        StoredOperator { name: "FileSink".to_owned(), ..stored("bids.out.FileSink", &[]) },
        stored("bids.source", &[]),
    ];
    let job = [
        operator("window", std::slice::from_ref(&double)),
        operator("sums", &[state("accumulators", LogicalType::Decimal(10, 2))]),
        operator("keys", std::slice::from_ref(&double)),
    ];
    let mut plan = match_operators(&snapshot, &job, false);
    plan.refuse("job", "max_parallelism", "is 128, not 64".to_owned(), "`with (max_parallelism = 128)`");
    insta::assert_snapshot!(plan.check("checkpoint 7", "hot").expect_err("much of it"));
    let allowed = match_operators(&snapshot, &job, true);
    let error = allowed.check("checkpoint 7", "hot").expect_err("what differs is refused still").to_string();
    assert!(error.contains("sums") && !error.contains("windw"), "{error}");
    assert!(fates(&allowed).contains(&"windw/accumulators: left out".to_owned()), "{allowed:?}");
}

#[test]
fn where_state_may_be_that_of_several_stages_each_is_named_with_what_to_type() {
    let double = state("accumulators", LogicalType::Double);
    let own = std::slice::from_ref(&double);
    let snapshot = [stored("bids.print.2.WindowAggregate", own), stored("bids.print.4.WindowAggregate", own)];
    let second = operator("bids.print.WindowAggregate.2", own);
    let other = JobOperator { name: "GroupAggregate".to_owned(), ..operator("bids.print.GroupAggregate", own) };
    let job = [operator("bids.print.WindowAggregate", own), second, other];
    let plan = match_operators(&snapshot, &job, false);
    for uid in ["bids.print.2.WindowAggregate", "bids.print.4.WindowAggregate"] {
        let found = plan.states.iter().find(|state| state.operator == uid).expect("refused");
        let Fate::Refused { remedy, .. } = &found.fate else { panic!("{found:?}") };
        let typed = format!(
            "`| uid '{uid}'` behind the stage that it belongs to (now `bids.print.WindowAggregate` or \
             `bids.print.WindowAggregate.2`?); or leave it out"
        );
        assert!(remedy.starts_with(&typed), "{remedy}");
    }
}

#[test]
fn state_under_the_uid_of_its_place_or_of_another_sink_is_found() {
    let double = state("accumulators", LogicalType::Double);
    let of = |snapshot: &[StoredOperator], job: &[JobOperator]| fates(&match_operators(snapshot, job, true));
    let own = std::slice::from_ref(&double);
    let placed = [stored("bids.print.3.WindowAggregate", own)];
    let found = ["bids.print.WindowAggregate/accumulators: taken from bids.print.3.WindowAggregate"];
    assert_eq!(of(&placed, &[automatic("print", 3, own)]), found);
    // With a stage more before it, it is the only one that can be meant.
    assert_eq!(of(&placed, &[automatic("print", 4, own)]), found);
    let other_sink = ["bids.out.WindowAggregate/accumulators: taken from bids.print.WindowAggregate"];
    assert_eq!(of(&[stored("bids.print.WindowAggregate", own)], &[automatic("out", 3, own)]), other_sink);
    // Two could be meant, or two could mean it: no guess.
    let two = [stored("bids.a.WindowAggregate", own), stored("bids.b.WindowAggregate", own)];
    assert_eq!(of(&two, &[automatic("out", 3, own)])[0], "bids.out.WindowAggregate/accumulators: new");
    let readers = [automatic("c", 3, own), automatic("d", 3, own)];
    assert_eq!(
        of(&two[..1], &readers)[..2],
        ["bids.c.WindowAggregate/accumulators: new", "bids.d.WindowAggregate/accumulators: new"]
    );
    // Of another key: not what is meant.
    let mut other = double.clone();
    other.schema = Schema::new([Field::new("auction", LogicalType::BigInt), Field::new("v", LogicalType::Double)]);
    assert_eq!(of(&two[..1], &[automatic("out", 3, &[other])])[0], "bids.out.WindowAggregate/accumulators: new");
}

#[test]
fn operator_state_is_dealt_out_as_it_was_written() {
    let split = OperatorStateDescriptor::split("offsets");
    let doc = |redistribution| OperatorStateDoc { name: "offsets".to_owned(), redistribution };
    let job = [JobOperator { operator_states: vec![split], ..operator("source", &[]) }];
    let of = |docs: &[OperatorStateDoc]| {
        let snapshot = [StoredOperator { operator_states: docs.to_vec(), ..stored("source", &[]) }];
        fates(&match_operators(&snapshot, &job, false)).remove(0)
    };
    assert_eq!(of(&[doc(Redistribution::Split)]), "source/offsets: taken");
    assert_eq!(of(&[doc(Redistribution::Union)]), "source/offsets: refused");
    // Version 1 did not say.
    assert_eq!(of(&[]), "source/offsets: taken");
}
