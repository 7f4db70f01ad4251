//! Rows of two inputs that are of the same window, beside each other: Flink's `DataStream.join` and `coGroup`.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef};

use super::elements::{Elements, element_states};
use super::function::{Contents, Fired, Function, Narrowed, OverRows, Results, SideRows, WindowInput};
use super::spec::WindowOperator;
use crate::api::{OperatorContext, Output, PlannedOperator, WindowSpec};
use crate::operators::join::{JoinKind, JoinSpec, Pairing};
use crate::operators::keyed::NO_ROW;
use crate::state::StateDescriptor;
use crate::types::{Error, Result, Schema};

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

    fn prune(&self, needed: &[usize]) -> Option<Narrowed> {
        let spec = self.spec.giving(needed);
        let reads = spec.reads().to_vec();
        Some((Arc::new(Self { spec, ..self.clone() }), reads))
    }

    fn moved(&self, inputs: &[WindowInput], moved: &dyn Fn(usize, usize) -> usize) -> Option<Arc<dyn Function>> {
        let [left, right] = inputs else { return None };
        let spec = self.spec.over([left.schema.clone(), right.schema.clone()], moved);
        Some(Arc::new(Self { inputs: inputs.to_vec(), spec, bounded: self.bounded }))
    }

    fn contents(&self, window: &WindowSpec, context: &OperatorContext) -> Result<Box<dyn Contents>> {
        let rows = JoinRows { pairing: Pairing::new(&self.spec, context), spec: self.spec.clone() };
        Ok(Box::new(Elements::new(&[&self.inputs[0], &self.inputs[1]], window, Box::new(rows), context)))
    }
}

struct JoinRows {
    spec: JoinSpec,
    pairing: Pairing,
}

/// Rows of both sides beside each other, by their places among the rows that are looked at; [`NO_ROW`] stands for nulls.
#[derive(Default)]
struct Pairs {
    left: Vec<u32>,
    right: Vec<u32>,
}

impl Pairs {
    fn push(&mut self, left: u32, right: u32) {
        self.left.push(left);
        self.right.push(right);
    }

    fn extend(&mut self, row: u32, others: Range<u32>) {
        self.left.resize(self.left.len() + others.len(), row);
        self.right.extend(others);
    }
}

