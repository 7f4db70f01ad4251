//! The specification of stages that run again.

use std::sync::Arc;

use crate::api::Body;
use crate::expr::TypedExpr;
use crate::types::{Field, LogicalType, Schema};

/// Runs a body of operators over its rows, and again over the rows that it gave: Flink's iterations.
#[derive(Debug, Clone)]
pub struct Iterate {
    pub(super) schema: Schema,
    pub(super) body: Arc<Body>,
    pub(super) most: u64,
    /// The condition that ends it, over what a round has done.
    pub(super) until: Option<TypedExpr>,
}

impl Iterate {
    pub(super) fn new(schema: Schema, body: Body, most: u64, until: Option<TypedExpr>) -> Self {
        Self { schema, body: Arc::new(body), most, until }
    }
}

/// What `until` reads: of the round that is done.
pub(super) fn round_schema() -> Schema {
    let number = |name: &str| Field::new(name, LogicalType::BigInt).not_null();
    Schema::new([number("round"), number("rows"), number("changed")])
}
