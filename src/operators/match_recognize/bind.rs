//! Expressions over rows of a match: `A.price`, `last(A.price, 1)`, `avg(A.price)`, `prev(price)`.
//!
//! What such an expression reads of the match is taken out of it, and a column put in its place, named as it was typed.

use super::spec::{OverMatch, Previous, Reference, Variable, previous_name, row_schema};
use crate::api::{NamedExpr, SelectItem};
use crate::expr::aggregate::{bind_aggregate, is_aggregate};
use crate::expr::ast::{Call, Expr, ExprNode, Literal};
use crate::expr::{Scope, TypedExpr, bind, bind_predicate};
use crate::types::{Diagnostic, Field, Schema, Span, Spanned};

/// The variables and columns that expressions over a match may read.
pub(super) struct Binder<'a> {
    pub(super) variables: &'a [(String, bool)],
    pub(super) input: &'a Schema,
    /// The name that qualifies the columns of the input.
    pub(super) name: Option<&'a Spanned<String>>,
    /// Columns of rows before that have been asked for.
    pub(super) previous: Vec<Previous>,
    /// Whether the match has a number: in measures.
    pub(super) numbered: bool,
    /// The variable whose condition is bound: the row at hand is one of it.
    pub(super) own: Option<usize>,
}

type Bound<T> = Result<T, Diagnostic>;

/// Whose columns an expression reads.
enum Owner {
    /// None was read yet.
    Unread,
    /// A variable, or any row where none is named.
    Of(Option<usize>),
}

impl Owner {
    const fn variable(&self) -> Option<usize> {
        match self {
            Self::Unread => None,
            Self::Of(variable) => *variable,
        }
    }
}

