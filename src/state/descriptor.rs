//! The written form of a state's descriptor.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::StateDescriptor;
use crate::types::{Error, Field, LogicalType, Result, Schema};

/// A [`StateDescriptor`] as it stands in a database, a checkpoint's manifest and a savepoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DescriptorDoc {
    /// [`StateDescriptor::name`]
    pub name: String,
    /// [`StateDescriptor::key_columns`]
    pub key_columns: usize,
    /// [`StateDescriptor::namespace`]
    pub namespace: Option<String>,
    /// [`StateDescriptor::schema`]
    pub columns: Vec<Field>,
}

impl From<&StateDescriptor> for DescriptorDoc {
    fn from(state: &StateDescriptor) -> Self {
        Self {
            name: state.name.to_owned(),
            key_columns: state.key_columns,
            namespace: state.namespace.map(str::to_owned),
            columns: state.schema.fields().to_vec(),
        }
    }
}

impl DescriptorDoc {
    /// The descriptor that was written.
    ///
    /// # Errors
    /// When it has more keys than columns, or a type that cannot be.
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
        Ok(StateDescriptor {
            name: intern(&self.name),
            schema: Schema::new(self.columns.clone()),
            key_columns: self.key_columns,
            namespace: self.namespace.as_deref().map(intern),
        })
    }
}

impl StateDescriptor {
    /// Whether state of these two descriptors is the same on disk: names, types and keys of the columns. Nullability
    /// and what the namespace is called are not kept with the values.
    #[must_use]
    pub fn same_layout(&self, other: &Self) -> bool {
        self.name == other.name
            && self.key_columns == other.key_columns
            && self.schema.len() == other.schema.len()
            && self.schema.fields().iter().zip(other.schema.fields()).all(|(a, b)| a.name == b.name && a.ty == b.ty)
    }

    /// Its columns for people: `(auction bigint) -> (n bigint, total double)`.
    #[must_use]
    pub fn layout(&self) -> String {
        let (keys, values) = self.schema.fields().split_at(self.key_columns.min(self.schema.len()));
        format!("{} -> {}", Schema::new(keys.to_vec()), Schema::new(values.to_vec()))
    }

    /// The key columns alone.
    #[must_use]
    pub fn key_schema(&self) -> Schema {
        Schema::new(self.schema.fields()[..self.key_columns.min(self.schema.len())].to_vec())
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

/// State names are `'static` because operators write them down in their source. Those read back from disk are the same
/// few names: each is kept once, for the life of the process.
fn intern(name: &str) -> &'static str {
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

    fn descriptor() -> StateDescriptor {
        StateDescriptor {
            name: "accumulators",
            schema: Schema::new([
                Field::new("k", LogicalType::Row(vec![("a".into(), LogicalType::TimestampLtz)])).not_null(),
                Field::new("v", LogicalType::Map(Box::new(LogicalType::String), Box::new(LogicalType::Decimal(22, 3)))),
            ]),
            key_columns: 1,
            namespace: Some("slice_end"),
        }
    }

    /// This text stands in databases and savepoints: the test may only grow.
    #[test]
    fn the_written_form_is_frozen_and_reads_back() {
        let doc = DescriptorDoc::from(&descriptor());
        let text = serde_json::to_string(&doc).expect("a document");
        insta::assert_snapshot!(text, @r#"{"name":"accumulators","key_columns":1,"namespace":"slice_end","columns":[{"name":"k","type":{"row":[["a","timestamp_ltz"]]},"nullable":false},{"name":"v","type":{"map":["string",{"decimal":[22,3]}]},"nullable":true}]}"#);
        let back: DescriptorDoc = serde_json::from_str(&text).expect("the same document");
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
        assert_eq!(other.layout(), "(k row<a timestamp_ltz(3)> not null) -> (v int)");
    }
}
