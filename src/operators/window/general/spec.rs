//! The specification of a window operator.

use std::sync::Arc;

use super::function::{Function, WindowInput};
use crate::api::{When, WindowSpec};
use crate::state::StateDescriptor;
use crate::types::{Field, LogicalType, Schema};

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
            When::Every(_) => fields.extend([number("#next_firing"), number("#fires_from")]),
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