impl Binder<'_> {
    /// The place of the variable called `name`.
    pub(super) fn variable(&self, name: &str) -> Option<usize> {
        self.variables.iter().position(|(known, _)| known.eq_ignore_ascii_case(name))
    }

    /// A measure.
    pub(super) fn measure(&mut self, item: &NamedExpr) -> Bound<OverMatch> {
        let mut taken = Vec::new();
        let expr = self.take_out(&item.expr, &mut taken)?;
        let expr = bind(&expr, &schema_of(&taken))?;
        Ok(OverMatch { expr, references: references(taken) })
    }

    /// The condition of variable `at`, in two parts: the one that reads only the row, and the rest.
    pub(super) fn condition(&mut self, at: usize, condition: &ExprNode) -> Bound<Variable> {
        let mut taken = Vec::new();
        self.own = Some(at);
        let expr = self.take_out(condition, &mut taken)?;
        self.own = None;
        let whole = bind_predicate(&expr, &schema_of(&taken))?;
        let references = references(taken);
        let of_row = |&column: &usize| match &references[column] {
            Reference::Row { of, last: true, offset: 0, .. } => of.is_none_or(|of| of == at),
            Reference::Row { .. } | Reference::Aggregate { .. } | Reference::Number => false,
        };
        let (row, rest): (Vec<_>, Vec<_>) =
            whole.conjuncts().into_iter().partition(|part| part.columns().iter().all(of_row));
        let all = |parts: Vec<TypedExpr>| parts.into_iter().reduce(TypedExpr::and);
        // Not read where they do not belong to the row.
        let values: Vec<TypedExpr> = references
            .iter()
            .map(|reference| match reference {
                Reference::Row { value, .. } => value.clone(),
                Reference::Aggregate { .. } | Reference::Number => whole.clone(),
            })
            .collect();
        let row = all(row).map(|row| row.substitute(&values)).filter(|row| !row.is_true());
        let with = all(rest).map(|expr| OverMatch { expr, references });
        Ok(Variable { name: self.variables[at].0.clone(), row, with })
    }

    /// The same expression with columns in place of what it reads of the match.
    fn take_out(&mut self, node: &ExprNode, taken: &mut Vec<(String, Reference)>) -> Bound<ExprNode> {
        let found = if let Expr::Column(parts) = &node.node {
            let column = self.column(parts, node.span)?;
            column.map(|(of, value)| Reference::Row { of, last: true, offset: 0, value })
        } else if let Expr::Call(call) = &node.node {
            self.call(call)?
        } else {
            None
        };
        let Some(reference) = found else {
            let mut node = node.clone();
            for child in node.node.children_mut() {
                *child = self.take_out(child, taken)?;
            }
            return Ok(node);
        };
        let name = if let Some((name, _)) = taken.iter().find(|(_, known)| *known == reference) {
            name.clone()
        } else {
            let name = self.show(&reference);
            taken.push((name.clone(), reference));
            name
        };
        Ok(Spanned::new(Expr::Column(vec![Spanned::new(name, node.span)]), node.span))
    }

    /// The variable and the value that a column stands for; `None` for a function that is called without brackets.
    fn column(&self, parts: &[Spanned<String>], span: Span) -> Bound<Option<(Option<usize>, TypedExpr)>> {
        let schema = self.row();
        if let [first, rest @ ..] = parts
            && !rest.is_empty()
            && let Some(of) = self.variable(&first.node)
        {
            self.of_rows(of, first)?;
            let value = bind(&Spanned::new(Expr::Column(rest.to_vec()), span), Scope::named(None, &schema))?;
            return Ok(Some((Some(of), value)));
        }
        let value = bind(&Spanned::new(Expr::Column(parts.to_vec()), span), Scope::named(self.name, &schema));
        let value = value.map_err(|error| match parts {
            [first, _, ..] if error.help.is_none() => error.help(format!(
                "`{}` is no variable of the pattern: there are {}",
                first.node,
                self.variables.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
            )),
            _ => error,
        })?;
        Ok((!value.columns().is_empty()).then_some((None, value)))
    }

    fn of_rows(&self, of: usize, typed: &Spanned<String>) -> Bound<()> {
        if self.variables[of].1 || self.own == Some(of) {
            return Ok(());
        }
        Err(Diagnostic::at(typed.span, format!("no row of a match is `{}`", typed.node))
            .label("it stands behind `not` only"))
    }

    /// What a call reads of the match, if it does.
    fn call(&mut self, call: &Call) -> Bound<Option<Reference>> {
        let is = |name: &str| call.name.node.eq_ignore_ascii_case(name);
        if is("match_number") {
            return if !self.numbered {
                Err(Diagnostic::at(call.name.span, "a match has a number only in `measures`"))
            } else if call.args.is_empty() && !call.star {
                Ok(Some(Reference::Number))
            } else {
                Err(Diagnostic::at(call.name.span, "`match_number` takes no arguments"))
            };
        }
        if is("prev") {
            let (column, offset) = offset_of(call)?;
            let (of, value) = self.argument(&column)?;
            let name = self.push_previous(&value, offset.unwrap_or(1), column.span)?;
            let schema = self.row();
            let value = bind(&Spanned::new(Expr::Column(vec![name]), column.span), Scope::named(None, &schema))?;
            return Ok(Some(Reference::Row { of, last: true, offset: 0, value }));
        }
        if is("first") || is("last") {
            let (value, offset) = offset_of(call)?;
            let (of, value) = self.argument(&value)?;
            return Ok(Some(Reference::Row { of, last: is("last"), offset: offset.unwrap_or(0), value }));
        }
        if !is_aggregate(&call.name.node) {
            return Ok(None);
        }
        let mut of = Owner::Unread;
        let mut call = call.clone();
        for arg in call.args.iter_mut().chain(call.filter.as_deref_mut()) {
            *arg = self.unqualified(arg, &mut of)?;
        }
        let schema = self.row();
        let call = bind_aggregate(&call, Scope::named(self.name, &schema))?;
        Ok(Some(Reference::Aggregate { of: of.variable(), call }))
    }

    /// The variable whose rows `node` is about, and its value over a row.
    fn argument(&mut self, node: &ExprNode) -> Bound<(Option<usize>, TypedExpr)> {
        let mut of = Owner::Unread;
        let node = self.unqualified(node, &mut of)?;
        let schema = self.row();
        Ok((of.variable(), bind(&node, Scope::named(self.name, &schema))?))
    }

    /// The same expression over the columns of a row; all of them must be of one variable, or none of any.
    fn unqualified(&mut self, node: &ExprNode, of: &mut Owner) -> Bound<ExprNode> {
        let mut node = node.clone();
        let mut is_of = |found: Option<usize>, span: Span| match of {
            Owner::Of(known) if *known != found => {
                Err(Diagnostic::at(span, "columns of one variable only can be read here").label("of another one"))
            }
            Owner::Of(_) | Owner::Unread => {
                *of = Owner::Of(found);
                Ok(())
            }
        };
        if let Expr::Column(parts) = &mut node.node {
            let variable = parts.first().filter(|_| parts.len() > 1).and_then(|first| self.variable(&first.node));
            is_of(variable, node.span)?;
            if let Some(variable) = variable {
                self.of_rows(variable, &parts[0])?;
                parts.remove(0);
            }
        } else if let Expr::Call(call) = &node.node
            && call.name.node.eq_ignore_ascii_case("prev")
        {
            let (column, offset) = offset_of(call)?;
            let column = self.unqualified(&column, of)?;
            let schema = self.row();
            let value = bind(&column, Scope::named(self.name, &schema))?;
            let name = self.push_previous(&value, offset.unwrap_or(1), column.span)?;
            node.node = Expr::Column(vec![name]);
        } else {
            for child in node.node.children_mut() {
                *child = self.unqualified(child, of)?;
            }
        }
        Ok(node)
    }

    /// Asks for a column of a row before; the name of its column.
    fn push_previous(&mut self, value: &TypedExpr, offset: usize, span: Span) -> Bound<Spanned<String>> {
        let Some(column) = value.as_column().filter(|&column| column < self.input.len()) else {
            return Err(
                Diagnostic::at(span, "`prev` takes a column").help("compute with what it gives: `prev(price) * 2`")
            );
        };
        let previous = Previous { column, offset };
        if !self.previous.contains(&previous) {
            self.previous.push(previous);
        }
        Ok(Spanned::new(previous_name(&self.input.fields()[column].name, offset), span))
    }

    fn row(&self) -> Schema {
        row_schema(self.input, &self.previous)
    }

    /// As typed, for people.
    fn show(&self, reference: &Reference) -> String {
        let variable = |of: &Option<usize>| of.map_or_else(String::new, |of| format!("{}.", self.variables[of].0));
        match reference {
            Reference::Row { of, last: true, offset: 0, value } => format!("{}{value}", variable(of)),
            Reference::Row { of, last, offset, value } => {
                let offset = if *offset == 0 { String::new() } else { format!(", {offset}") };
                format!("{}({}{value}{offset})", if *last { "last" } else { "first" }, variable(of))
            }
            Reference::Aggregate { of: None, call } => call.describe(),
            Reference::Aggregate { of, call } => call.describe().replacen('(', &format!("({}", variable(of)), 1),
            Reference::Number => "match_number()".to_owned(),
        }
    }
}

