//! `parallelism 4`, `max_parallelism 8`, `chain new`, `slot_group 'x'`, `uid 'hot-bids'`: where the stage before runs and what
//! its state is called.

use crate::api::{Chaining, Shape, Signature, StageArgs, StageContext, StageSpec};
use crate::types::Diagnostic;

/// `parallelism`
pub(super) const PARALLELISM: StageSpec = StageSpec {
    name: "parallelism",
    aliases: &[],
    signature: Signature { head: &[Shape::Integer], optional: &[], clauses: &[] },
    summary: "sets the number of subtasks of the stage before",
    help: "The stages that follow have as many subtasks, until another `parallelism` stands between. `rescale` \
           leaves them alone.",
    examples: &["bids | filter price > 1000 | parallelism 2;"],
    flink: Some("setParallelism"),
    bind: |args: &StageArgs, stream: &mut dyn StageContext| -> Result<(), Diagnostic> {
        stream.set_parallelism(args.integer(0)?)
    },
};

/// `max_parallelism`
pub(super) const MAX_PARALLELISM: StageSpec = StageSpec {
    name: "max_parallelism",
    aliases: &[],
    signature: Signature { head: &[Shape::Integer], optional: &[], clauses: &[] },
    summary: "sets the most subtasks that the stage before has",
    help: "Whatever the parallelism of the job, or what it is rescaled to. The number of key groups is the job's: `run … with \
           (max_parallelism = 64)`.",
    examples: &["bids | filter price > 1000 | max_parallelism 4;"],
    flink: Some("setMaxParallelism"),
    bind: |args: &StageArgs, stream: &mut dyn StageContext| -> Result<(), Diagnostic> {
        stream.set_max_parallelism(args.integer(0)?)
    },
};

/// `chain`
pub(super) const CHAIN: StageSpec = StageSpec {
    name: "chain",
    aliases: &[],
    signature: Signature { head: &[Shape::Keyword(&["off", "new"])], optional: &[], clauses: &[] },
    summary: "says whether the stage before runs in one chain with others",
    help: "Operators that pass rows on as they are run in one subtask, and call each other. With `chain new` the stage before \
           begins a chain, with `chain off` it runs alone: each has a subtask, a queue and figures of its own.",
    examples: &[
        "bids | filter price > 1000 | chain new | map auction, price;",
        "bids | filter price > 1000 | chain off;",
    ],
    flink: Some("startNewChain; disableChaining"),
    bind: |args: &StageArgs, stream: &mut dyn StageContext| -> Result<(), Diagnostic> {
        let chaining = if args.word(0)?.node == "off" { Chaining::Off } else { Chaining::New };
        stream.placement_mut().chaining = chaining;
        Ok(())
    },
};

/// `slot_group`
pub(super) const SLOT_GROUP: StageSpec = StageSpec {
    name: "slot_group",
    aliases: &[],
    signature: Signature { head: &[Shape::Text], optional: &[], clauses: &[] },
    summary: "puts the stage before, and those behind it, into slots of their own",
    help: "A slot is a thread, and runs one subtask of every stage of its group: `default` unless said otherwise, or the \
           group of the stages that it reads, where they are of one. Stages of different groups never share a thread.",
    examples: &["bids | filter price > 1000 | slot_group 'heavy' | key_by auction | aggregate count(*) as n;"],
    flink: Some("slotSharingGroup"),
    bind: |args: &StageArgs, stream: &mut dyn StageContext| -> Result<(), Diagnostic> {
        let name = args.word(0)?;
        if name.node.trim().is_empty() {
            return Err(Diagnostic::at(name.span, "a slot-sharing group needs a name"));
        }
        stream.placement_mut().slot_group = Some(name.node.clone());
        Ok(())
    },
};

/// `uid`
pub(super) const UID: StageSpec = StageSpec {
    name: "uid",
    aliases: &[],
    signature: Signature { head: &[Shape::Text], optional: &[], clauses: &[] },
    summary: "names the state of the stage before, so that it is found again",
    help: "A stage that is restored finds its state by its uid. One that you give stays the same however the \
           pipeline around it changes.",
    examples: &["bids | key_by auction | aggregate count(*) as n | uid 'count-per-auction';"],
    flink: Some("uid"),
    bind: |args: &StageArgs, stream: &mut dyn StageContext| -> Result<(), Diagnostic> { stream.set_uid(args.word(0)?) },
};

#[cfg(test)]
mod tests {
    use crate::api::{Arg, Chaining};
    use crate::operators::testing::{FakeStream, Values, at, batch};

    #[test]
    fn they_reach_the_plan() {
        let (schema, _) = batch(vec![("n", Values::ints([]))]);
        let mut stream = FakeStream::new(&schema);
        stream.stage("parallelism", vec![Arg::Integer(at(2))], vec![]).expect("binds");
        stream.stage("uid", vec![Arg::Name(at("x".to_owned()))], vec![]).expect("binds");
        stream.stage("max_parallelism", vec![Arg::Integer(at(4))], vec![]).expect("binds");
        assert_eq!(stream.settings, ["parallelism 2", "uid x", "max_parallelism 4"]);
        for (word, chaining) in [("off", Chaining::Off), ("new", Chaining::New)] {
            stream.stage("chain", vec![Arg::Name(at(word.to_owned()))], vec![]).expect("binds");
            assert_eq!(stream.placement.chaining, chaining);
        }
        stream.stage("slot_group", vec![Arg::Name(at("x".to_owned()))], vec![]).expect("binds");
        assert_eq!(stream.placement.slot_group.as_deref(), Some("x"));
        stream.stage("slot_group", vec![Arg::Name(at(" ".to_owned()))], vec![]).expect_err("is refused");
    }
}
