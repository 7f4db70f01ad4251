//! `avg`

use super::AggregateSpec;
use super::sum::{MAX_PRECISION, make, state_fields};
use crate::types::LogicalType;

/// `avg`: of whole numbers a whole number, cut off; of decimals with at least six decimal places.
pub(super) const AVG: AggregateSpec = AggregateSpec {
    name: "avg",
    aliases: &[],
    arguments: "x",
    summary: "the average of the values that are not null; of whole numbers it is cut off to a whole number",
    examples: &["bids | key_by auction | window tumble(10s) | aggregate avg(price) as mean;"],
    flink: Some("AVG"),
    star: false,
    arity: (1, 1),
    coerce: None,
    result: |args| {
        let ty = args[0].ty();
        if let LogicalType::Decimal(_, scale) = ty {
            return Ok((LogicalType::Decimal(MAX_PRECISION, (*scale).max(6)), true));
        }
        if ty.is_numeric() { Ok((ty.clone(), args[0].nullable())) } else { Err("a number".to_owned()) }
    },
    state: |call, _| state_fields(call),
    make: |call, _| make(call, true),
};
