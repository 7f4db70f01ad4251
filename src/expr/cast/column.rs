//! A column as another type: of arrays, maps and rows element by element.

use std::sync::Arc;

use arrow_array::types::TimestampMillisecondType;
use arrow_array::{Array, ArrayRef, ListArray, MapArray, StructArray, cast::AsArray, new_null_array};
use arrow_buffer::OffsetBuffer;
use arrow_schema::DataType;

use super::failures::Failures;
use super::{from_text, numeric, temporal, to_text};
use crate::expr::time::Zone;
use crate::expr::value::mistyped;
use crate::types::{LogicalType, Result};

pub(super) fn cast_array(
    data: &ArrayRef,
    from: &LogicalType,
    to: &LogicalType,
    failures: &mut Failures,
) -> Result<ArrayRef> {
    use LogicalType as T;
    if from == to {
        return Ok(data.clone());
    }
    match (from, to) {
        (T::Null, _) => Ok(new_null_array(&to.to_arrow(), data.len())),
        (T::Array(_), T::Array(_)) | (T::Map(..), T::Map(..)) | (T::Row(_), T::Row(_)) => {
            nested(data, from, to, failures)
        }
        (T::String, _) => from_text::cast(data.as_string(), to, failures),
        (_, T::String) => Ok(to_text::cast(&local(data, from, failures.zone), from)),
        (T::Date | T::Time | T::Timestamp | T::TimestampLtz | T::IntervalDayTime | T::IntervalYearMonth, _) => {
            temporal::cast(data, from, to, failures.zone)
        }
        _ => numeric::cast(data, from, to, failures),
    }
}

/// Instants as what the clocks of `zone` show.
fn local(data: &ArrayRef, ty: &LogicalType, zone: Zone) -> ArrayRef {
    match data.as_primitive_opt::<TimestampMillisecondType>() {
        Some(instants) if *ty == LogicalType::TimestampLtz && !zone.is_utc() => {
            let walls = instants.unary::<_, TimestampMillisecondType>(|instant| zone.wall(instant));
            Arc::new(walls.with_data_type(data.data_type().clone()))
        }
        _ => Arc::clone(data),
    }
}

fn nested(data: &ArrayRef, from: &LogicalType, to: &LogicalType, failures: &mut Failures) -> Result<ArrayRef> {
    match (from, to, to.to_arrow()) {
        (LogicalType::Array(from), LogicalType::Array(to), DataType::List(field)) => {
            let list = data.as_list::<i32>();
            let items = cast_items(list.values(), from, to, list.offsets(), failures)?;
            Ok(Arc::new(ListArray::new(field, list.offsets().clone(), items, list.nulls().cloned())))
        }
        (LogicalType::Map(from_key, from_value), LogicalType::Map(to_key, to_value), DataType::Map(field, sorted)) => {
            let map = data.as_map();
            let keys = cast_items(map.keys(), from_key, to_key, map.offsets(), failures)?;
            let values = cast_items(map.values(), from_value, to_value, map.offsets(), failures)?;
            let DataType::Struct(fields) = field.data_type() else { return Err(mistyped(data, "map")) };
            let entries = StructArray::try_new(fields.clone(), vec![keys, values], None)?;
            Ok(Arc::new(MapArray::try_new(field, map.offsets().clone(), entries, map.nulls().cloned(), sorted)?))
        }
        (LogicalType::Row(from), LogicalType::Row(to), DataType::Struct(fields)) => {
            let row = data.as_struct();
            let columns = row
                .columns()
                .iter()
                .zip(from.iter().zip(to))
                .map(|(column, ((_, from), (_, to)))| cast_array(column, from, to, failures))
                .collect::<Result<_>>()?;
            Ok(Arc::new(StructArray::try_new(fields, columns, row.nulls().cloned())?))
        }
        _ => Err(mistyped(data, &to.to_string())),
    }
}

/// Casts all items at once, and says of which row each failure is.
fn cast_items(
    items: &ArrayRef,
    from: &LogicalType,
    to: &LogicalType,
    offsets: &OffsetBuffer<i32>,
    failures: &mut Failures,
) -> Result<ArrayRef> {
    let mut inner = Failures { ignored: failures.ignored, zone: failures.zone, ..Failures::default() };
    let cast = cast_array(items, from, to, &mut inner)?;
    for (item, message) in inner.rows {
        let item = i32::try_from(item).unwrap_or(i32::MAX);
        let after = offsets.partition_point(|&offset| offset <= item);
        // Items outside of every row belong to a slice that is not looked at.
        if after > 0 && after < offsets.len() {
            failures.push(after - 1, || message);
        }
    }
    Ok(cast)
}
