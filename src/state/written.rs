//! The written form of a state's descriptor.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::{Expiry, OperatorStateDescriptor, Redistribution, Slices, StateDescriptor};
use crate::types::{Error, Field, LogicalType, Result, Schema};

/// A [`StateDescriptor`] as it stands in a database, a checkpoint's manifest and a savepoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DescriptorDoc {
    /// [`StateDescriptor::name`]
    pub name: String,
    /// [`StateDescriptor::key_columns`]
    pub key_columns: usize,
    /// [`StateDescriptor::partition`], by name; version 1 did not say, and all key columns routed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<Vec<String>>,
    /// [`StateDescriptor::namespace`]
    pub namespace: Option<String>,
    /// [`StateDescriptor::slices`]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slices: Option<Slices>,
    /// [`StateDescriptor::expiry`]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry: Option<Expiry>,
    /// [`StateDescriptor::schema`]
    pub columns: Vec<Field>,
}

impl From<&StateDescriptor> for DescriptorDoc {
    fn from(state: &StateDescriptor) -> Self {
        Self {
            name: state.name.to_owned(),
            key_columns: state.key_columns,
            partition: Some(state.partition.iter().map(|&key| state.schema.fields()[key].name.clone()).collect()),
            namespace: state.namespace.map(str::to_owned),
            slices: state.slices.clone(),
            expiry: state.expiry,
            columns: state.schema.fields().to_vec(),
        }
    }
}

impl DescriptorDoc {
    /// The descriptor that was written.
    ///
    /// # Errors
    /// When it has more keys than columns, routes by what is no key, or has a type that cannot be.
    pub fn descriptor(&self) -> Result<StateDescriptor> {
        if self.key_columns > self.columns.len() {
            return Err(Error::state(format!(
                "state `{}` has {} key columns of {} columns",
                self.name,
                self.key_columns,
                self.columns.len()
            )));
        }
        for column in &self.columns {
            check_type(&column.ty)?;
        }
        if self.slices.as_ref().is_some_and(|slices| slices.slice_ms < 1 || slices.slide_ms < 1) {
            return Err(Error::state(format!("state `{}` is of slices without length", self.name)));
        }
        let schema = Schema::new(self.columns.clone());
        let mut state = StateDescriptor::new(intern(&self.name), schema, self.key_columns);
        if let Some(partition) = &self.partition {
            let keys = &self.columns[..self.key_columns];
            let place = |name: &String| {
                let found = keys.iter().position(|key| key.name == *name);
                found.ok_or_else(|| Error::state(format!("state `{}` routes by `{name}`, which is no key", self.name)))
            };
            state.partition = partition.iter().map(place).collect::<Result<_>>()?;
        }
        state.namespace = self.namespace.as_deref().map(intern);
        state.slices.clone_from(&self.slices);
        state.expiry = self.expiry;
        Ok(state)
    }
}

/// An [`OperatorStateDescriptor`] as it stands in a checkpoint's manifest and a savepoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorStateDoc {
    /// [`OperatorStateDescriptor::name`]
    pub name: String,
    /// [`OperatorStateDescriptor::redistribution`]
    pub redistribution: Redistribution,
}

impl From<&OperatorStateDescriptor> for OperatorStateDoc {
    fn from(state: &OperatorStateDescriptor) -> Self {
        Self { name: state.name.to_owned(), redistribution: state.redistribution }
    }
}

fn check_type(ty: &LogicalType) -> Result<()> {
    match ty {
        LogicalType::Decimal(precision, scale) if *precision == 0 || *precision > 38 || scale > precision => {
            Err(Error::state(format!("there is no type {ty}")))
        }
        LogicalType::Array(item) => check_type(item),
        LogicalType::Map(key, value) => check_type(key).and_then(|()| check_type(value)),
        LogicalType::Row(fields) => fields.iter().try_for_each(|(_, ty)| check_type(ty)),
        LogicalType::Null
        | LogicalType::Boolean
        | LogicalType::TinyInt
        | LogicalType::SmallInt
        | LogicalType::Int
        | LogicalType::BigInt
        | LogicalType::Float
        | LogicalType::Double
        | LogicalType::Decimal(..)
        | LogicalType::String
        | LogicalType::Bytes
        | LogicalType::Date
        | LogicalType::Time
        | LogicalType::Timestamp
        | LogicalType::TimestampLtz
        | LogicalType::IntervalDayTime
        | LogicalType::IntervalYearMonth => Ok(()),
    }
}

