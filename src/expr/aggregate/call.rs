//! A call of an aggregate function, bound.

use super::distinct::Distinct;
use super::{Accumulator, AggregateSpec, aggregates, spec};
use crate::expr::ast::{Call, Expr, ExprNode, Literal};
use crate::expr::{Scope, TypedExpr, bind, bind_as, bind_predicate};
use crate::types::{Diagnostic, Error, Field, LogicalType, Result};

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

/// Binds an aggregate call.
///
/// # Errors
/// An unknown function (with the near name), or arguments that do not fit, at their place.
pub fn bind_aggregate<'a>(call: &Call, scope: impl Into<Scope<'a>>) -> Result<AggregateCall, Diagnostic> {
    let scope = scope.into();
    let typed = &call.name.node;
    let spec = spec::find(typed).ok_or_else(|| {
        let names = aggregates().iter().flat_map(|spec| std::iter::once(spec.name).chain(spec.aliases.iter().copied()));
        Diagnostic::at(call.name.span, format!("`{typed}` is no aggregate function")).did_you_mean(typed, names)
    })?;
    let (args, separator) = arguments(spec, call, &scope)?;
    let filter = call.filter.as_deref().map(|filter| bind_predicate(filter, &scope)).transpose()?;
    let (ty, nullable) = (spec.result)(&args).map_err(|expected| {
        let span = call.args.first().map_or(call.name.span, |arg| arg.span);
        let found = args.first().map_or_else(String::new, |arg| format!(", not {}", arg.ty()));
        Diagnostic::at(span, format!("`{}` takes {expected}{found}", spec.name))
    })?;
    let args = match (&spec.coerce, call.args.as_slice()) {
        (Some(wanted), [value, ..]) if args[0].ty() != wanted => vec![bind_as(value, &scope, wanted)?],
        _ => args,
    };
    let nullable = nullable || (filter.is_some() && spec.name != "count");
    Ok(AggregateCall { function: spec.name, args, distinct: call.distinct, filter, separator, ty, nullable })
}

fn arguments(
    spec: &AggregateSpec,
    call: &Call,
    scope: &Scope<'_>,
) -> Result<(Vec<TypedExpr>, Option<String>), Diagnostic> {
    let name = spec.name;
    if call.star {
        return if !spec.star {
            Err(Diagnostic::at(call.name.span, format!("`{name}` takes an argument, not `*`")))
        } else if call.distinct {
            Err(Diagnostic::at(call.name.span, "`distinct` takes a column, not `*`"))
        } else {
            Ok((Vec::new(), None))
        };
    }
    let (value, separator) = match call.args.as_slice() {
        [value] => (value, None),
        [value, separator] if name == "listagg" => (value, Some(text_literal(separator)?)),
        args => {
            let wanted = if name == "listagg" { "one or two arguments" } else { "one argument" };
            let found = args.len();
            return Err(Diagnostic::at(call.name.span, format!("`{name}` takes {wanted}, {found} given"))
                .help(format!("write `{name}({})`", spec.arguments)));
        }
    };
    Ok((vec![bind(value, scope)?], separator))
}

fn text_literal(node: &ExprNode) -> Result<String, Diagnostic> {
    if let Expr::Literal(Literal::String(text)) = &node.node {
        return Ok(text.clone());
    }
    Err(Diagnostic::at(node.span, "the separator must be a text in quotes"))
}

impl AggregateCall {
    /// The columns of its state over rows that are only added, names distinct within the call: `sum`, `count`.
    #[must_use]
    pub fn state_fields(&self) -> Vec<Field> {
        self.state_fields_for(false)
    }

    /// The columns of its state; with `changelog_input`, when rows are taken back too.
    #[must_use]
    pub fn state_fields_for(&self, changelog_input: bool) -> Vec<Field> {
        if self.deduplicates() {
            return Distinct::state_fields(self, changelog_input);
        }
        spec::find(self.function).map_or_else(Vec::new, |spec| (spec.state)(self, changelog_input))
    }

    /// Accumulators for no groups yet, over rows that are only added.
    ///
    /// # Errors
    /// When the arguments' types can't be held: a defect of ours, as binding has checked them.
    pub fn accumulator(&self) -> Result<Box<dyn Accumulator>> {
        self.accumulator_for(false)
    }

    /// Accumulators for no groups yet; with `changelog_input` such that every row can be taken back, for which a
    /// minimum, say, must keep all its values.
    ///
    /// # Errors
    /// As [`Self::accumulator`].
    pub fn accumulator_for(&self, changelog_input: bool) -> Result<Box<dyn Accumulator>> {
        let spec = spec::find(self.function)
            .ok_or_else(|| Error::state(format!("there is no aggregate function `{}`", self.function)))?;
        let plain = (spec.make)(self, changelog_input)?;
        if self.deduplicates() { Ok(Box::new(Distinct::new(self, plain, changelog_input)?)) } else { Ok(plain) }
    }

    /// Whether every input row changes the value, so that an update needs no comparison.
    #[must_use]
    pub fn always_changes(&self) -> bool {
        self.function == "count"
            && !self.distinct
            && self.filter.is_none()
            && self.args.iter().all(|arg| !arg.nullable())
    }

    /// `distinct` changes nothing for a minimum or maximum.
    fn deduplicates(&self) -> bool {
        self.distinct && !matches!(self.function, "min" | "max")
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
