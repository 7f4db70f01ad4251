//! Rows of two inputs that are of the same window, beside each other: Flink's `DataStream.join` and `coGroup`.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, UInt32Array};
use arrow_select::take::take;

use super::elements::{Elements, element_states};
use super::function::{Contents, Fired, Function, OverRows, Results, SideRows, WindowInput};
use super::spec::WindowOperator;
use crate::api::{OperatorContext, Output, PlannedOperator, Rejected, WindowSpec};
use crate::expr::{EvalContext, Evaluator};
use crate::operators::join::{JoinKind, JoinSpec};
use crate::operators::rows::display;
use crate::state::StateDescriptor;
use crate::types::{Clock, Field, Result, Schema};

/// Pairs for which the rest of the condition is computed at a time.
const PAIRS: usize = 8_192;

/// The join of rows of two inputs that are of the same window.
pub(in crate::operators) fn window_join(spec: JoinSpec, window: Arc<WindowSpec>) -> Arc<dyn PlannedOperator> {
    let input = |side: usize| WindowInput { schema: spec.inputs[side].clone(), keys: spec.keys[side].clone() };
    let inputs = vec![input(0), input(1)];
    let bounded = window.windows.have_bounds();
    let function = WindowJoin { inputs: inputs.clone(), spec, bounded };
    Arc::new(WindowOperator::new(window, inputs, Arc::new(function)))
}

#[derive(Debug, Clone)]
struct WindowJoin {
    inputs: Vec<WindowInput>,
    spec: JoinSpec,
    bounded: bool,
}

impl Function for WindowJoin {
    fn name(&self) -> &'static str {
        "WindowJoin"
    }

    fn describe(&self) -> String {
        self.spec.describe("")
    }

    fn output(&self) -> &Schema {
        &self.spec.output
    }

    fn states(&self) -> Vec<StateDescriptor> {
        element_states(&[&self.inputs[0], &self.inputs[1]], self.bounded)
    }

    fn contents(&self, window: &WindowSpec, context: &OperatorContext) -> Result<Box<dyn Contents>> {
        let both: Vec<Field> = self.inputs.iter().flat_map(|input| input.schema.fields()).cloned().collect();
        let rows = JoinRows {
            residual: self.spec.residual.as_ref().map(Evaluator::new),
            both: Schema::new(both),
            place: context.place(),
            clock: Arc::clone(&context.clock),
            plan: self.clone(),
        };
        Ok(Box::new(Elements::new(&[&self.inputs[0], &self.inputs[1]], window, Box::new(rows), context)))
    }
}

struct JoinRows {
    plan: WindowJoin,
    residual: Option<Evaluator>,
    /// The left columns, then the right ones.
    both: Schema,
    place: String,
    clock: Arc<dyn Clock>,
}

/// Rows of both sides beside each other, by their places; `None` stands for nulls.
#[derive(Default)]
struct Pairs {
    left: Vec<Option<u32>>,
    right: Vec<Option<u32>>,
}

impl Pairs {
    fn push(&mut self, left: Option<u32>, right: Option<u32>) {
        self.left.push(left);
        self.right.push(right);
    }
}

impl JoinRows {
    /// These pairs in columns.
    fn columns(&self, [left, right]: [&RecordBatch; 2], pairs: &Pairs) -> Result<Vec<ArrayRef>> {
        let of = |rows: &RecordBatch, places: &[Option<u32>]| -> Result<Vec<ArrayRef>> {
            let places = UInt32Array::from(places.to_vec());
            rows.columns().iter().map(|column| Ok(take(column, &places, None)?)).collect()
        };
        let mut columns = of(left, &pairs.left)?;
        if columns.len() < self.plan.spec.output.len() || self.residual.is_some() {
            columns.extend(of(right, &pairs.right)?);
        }
        Ok(columns)
    }