/// State names are `'static` because operators write them down in their source. Those read back from disk, or typed in a
/// process function, are few: each is kept once, for the life of the process.
pub(crate) fn intern(name: &str) -> &'static str {
    static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.get(name) {
        return known;
    }
    let kept: &'static str = Box::leak(name.to_owned().into_boxed_str());
    names.insert(kept);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Refresh;

    fn descriptor() -> StateDescriptor {
        let schema = Schema::new([
            Field::new("k", LogicalType::Row(vec![("a".into(), LogicalType::TimestampLtz)])).not_null(),
            Field::new("v", LogicalType::Map(Box::new(LogicalType::String), Box::new(LogicalType::Decimal(22, 3)))),
        ]);
        StateDescriptor::new("accumulators", schema, 1).in_namespaces("slice_end")
    }

    /// These texts stand in databases and savepoints: the test may only grow.
    #[test]
    fn the_written_form_is_frozen_and_reads_back() {
        let mut full = descriptor();
        full.slices = Some(Slices {
            window: "tumble(1s)".into(),
            slice_ms: 1_000,
            offset_ms: 0,
            slide_ms: 1_000,
            size_ms: 1_000,
        });
        full.expiry = Some(Expiry { ttl_ms: 60_000, refreshed_on: Refresh::Write });
        let text = serde_json::to_string(&DescriptorDoc::from(&full)).expect("a document");
        insta::assert_snapshot!(text, @r#"{"name":"accumulators","key_columns":1,"partition":["k"],"namespace":"slice_end","slices":{"window":"tumble(1s)","slice_ms":1000,"offset_ms":0,"slide_ms":1000,"size_ms":1000},"expiry":{"ttl_ms":60000,"refreshed_on":"write"},"columns":[{"name":"k","type":{"row":[["a","timestamp_ltz"]]},"nullable":false},{"name":"v","type":{"map":["string",{"decimal":[22,3]}]},"nullable":true}]}"#);
        let back: DescriptorDoc = serde_json::from_str(&text).expect("the same document");
        assert_eq!(back.descriptor().expect("valid"), full);
        // Of version 1: all key columns route, of which windows the slices are is not known.
        let text = r#"{"name":"accumulators","key_columns":1,"namespace":"slice_end","columns":[{"name":"k","type":{"row":[["a","timestamp_ltz"]]},"nullable":false},{"name":"v","type":{"map":["string",{"decimal":[22,3]}]},"nullable":true}]}"#;
        let back: DescriptorDoc = serde_json::from_str(text).expect("a document of version 1");
        assert_eq!(back.descriptor().expect("valid"), descriptor());
        let every: Vec<LogicalType> = serde_json::from_str(
            r#"["null","boolean","tinyint","smallint","int","bigint","float","double","string","bytes","date","time",
                "timestamp","timestamp_ltz","interval_day_time","interval_year_month",{"array":"int"}]"#,
        )
        .expect("the names of version 1");
        assert_eq!(every.len(), 17);
    }

    #[test]
    fn types_that_cannot_be_are_refused() {
        let mut doc = DescriptorDoc::from(&descriptor());
        doc.columns[1].ty = LogicalType::Array(Box::new(LogicalType::Decimal(39, 0)));
        assert!(doc.descriptor().expect_err("39 digits").to_string().contains("decimal(39, 0)"));
        doc.columns[1].ty = LogicalType::Decimal(3, 4);
        assert!(doc.descriptor().is_err());
        doc.columns.truncate(1);
        doc.key_columns = 2;
        assert!(doc.descriptor().is_err());
        let mut doc = DescriptorDoc::from(&descriptor());
        doc.partition = Some(vec!["v".into()]);
        assert!(doc.descriptor().expect_err("no key").to_string().contains("routes by `v`"));
    }

    #[test]
    fn nullability_is_not_a_change_of_layout_but_a_type_is() {
        let mut other = descriptor();
        other.schema = Schema::new([
            Field::new("k", LogicalType::Row(vec![("a".into(), LogicalType::TimestampLtz)])),
            descriptor().schema.fields()[1].clone(),
        ]);
        assert!(descriptor().same_layout(&other));
        other.schema = Schema::new([descriptor().schema.fields()[0].clone(), Field::new("v", LogicalType::Int)]);
        assert!(!descriptor().same_layout(&other));
    }
}
