//! `parallelism 4`, `uid 'hot-bids'`: where the stage before runs and what its state is called.

use crate::api::{Shape, Signature, StageArgs, StageContext, StageSpec};
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
    use crate::api::Arg;
    use crate::operators::testing::{FakeStream, Values, at, batch};

    #[test]
    fn they_reach_the_plan() {
        let (schema, _) = batch(vec![("n", Values::ints([]))]);
        let mut stream = FakeStream::new(&schema);
        stream.stage("parallelism", vec![Arg::Integer(at(2))], vec![]).expect("binds");
        stream.stage("uid", vec![Arg::Name(at("x".to_owned()))], vec![]).expect("binds");
        assert_eq!(stream.settings, ["parallelism 2", "uid x"]);
    }
}
