//! `session(gap)`: rows that are at most the gap apart.

use super::arguments::arguments;
use crate::api::{Gap, WindowFnSpec, Windows};
use crate::expr::ast::{Expr, Literal, UnaryOp};
use crate::expr::bind;
use crate::types::{Diagnostic, LogicalType};

/// `session`
pub const SESSION: WindowFnSpec = WindowFnSpec {
    name: "session",
    arguments: "gap",
    summary: "rows of a key that are at most the gap apart; each row may have a gap of its own",
    help: "A session holds the rows of a key that come close upon one another. It ends when no row has come for the gap, a \
           duration or an expression of the row. A row between two sessions that is close to both makes them one.",
    examples: &[
        "clicks | key_by user | window session(30s) | aggregate count(*) as n;",
        "bids | key_by bidder | window session(case when price > 1000 then 20s else 5s end) | aggregate count(*) as n;",
    ],
    flink: Some("SESSION; EventTimeSessionWindows"),
    bind: |call, scope| {
        let gap = &arguments(call, 1, 1, "session(10s)")?[0];
        let minus = matches!(&gap.node, Expr::Unary(UnaryOp::Minus, _));
        if minus || matches!(&gap.node, Expr::Literal(Literal::IntervalDayTime(ms)) if *ms <= 0) {
            return Err(Diagnostic::at(gap.span, "the gap of a session must be longer than zero"));
        }
        if let Expr::Literal(Literal::IntervalDayTime(ms)) = &gap.node {
            return Ok(Windows::Session(Gap::Fixed(*ms)));
        }
        let bound = bind(gap, scope)?;
        if *bound.ty() != LogicalType::IntervalDayTime {
            return Err(Diagnostic::at(gap.span, format!("a gap is an interval, not {}", bound.ty()))
                .help("write `session(10s)`, or an expression such as `case when price > 1000 then 20s else 5s end`"));
        }
        Ok(Windows::Session(Gap::Of(bound)))
    },
};
