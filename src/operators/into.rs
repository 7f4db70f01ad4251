//! `into hot_file`

use super::select::no_window;
use crate::api::{Shape, Signature, StageArgs, StageContext, StageSpec};
use crate::types::Diagnostic;

/// `into`
pub(super) const INTO: StageSpec = StageSpec {
    name: "into",
    aliases: &[],
    signature: Signature { head: &[Shape::Sink], optional: &[], clauses: &[] },
    summary: "writes the rows to a sink",
    help: "The sink is one that was named (`help sink`), or is written out: `into file 'out/hot' with (format = \
           'json')`. A job ends with `into`. A preview may write its rows to a file: `into 'rows.csv'` or `into \
           'rows.ndjson'`.",
    examples: &["run dear = bids | filter price > 1000 | into print;", "run drain = bids | into blackhole;"],
    flink: Some("INSERT INTO; DataStream.sinkTo"),
    bind,
};

fn bind(args: &StageArgs, stream: &mut dyn StageContext) -> Result<(), Diagnostic> {
    no_window(args, stream)?;
    let arg = args.head.first().ok_or_else(|| Diagnostic::at(args.span, "expected a sink"))?;
    let sink = stream.sink(arg, args.span)?;
    stream.apply(sink);
    Ok(())
}
