//! `count(size[, slide])`: so many rows of a key.

use super::arguments::arguments;
use crate::api::{WindowFnSpec, Windows};
use crate::expr::ast::{Expr, ExprNode, Literal};
use crate::types::Diagnostic;

/// `count`
pub const COUNT: WindowFnSpec = WindowFnSpec {
    name: "count",
    arguments: "rows[, slide]",
    summary: "so many rows of a key; with a slide the last so many, each time that so many more have come",
    help: "`count(5)` fires for every five rows of a key and begins anew. With a slide, `count(10, 2)`, it fires for every \
           second row, over the last ten. Such a window has no bounds, and its result no `window_start` and `window_end`.",
    examples: &[
        "bids | key_by auction | window count(5) | aggregate avg(price) as mean;",
        "bids | key_by auction | window count(10, 2) | aggregate max(price) as highest;",
    ],
    flink: Some("KeyedStream.countWindow"),
    bind: |call, _| {
        let args = arguments(call, 1, 2, "count(100)")?;
        Ok(Windows::Count { size: rows(&args[0])?, slide: args.get(1).map(rows).transpose()? })
    },
};

/// A number of rows above zero.
fn rows(arg: &ExprNode) -> Result<u64, Diagnostic> {
    let rows = if let Expr::Literal(Literal::Integer(digits)) = &arg.node {
        digits.parse().ok().filter(|&rows| rows > 0)
    } else {
        None
    };
    rows.ok_or_else(|| {
        Diagnostic::at(arg.span, "a number of rows above zero was expected")
            .help("write `count(100)` or `count(100, 10)`")
    })
}
