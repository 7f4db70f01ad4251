//! The window operator as the plan holds it.

use std::fmt::Write;
use std::sync::Arc;

use super::function::WindowInput;
use super::operator::WindowOperatorInstance;
use super::spec::WindowOperator;
use crate::api::{ChangelogMode, Exchange, Operator, OperatorContext, PlannedOperator, Pruned, SideOutput};
use crate::operators::aggregates::names;
use crate::operators::batch::{InTimeOrder, Passes};
use crate::operators::window::spec::{ARRIVALS, WATERMARK};
use crate::state::{OperatorStateDescriptor, StateDescriptor};
use crate::types::{Result, Schema};

impl PlannedOperator for WindowOperator {
    fn name(&self) -> &str {
        self.function.name()
    }

    fn describe(&self) -> String {
        let mut text = String::new();
        let first = &self.inputs[0];
        if !first.keys.is_empty() {
            text = format!("keys=[{}], ", names(&first.schema, &first.keys));
        }
        // Writing to a String cannot fail.
        let _ = write!(text, "window={}, {}", self.window.describe(), self.function.describe());
        text
    }

    fn output(&self) -> &Schema {
        self.function.output()
    }

    fn side_outputs(&self) -> Vec<SideOutput> {
        let late = self.window.late_to.iter();
        let late = late.map(|name| SideOutput { name: name.node.clone(), schema: self.inputs[0].schema.clone() });
        late.chain(self.function.side_outputs()).collect()
    }

    fn exchange(&self, input: usize) -> Exchange {
        let keys = &self.inputs[input].keys;
        if keys.is_empty() { Exchange::Global } else { Exchange::Hash(keys.clone()) }
    }

    fn parallelism(&self) -> Option<usize> {
        self.inputs[0].keys.is_empty().then_some(1)
    }

    fn gives(&self, _inputs: &[ChangelogMode]) -> ChangelogMode {
        ChangelogMode::Append
    }

    fn prune(&self, needed: &[usize]) -> Option<Pruned> {
        let (function, read) = self.function.prune(needed)?;
        let all = self.window.late_to.is_some();
        let reads = |(input, read): (&WindowInput, Vec<usize>)| -> Vec<usize> {
            if all {
                return (0..input.schema.len()).collect();
            }
            // Only rows of one input have expressions of the window.
            let window = self.window.exprs().flat_map(crate::expr::TypedExpr::columns);
            let mut read: Vec<usize> = input.keys.iter().copied().chain(read).chain(window).collect();
            read.sort_unstable();
            read.dedup();
            read
        };
        let reads: Vec<Vec<usize>> = self.inputs.iter().zip(read).map(reads).collect();
        let same = self.inputs.iter().zip(&reads).all(|(input, read)| read.len() == input.schema.len());
        if same && function.output().len() == self.output().len() {
            return None;
        }
        let moved = |input: usize, column: usize| reads[input].binary_search(&column).unwrap_or(column);
        let narrowed = |(at, input): (usize, &WindowInput)| WindowInput {
            schema: input.schema.project(&reads[at]),
            keys: input.keys.iter().map(|&key| moved(at, key)).collect(),
        };
        let inputs: Vec<WindowInput> = self.inputs.iter().enumerate().map(narrowed).collect();
        let function = function.moved(&inputs, &moved)?;
        let window = Arc::new(self.window.remap(&|column| moved(0, column)));
        Some(Pruned { operator: Arc::new(Self { window, inputs, function }), inputs: reads })
    }

    fn states(&self) -> Vec<StateDescriptor> {
        [self.descriptor()].into_iter().chain(self.function.states()).collect()
    }

    fn operator_states(&self) -> Vec<OperatorStateDescriptor> {
        [WATERMARK].into_iter().chain(self.function.by_arrival().then_some(ARRIVALS)).collect()
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        Ok(Box::new(WindowOperatorInstance::new(self, context)?))
    }

    fn for_batch(&self) -> Option<Arc<dyn PlannedOperator>> {
        Some(InTimeOrder::of(self.clone(), self.inputs.len(), Passes::ByBatch))
    }
}