    /// Leaves only the pairs for which the rest of the condition is true; one of which it can't be computed is rejected.
    fn filter(&self, sides: [&RecordBatch; 2], pairs: Pairs, out: &mut dyn Output) -> Result<Pairs> {
        let Some(residual) = &self.residual else { return Ok(pairs) };
        let rows = self.both.record_batch(self.columns(sides, &pairs)?, pairs.left.len())?;
        let mut context = EvalContext::new(self.clock.now_ms(), &self.place);
        let found = residual.evaluate_predicate(&rows, &mut context)?;
        context.errors.sort_by_key(|error| error.row);
        context.errors.dedup_by_key(|error| error.row);
        let rejected: Vec<Rejected> = context
            .errors
            .iter()
            .map(|error| Rejected {
                place: self.place.clone(),
                row: display(&rows, error.row).into_bytes(),
                message: error.message.clone(),
            })
            .collect();
        if !rejected.is_empty() {
            out.reject(rejected)?;
        }
        let mut kept = Pairs::default();
        for (row, keep) in found.values().iter().enumerate() {
            if keep {
                kept.push(pairs.left[row], pairs.right[row]);
            }
        }
        Ok(kept)
    }

    /// Whether rows of the window's key can match: null equals nothing.
    fn matches(&self, fired: &Fired<'_>, window: usize) -> bool {
        fired.keys.iter().zip(&self.plan.spec.null_safe).all(|(key, &null_safe)| null_safe || key.is_valid(window))
    }
}

impl OverRows for JoinRows {
    fn apply(&mut self, fired: &Fired<'_>, sides: &[SideRows], out: &mut dyn Output) -> Result<Results> {
        let [left, right] = sides else {
            return Err(crate::types::Error::state("a window join has two inputs"));
        };
        let rows = [&left.rows, &right.rows];
        let mut met = [vec![false; left.windows.len()], vec![false; right.windows.len()]];
        let (mut found, mut pending) = (Pairs::default(), Pairs::default());
        let settle =
            |pending: &mut Pairs, found: &mut Pairs, met: &mut [Vec<bool>; 2], out: &mut dyn Output| -> Result<()> {
                let kept = self.filter(rows, std::mem::take(pending), out)?;
                for (left, right) in kept.left.iter().zip(&kept.right) {
                    for (met, at) in met.iter_mut().zip([left, right]) {
                        if let Some(at) = *at {
                            met[at as usize] = true;
                        }
                    }
                }
                if !self.plan.spec.kind.filters() {
                    found.left.extend(kept.left);
                    found.right.extend(kept.right);
                }
                Ok(())
            };
        let (mut at_left, mut at_right) = (0, 0);
        let mut ends: Vec<[Range<usize>; 2]> = Vec::new();
        for window in 0..fired.panes.len() {
            let lefts = of_window(&left.windows, window, &mut at_left);
            let rights = of_window(&right.windows, window, &mut at_right);
            if self.matches(fired, window) {
                for row in lefts.clone() {
                    for other in rights.clone() {
                        pending.push(Some(number(row)), Some(number(other)));
                        if pending.left.len() >= PAIRS {
                            settle(&mut pending, &mut found, &mut met, out)?;
                        }
                    }
                }
            }
            ends.push([lefts, rights]);
        }
        settle(&mut pending, &mut found, &mut met, out)?;
        let kind = self.plan.spec.kind;
        let wanted = kind == JoinKind::Semi;
        for [lefts, rights] in ends {
            for row in
                lefts.filter(|&row| if kind.filters() { met[0][row] == wanted } else { kind.pads(0) && !met[0][row] })
            {
                found.push(Some(number(row)), None);
            }
            for row in rights.filter(|&row| kind.pads(1) && !met[1][row]) {
                found.push(None, Some(number(row)));
            }
        }
        let windows = found.left.iter().zip(&found.right).map(|(row, other)| match (row, other) {
            (Some(row), _) => left.windows[*row as usize],
            (None, Some(other)) => right.windows[*other as usize],
            (None, None) => 0,
        });
        let windows = windows.collect();
        let mut columns = self.columns(rows, &found)?;
        columns.truncate(self.plan.spec.output.len());
        Ok(Results { rows: self.plan.spec.output.record_batch(columns, found.left.len())?, windows: Some(windows) })
    }
}

/// The rows of a window, which stand behind those of the windows before it.
fn of_window(windows: &[u32], window: usize, at: &mut usize) -> Range<usize> {
    let from = *at;
    while windows.get(*at).is_some_and(|&of| of as usize == window) {
        *at += 1;
    }
    from..*at
}

/// Rows of a batch fit 32 bits.
fn number(row: usize) -> u32 {
    u32::try_from(row).unwrap_or(u32::MAX)
}
