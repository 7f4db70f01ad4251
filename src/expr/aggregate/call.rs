//! A call of an aggregate function, bound.

use crate::expr::TypedExpr;
use crate::types::LogicalType;

/// One aggregate call, bound: `sum(price) filter (where price > 0)`.
#[derive(Debug, Clone, PartialEq)]
pub struct AggregateCall {
    /// The registry name of the function.
    pub function: &'static str,
    /// Its arguments, coerced.
    pub args: Vec<TypedExpr>,
    /// `distinct`
    pub distinct: bool,
    /// `filter (where …)`
    pub filter: Option<TypedExpr>,
    /// The separator of `listagg`.
    pub separator: Option<String>,
    /// The type of the result.
    pub ty: LogicalType,
    /// Whether the result can be null.
    pub nullable: bool,
}

impl AggregateCall {
    /// Whether every input row changes the value, so that an update needs no comparison.
    #[must_use]
    pub fn always_changes(&self) -> bool {
        self.function == "count"
            && !self.distinct
            && self.filter.is_none()
            && self.args.iter().all(|arg| !arg.nullable())
    }

    /// Whether the state of `other` is the state of this call, so that both need it but once: `sum(x)` and `avg(x)`, or
    /// the same call twice.
    #[must_use]
    pub fn shares_state(&self, other: &Self) -> bool {
        let sums = |call: &Self| matches!(call.function, "sum" | "avg") && !call.distinct;
        self == other || (self.args == other.args && self.filter == other.filter && sums(self) && sums(other))
    }

    /// As in `explain`: `sum(price) filter (where hot)`.
    #[must_use]
    pub fn describe(&self) -> String {
        let mut args: Vec<String> = self.args.iter().map(ToString::to_string).collect();
        if args.is_empty() {
            args.push("*".to_owned());
        }
        args.extend(self.separator.iter().map(|separator| format!("'{}'", separator.replace('\'', "''"))));
        let distinct = if self.distinct { "distinct " } else { "" };
        let filter = self.filter.as_ref().map_or_else(String::new, |filter| format!(" filter (where {filter})"));
        format!("{}({distinct}{}){filter}", self.function, args.join(", "))
    }
}
