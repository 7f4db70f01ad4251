//! The window operator as the plan holds it.

use std::fmt::Write;
use std::sync::Arc;

use super::function::WindowInput;
use super::operator::WindowOperatorInstance;
use super::spec::WindowOperator;
use crate::api::{ChangelogMode, Exchange, Operator, OperatorContext, PlannedOperator, Pruned, SideOutput};
use crate::operators::aggregates::names;
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
        let [input] = self.inputs.as_slice() else { return None };
        let (function, read) = self.function.prune(needed)?;
        let inputs: Vec<usize> = if self.window.late_to.is_some() {
            (0..input.schema.len()).collect()
        } else {
            let window = self.window.exprs().flat_map(crate::expr::TypedExpr::columns);
            let mut read: Vec<usize> = input.keys.iter().copied().chain(read).chain(window).collect();
            read.sort_unstable();
            read.dedup();
            read
        };
        if function.output().len() == self.output().len() && inputs.len() == input.schema.len() {
            return None;
        }
        let moved = |column: usize| inputs.iter().position(|&input| input == column).unwrap_or(column);
        let narrowed = WindowInput {
            schema: input.schema.project(&inputs),
            keys: input.keys.iter().map(|&key| moved(key)).collect(),
        };
        let function = function.moved(&narrowed, &moved)?;
        let window = Arc::new(self.window.remap(&moved));
        let operator = Arc::new(Self { window, inputs: vec![narrowed], function });
        Some(Pruned { operator, inputs: vec![inputs] })
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
}