fn schema_of(taken: &[(String, Reference)]) -> Schema {
    let field = |(name, reference): &(String, Reference)| match reference {
        Reference::Number => Field::new(name, reference.ty()).not_null(),
        Reference::Row { .. } | Reference::Aggregate { .. } => Field::new(name, reference.ty()),
    };
    Schema::new(taken.iter().map(field).collect::<Vec<_>>())
}

fn references(taken: Vec<(String, Reference)>) -> Vec<Reference> {
    taken.into_iter().map(|(_, reference)| reference).collect()
}

/// The argument of `first`, `last` or `prev`, and how many rows from there.
fn offset_of(call: &Call) -> Bound<(ExprNode, Option<usize>)> {
    const MOST: usize = 10_000;
    let name = &call.name;
    if call.star || call.distinct || call.filter.is_some() {
        return Err(Diagnostic::at(name.span, format!("`{}` takes a value, and how many rows from there", name.node)));
    }
    match call.args.as_slice() {
        [value] => Ok((value.clone(), None)),
        [value, offset] => {
            let Expr::Literal(Literal::Integer(digits)) = &offset.node else {
                return Err(Diagnostic::at(offset.span, "the number of rows must be a constant such as `1`"));
            };
            match digits.parse() {
                Ok(offset) if offset <= MOST => Ok((value.clone(), Some(offset))),
                _ => Err(Diagnostic::at(offset.span, format!("a number of rows up to {MOST} can stand here"))),
            }
        }
        args => {
            Err(Diagnostic::at(name.span, format!("`{}` takes one or two arguments, not {}", name.node, args.len())))
        }
    }
}

/// The expression of an item that is no `*`.
pub(super) fn expression(item: &SelectItem) -> Bound<&NamedExpr> {
    match item {
        SelectItem::Expr(item) => Ok(item),
        SelectItem::Star { span, .. } => Err(Diagnostic::at(*span, "`*` can't stand here")),
    }
}
