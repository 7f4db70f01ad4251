//! Column types that Parquet, or the readers of it that people use, do not hold as they are: intervals become plain
//! numbers, columns of nothing become booleans that are null. What they really are stands in the manifest.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{DurationMillisecondType, Int32Type, Int64Type, IntervalYearMonthType};
use arrow_array::{Array, ArrayRef, ListArray, MapArray, StructArray, new_null_array};
use arrow_schema::{DataType, Field, Fields, IntervalUnit, TimeUnit};

use crate::types::{Error, Result};

/// The type under which a column of type `ty` is written.
pub(super) fn stored_type(ty: &DataType) -> DataType {
    let field = |field: &Field| Arc::new(field.clone().with_data_type(stored_type(field.data_type())));
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other type is written as it is")]
    match ty {
        DataType::Null => DataType::Boolean,
        DataType::Duration(TimeUnit::Millisecond) => DataType::Int64,
        DataType::Interval(IntervalUnit::YearMonth) => DataType::Int32,
        DataType::List(item) => DataType::List(field(item)),
        DataType::Map(entries, sorted) => DataType::Map(field(entries), *sorted),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(|f| field(f)).collect::<Fields>()),
        other => other.clone(),
    }
}

/// `array` as type `to`: one is the other's [`stored_type`], names of inner fields aside.
pub(super) fn convert(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    let from = array.data_type();
    if from == to {
        return Ok(Arc::clone(array));
    }
    let nulls = array.nulls().cloned();
    Ok(match (from, to) {
        (DataType::Null, DataType::Boolean) | (DataType::Boolean, DataType::Null) => new_null_array(to, array.len()),
        (DataType::Duration(TimeUnit::Millisecond), DataType::Int64) => {
            Arc::new(array.as_primitive::<DurationMillisecondType>().reinterpret_cast::<Int64Type>())
        }
        (DataType::Int64, DataType::Duration(TimeUnit::Millisecond)) => {
            Arc::new(array.as_primitive::<Int64Type>().reinterpret_cast::<DurationMillisecondType>())
        }
        (DataType::Interval(IntervalUnit::YearMonth), DataType::Int32) => {
            Arc::new(array.as_primitive::<IntervalYearMonthType>().reinterpret_cast::<Int32Type>())
        }
        (DataType::Int32, DataType::Interval(IntervalUnit::YearMonth)) => {
            Arc::new(array.as_primitive::<Int32Type>().reinterpret_cast::<IntervalYearMonthType>())
        }
        (DataType::List(_), DataType::List(item)) => {
            let list = array.as_list::<i32>();
            let values = convert(list.values(), item.data_type())?;
            Arc::new(ListArray::try_new(item.clone(), list.offsets().clone(), values, nulls)?)
        }
        (DataType::Map(..), DataType::Map(entries, sorted)) => {
            let map = array.as_map();
            let converted = convert_fields(map.entries(), entries.data_type())?;
            Arc::new(MapArray::try_new(entries.clone(), map.offsets().clone(), converted, nulls, *sorted)?)
        }
        (DataType::Struct(_), DataType::Struct(_)) => Arc::new(convert_fields(array.as_struct(), to)?),
        _ => return Err(Error::state(format!("a column of {from} was found where {to} is expected"))),
    })
}

fn convert_fields(rows: &StructArray, to: &DataType) -> Result<StructArray> {
    let DataType::Struct(fields) = to else {
        return Err(Error::state(format!("a row was found where {to} is expected")));
    };
    if fields.len() != rows.num_columns() {
        return Err(Error::state(format!("a row of {} fields was found where {to} is expected", rows.num_columns())));
    }
    let columns = rows.columns().iter().zip(fields).map(|(column, field)| convert(column, field.data_type()));
    Ok(StructArray::try_new(fields.clone(), columns.collect::<Result<Vec<_>>>()?, rows.nulls().cloned())?)
}
