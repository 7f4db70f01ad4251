//! A call of an aggregate function, bound.

use crate::expr::TypedExpr;
use crate::types::{Field, LogicalType};

/// One aggregate call, bound: `sum(price) filter (where price > 0)`.
#[derive(Debug, Clone, PartialEq)]
pub struct AggregateCall {
    /// The registry name of the function.
    pub function: &'static str,
    /// The call's arguments, coerced.
    pub args: Vec<TypedExpr>,
    /// `distinct`
    pub distinct: bool,
    /// `filter (where …)`
    pub filter: Option<TypedExpr>,
    /// Whether its state says when each value came, by numbers that stand behind the arguments: it depends on the order
    /// of rows, and its state is merged of slices of time.
    pub by_arrival: bool,
    /// The separator of `listagg`.
    pub separator: Option<String>,
    /// The type of the result.
    pub ty: LogicalType,
    /// Whether the result can be null.
    pub nullable: bool,
}

impl AggregateCall {
    /// The same call over state that is merged of slices of time.
    #[must_use]
    pub fn in_slices(&self) -> Self {
        let ordered = matches!(self.function, "first_value" | "last_value" | "listagg" | "array_agg" | "collect")
            || self.function.starts_with("json_");
        Self { by_arrival: ordered, ..self.clone() }
    }

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
        let sums = |call: &Self| call.state_function() == "sum" && !call.distinct;
        self == other || (self.args == other.args && self.filter == other.filter && sums(self) && sums(other))
    }

    /// The function whose state it keeps: the average keeps a sum's.
    fn state_function(&self) -> &'static str {
        if self.function == "avg" && !self.distinct { "sum" } else { self.function }
    }

    /// The columns of its state as they are stored, named by what they hold: the call (of those that
    /// [share](Self::shares_state) a state always the same), and behind a dot the part, where there are several and it
    /// is not called as the function is. `sum(price)` and `avg(price)` both keep `sum(price)` and `sum(price).count`.
    #[must_use]
    pub fn stored_fields(&self, changelog_input: bool) -> Vec<Field> {
        let (function, fields) = (self.state_function(), self.state_fields_for(changelog_input));
        let (call, only) = (self.describe_as(function), fields.len() == 1);
        let named = |field: Field| {
            let name = if only || field.name == function { call.clone() } else { format!("{call}.{}", field.name) };
            Field { name, ..field }
        };
        fields.into_iter().map(named).collect()
    }

    /// As in `explain`: `sum(price) filter (where hot)`.
    #[must_use]
    pub fn describe(&self) -> String {
        self.describe_as(self.function)
    }

    fn describe_as(&self, function: &str) -> String {
        let mut args: Vec<String> = self.args.iter().map(ToString::to_string).collect();
        if args.is_empty() {
            args.push("*".to_owned());
        }
        args.extend(self.separator.iter().map(|separator| format!("'{}'", separator.replace('\'', "''"))));
        let distinct = if self.distinct { "distinct " } else { "" };
        let filter = self.filter.as_ref().map_or_else(String::new, |filter| format!(" filter (where {filter})"));
        format!("{function}({distinct}{}){filter}", args.join(", "))
    }
}