impl JoinRows {
    /// These columns of these pairs, over the left columns and then the right ones.
    fn columns(&self, sides: [&SideRows<'_>; 2], pairs: &Pairs, columns: &[usize]) -> Result<Vec<ArrayRef>> {
        let mut made: Vec<Option<ArrayRef>> = vec![None; columns.len()];
        for (input, places) in [&pairs.left, &pairs.right].into_iter().enumerate() {
            let wanted = columns.iter().map(|&column| self.spec.place(column)).enumerate();
            let wanted = wanted.filter(|(_, (of, _))| *of == input).map(|(place, (_, at))| (place, at));
            let (into, of): (Vec<usize>, Vec<usize>) = wanted.unzip();
            if of.is_empty() {
                continue;
            }
            let ids = &sides[input].ids;
            let rows: Vec<u32> = places.iter().map(|&at| ids.get(at as usize).copied().unwrap_or(NO_ROW)).collect();
            for (into, column) in into.into_iter().zip(sides[input].store.gather(&rows, &of)?) {
                made[into] = Some(column);
            }
        }
        let missing = || Error::state("a column of a join is missing");
        made.into_iter().collect::<Option<Vec<ArrayRef>>>().ok_or_else(missing)
    }

    /// Adds the pairs for which the rest of the condition is true to `found`, and notes which rows they are of.
    fn settle(
        &self,
        sides: [&SideRows<'_>; 2],
        pending: Pairs,
        found: &mut Pairs,
        met: &mut [Vec<bool>; 2],
        out: &mut dyn Output,
    ) -> Result<()> {
        let columns = |columns: &[usize]| self.columns(sides, &pending, columns);
        let keep = self.pairing.meets(pending.left.len(), columns, out)?;
        for (at, (left, right)) in pending.left.into_iter().zip(pending.right).enumerate() {
            if keep.as_ref().is_none_or(|keep| keep[at]) {
                (met[0][left as usize], met[1][right as usize]) = (true, true);
                if !self.spec.kind.filters() {
                    found.push(left, right);
                }
            }
        }
        Ok(())
    }

    /// Whether rows of the window's key can match: null equals nothing.
    fn matches(&self, fired: &Fired<'_>, window: usize) -> bool {
        fired.keys.iter().zip(&self.spec.null_safe).all(|(key, &null_safe)| null_safe || key.is_valid(window))
    }
}

impl OverRows for JoinRows {
    fn gives(&self, has: &[bool]) -> bool {
        let &[left, right] = has else { return true };
        match self.spec.kind {
            JoinKind::Inner | JoinKind::Semi => left && right,
            JoinKind::Left | JoinKind::Anti => left,
            JoinKind::Right => right,
            JoinKind::Full => left || right,
        }
    }

    fn apply(&mut self, fired: &Fired<'_>, sides: &[SideRows<'_>], out: &mut dyn Output) -> Result<Results> {
        let [left, right] = sides else {
            return Err(Error::state("a window join has two inputs"));
        };
        let sides = [left, right];
        let kind = self.spec.kind;
        let straight = kind == JoinKind::Inner && self.spec.residual.is_none();
        let mut met = [vec![false; left.ids.len()], vec![false; right.ids.len()]];
        let (mut found, mut pending) = (Pairs::default(), Pairs::default());
        let (mut at_left, mut at_right) = (0, 0);
        let mut ends: Vec<[Range<u32>; 2]> = Vec::new();
        for window in 0..fired.panes.len() {
            let lefts = of_window(&left.windows, window, &mut at_left);
            let rights = of_window(&right.windows, window, &mut at_right);
            if !lefts.is_empty() && !rights.is_empty() && self.matches(fired, window) {
                for row in lefts.clone() {
                    if straight {
                        found.extend(row, rights.clone());
                        continue;
                    }
                    pending.extend(row, rights.clone());
                    if pending.left.len() >= PAIRS {
                        self.settle(sides, std::mem::take(&mut pending), &mut found, &mut met, out)?;
                    }
                }
            }
            ends.push([lefts, rights]);
        }
        self.settle(sides, pending, &mut found, &mut met, out)?;
        let wanted = kind == JoinKind::Semi;
        for [lefts, rights] in ends.into_iter().filter(|_| !straight) {
            let given = |met: bool| if kind.filters() { met == wanted } else { kind.pads(0) && !met };
            for row in lefts.filter(|&row| given(met[0][row as usize])) {
                found.push(row, NO_ROW);
            }
            for row in rights.filter(|&row| kind.pads(1) && !met[1][row as usize]) {
                found.push(NO_ROW, row);
            }
        }
        let window = |(&row, &other): (&u32, &u32)| {
            if row == NO_ROW { right.windows[other as usize] } else { left.windows[row as usize] }
        };
        let windows = found.left.iter().zip(&found.right).map(window).collect();
        let columns = self.columns(sides, &found, &self.spec.columns)?;
        Ok(Results { rows: self.spec.output.record_batch(columns, found.left.len())?, windows: Some(windows) })
    }
}

/// The rows of a window, which stand behind those of the windows before it.
fn of_window(windows: &[u32], window: usize, at: &mut usize) -> Range<u32> {
    let from = *at;
    while windows.get(*at).is_some_and(|&of| of as usize == window) {
        *at += 1;
    }
    number(from)..number(*at)
}

/// Rows of a batch fit 32 bits.
fn number(row: usize) -> u32 {
    u32::try_from(row).unwrap_or(u32::MAX)
}
