//! The specification of a pattern match.

use super::matcher::Skip;
use super::nfa::Nfa;
use crate::expr::TypedExpr;
use crate::expr::aggregate::AggregateCall;
use crate::operators::keyed::RowState;
use crate::state::{OperatorStateDescriptor, StateDescriptor};
use crate::types::{Field, LogicalType, Schema, Spanned};

/// The operator state: the watermark, eight bytes, little endian. All go on from the lowest.
pub(super) const WATERMARK: OperatorStateDescriptor = OperatorStateDescriptor::union("watermark");

/// Something that an expression reads of a partial match.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reference {
    /// `last(A.price, 1)`: a value of one of its rows, null where there are not so many.
    Row {
        /// The variable; any when `None`.
        of: Option<usize>,
        /// Counted from the last row, not from the first.
        last: bool,
        offset: usize,
        /// Over the columns of a row.
        value: TypedExpr,
    },
    /// `avg(A.price)`: over all rows of the variable, or over all.
    Aggregate { of: Option<usize>, call: AggregateCall },
    /// `match_number()`: the number of the match among those of its key, from 1.
    Number,
}

impl Reference {
    /// The type of it.
    pub(super) fn ty(&self) -> LogicalType {
        match self {
            Self::Row { value, .. } => value.ty().clone(),
            Self::Aggregate { call, .. } => call.ty.clone(),
            Self::Number => LogicalType::BigInt,
        }
    }

    /// The same over rows whose column `i` is at `map(i)`.
    fn remap(&self, map: &dyn Fn(usize) -> usize) -> Self {
        match self {
            Self::Row { of, last, offset, value } => {
                Self::Row { of: *of, last: *last, offset: *offset, value: value.remap(map) }
            }
            Self::Aggregate { of, call } => {
                Self::Aggregate { of: *of, call: crate::operators::aggregates::remap(call, map) }
            }
            Self::Number => Self::Number,
        }
    }

    fn columns(&self) -> Vec<usize> {
        match self {
            Self::Row { value, .. } => value.columns(),
            Self::Aggregate { call, .. } => crate::operators::aggregates::columns_read(std::slice::from_ref(call)),
            Self::Number => Vec::new(),
        }
    }
}

/// An expression over what it reads of a partial match.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct OverMatch {
    /// Column `i` is the value of reference `i`.
    pub(super) expr: TypedExpr,
    pub(super) references: Vec<Reference>,
}

impl OverMatch {
    fn remap(&self, map: &dyn Fn(usize) -> usize) -> Self {
        let references = self.references.iter().map(|reference| reference.remap(map)).collect();
        Self { expr: self.expr.clone(), references }
    }
}

/// A variable of the pattern.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Variable {
    pub(super) name: String,
    /// The part of its condition that reads only the row; nothing where that is always true.
    pub(super) row: Option<TypedExpr>,
    /// The rest: the row is the last one of the match then, and of this variable.
    pub(super) with: Option<OverMatch>,
}

/// `prev(price, 2)`: a column of the row that came so many rows before, whichever rows match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Previous {
    pub(super) column: usize,
    pub(super) offset: usize,
}

/// One column of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    /// A key, by its place among the keys.
    Key(usize),
    /// A measure, by its place among them.
    Measure(usize),
}

/// Looks for a pattern in the rows of each key, in the order of their event times: Flink's `MATCH_RECOGNIZE`. Emits the
/// keys and the measures of each match.
#[derive(Debug, Clone)]
pub struct MatchRecognize {
    /// The pattern as typed.
    pub(super) pattern: String,
    pub(super) nfa: Nfa,
    pub(super) variables: Vec<Variable>,
    /// The columns behind those of the input that the expressions read of a row.
    pub(super) previous: Vec<Previous>,
    pub(super) keys: Vec<usize>,
    pub(super) within_ms: Option<i64>,
    pub(super) skip: Skip,
    /// Whether rows are put in the order of their event times; else they are taken as they come.
    pub(super) event_time: bool,
    pub(super) measures: Vec<OverMatch>,
    pub(super) columns: Vec<Column>,
    pub(super) late_to: Option<Spanned<String>>,
    pub(super) timed_out_to: Option<Spanned<String>>,
    pub(super) input: Schema,
    pub(super) output: Schema,
}

/// The name of the column of a [`Previous`].
pub(super) fn previous_name(column: &str, offset: usize) -> String {
    if offset == 1 { format!("prev({column})") } else { format!("prev({column}, {offset})") }
}

impl MatchRecognize {
    /// The columns that expressions read of a row: those of the input, and of the rows before.
    pub(super) fn row_schema(&self) -> Schema {
        row_schema(&self.input, &self.previous)
    }

    /// The rows whose turn has not come.
    pub(super) fn waiting_rows(&self) -> RowState {
        RowState { name: "waiting_rows", schema: self.input.clone(), keys: self.keys.clone(), mark: None }
    }

    /// The rows of partial matches, and the last ones of a key where `prev` looks for them.
    pub(super) fn matched_rows(&self) -> RowState {
        RowState { name: "matched_rows", schema: self.row_schema(), keys: self.keys.clone(), mark: None }
    }

