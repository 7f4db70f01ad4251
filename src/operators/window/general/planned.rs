//! The window operator as the plan holds it.

use std::fmt::Write;
use std::sync::Arc;

use super::function::{Function, WindowInput};
use super::operator::WindowOperatorInstance;
use crate::api::{
    ChangelogMode, Exchange, Operator, OperatorContext, PlannedOperator, Pruned, SideOutput, When, WindowSpec,
};
use crate::operators::aggregates::names;
use crate::operators::window::spec::{ARRIVALS, WATERMARK};
use crate::state::{OperatorStateDescriptor, StateDescriptor};
use crate::types::{Field, LogicalType, Result, Schema};

/// Name of the keyed state: a window a row.
pub(super) const WINDOWS: &str = "windows";

/// Windows per key, and what is made of their rows: Flink's `WindowOperator`.
#[derive(Debug, Clone)]
pub(in crate::operators) struct WindowOperator {
    pub(super) window: Arc<WindowSpec>,
    /// Their keys have the same types.
    pub(super) inputs: Vec<WindowInput>,
    pub(super) function: Arc<dyn Function>,
}

impl WindowOperator {
    pub(in crate::operators) fn new(
        window: Arc<WindowSpec>,
        inputs: Vec<WindowInput>,
        function: Arc<dyn Function>,
    ) -> Self {
        Self { window, inputs, function }
    }

    /// Stored are the key and a number, the window's bounds, its trigger's progress, then what the function keeps.
    pub(super) fn descriptor(&self) -> StateDescriptor {
        let first = &self.inputs[0];
        let keys: Vec<Field> = first.keys.iter().map(|&key| first.schema.fields()[key].clone()).collect();
        let routed = keys.len();
        let number = |name: &str| Field::new(name, LogicalType::BigInt).not_null();
        let flag = |name: &str| Field::new(name, LogicalType::Boolean).not_null();
        let mut fields = keys;
        fields.push(number("#"));
        if self.window.windows.have_bounds() {
            let bound = |name: &str| Field::new(name, LogicalType::Timestamp).not_null();
            fields.extend([bound("window_start"), bound("window_end")]);
        }
        fields.extend([flag("#filled"), flag("#fires_at_end")]);
        match &self.window.trigger.when {
            When::Every(_) => fields.push(Field::new("#next_firing", LogicalType::BigInt)),
            When::Count(_) => fields.push(number("#rows")),
            When::Delta(..) => fields.push(Field::new("#last", LogicalType::Double)),
            When::AtEnd | When::OnEvent | When::Never => {}
        }
        fields.extend(self.function.stored_fields());
        let mut state = StateDescriptor::new(WINDOWS, Schema::new(fields), routed + 1);
        state.partition = (0..routed).collect();
        state
    }
}

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
        late.map(|name| SideOutput { name: name.node.clone(), schema: self.inputs[0].schema.clone() }).collect()
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