    /// The partial matches: the key and the number of a node, then what it is.
    pub(super) fn partial_matches(&self) -> StateDescriptor {
        let number = Field::new("#", LogicalType::BigInt).not_null();
        let values = [
            Field::new("variable", LogicalType::String),
            Field::new("row", LogicalType::BigInt),
            Field::new("behind", LogicalType::BigInt),
            Field::new(format!("step of {}", self.pattern), LogicalType::BigInt),
            Field::new("open_steps", LogicalType::BigInt),
            Field::new("newest", LogicalType::Boolean),
            Field::new("complete", LogicalType::Boolean),
        ];
        let fields: Vec<Field> = self.key_fields().chain([number]).chain(values).collect();
        let mut state = StateDescriptor::new("partial_matches", Schema::new(fields), self.keys.len() + 1);
        state.partition = (0..self.keys.len()).collect();
        state
    }

    /// The number of matches of each key, where they are numbered.
    pub(super) fn match_numbers(&self) -> Option<StateDescriptor> {
        let numbered = self.measures.iter().any(|measure| measure.references.contains(&Reference::Number));
        numbered.then(|| {
            let fields: Vec<Field> = self.key_fields().chain([Field::new("matches", LogicalType::BigInt)]).collect();
            StateDescriptor::new("match_numbers", Schema::new(fields), self.keys.len())
        })
    }

    fn key_fields(&self) -> impl Iterator<Item = Field> {
        self.keys.iter().map(|&key| self.input.fields()[key].clone())
    }

    /// The same over an input of which only the columns `inputs` are left, and with these columns of the output.
    pub(super) fn narrowed(&self, needed: &[usize]) -> Option<(Self, Vec<usize>)> {
        let columns: Vec<Column> = needed.iter().map(|&index| self.columns[index]).collect();
        let measure_of = |column: &Column| if let Column::Measure(at) = column { Some(*at) } else { None };
        let kept: Vec<usize> = columns.iter().filter_map(measure_of).collect();
        let conditions = self.variables.iter().filter_map(|variable| variable.with.as_ref());
        let over_match = kept.iter().map(|&at| &self.measures[at]).chain(conditions);
        let mut read: Vec<usize> = over_match.flat_map(|over| &over.references).flat_map(Reference::columns).collect();
        read.extend(self.variables.iter().filter_map(|variable| variable.row.as_ref()).flat_map(TypedExpr::columns));
        let width = self.input.len();
        let (of_row, before): (Vec<usize>, Vec<usize>) = read.into_iter().partition(|&column| column < width);
        let previous: Vec<usize> = (0..self.previous.len()).filter(|at| before.contains(&(width + at))).collect();
        let inputs: Vec<usize> = if self.late_to.is_some() {
            (0..width).collect()
        } else {
            let mut inputs = of_row;
            inputs.extend(self.keys.iter().chain(previous.iter().map(|&at| &self.previous[at].column)));
            inputs.sort_unstable();
            inputs.dedup();
            inputs
        };
        if columns.len() == self.columns.len() && inputs.len() == width && previous.len() == self.previous.len() {
            return None;
        }
        let place = |of: &[usize], wanted: usize| of.iter().position(|&at| at == wanted).unwrap_or(wanted);
        let moved = |column: usize| match column.checked_sub(width) {
            Some(at) => inputs.len() + place(&previous, at),
            None => place(&inputs, column),
        };
        let mut kept_measures: Vec<usize> = kept;
        kept_measures.sort_unstable();
        kept_measures.dedup();
        let variable = |variable: &Variable| Variable {
            name: variable.name.clone(),
            row: variable.row.as_ref().map(|row| row.remap(&moved)),
            with: variable.with.as_ref().map(|with| with.remap(&moved)),
        };
        let column = |column: &Column| match *column {
            Column::Measure(at) => Column::Measure(place(&kept_measures, at)),
            key @ Column::Key(_) => key,
        };
        let previous_of =
            |&at: &usize| Previous { column: place(&inputs, self.previous[at].column), ..self.previous[at] };
        let narrowed = Self {
            variables: self.variables.iter().map(variable).collect(),
            previous: previous.iter().map(previous_of).collect(),
            keys: self.keys.iter().map(|&key| place(&inputs, key)).collect(),
            measures: kept_measures.iter().map(|&at| self.measures[at].remap(&moved)).collect(),
            columns: columns.iter().map(column).collect(),
            input: self.input.project(&inputs),
            output: self.output.project(needed),
            ..self.clone()
        };
        Some((narrowed, inputs))
    }
}

/// The columns of `input`, and those of rows before.
pub(super) fn row_schema(input: &Schema, previous: &[Previous]) -> Schema {
    let before = previous.iter().map(|previous| {
        let Field { name, ty, .. } = &input.fields()[previous.column];
        Field::new(previous_name(name, previous.offset), ty.clone())
    });
    Schema::new(input.fields().iter().cloned().chain(before).collect::<Vec<_>>())
}
