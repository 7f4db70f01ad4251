//! Texts and bytes of a length.

use std::sync::Arc;

use arrow_array::builder::{BinaryBuilder, StringBuilder};
use arrow_array::{Array, cast::AsArray};

use crate::expr::ast::Length;
use crate::expr::value::Value;

/// Texts or bytes brought to a length.
pub(in crate::expr) fn fit(value: &Value, length: Length) -> Value {
    let most = usize::try_from(length.most).unwrap_or(usize::MAX);
    let least = if length.fixed { most } else { 0 };
    let data = value.data();
    if let Some(texts) = data.as_string_opt::<i32>() {
        let mut builder = StringBuilder::with_capacity(texts.len(), texts.value_data().len());
        let mut filled = String::new();
        for text in texts {
            let Some(text) = text else {
                builder.append_null();
                continue;
            };
            let end = text.char_indices().nth(most).map_or(text.len(), |(end, _)| end);
            let characters = if least > 0 { text[..end].chars().count() } else { 0 };
            filled.clear();
            filled.push_str(&text[..end]);
            filled.extend(std::iter::repeat_n(' ', least.saturating_sub(characters)));
            builder.append_value(&filled);
        }
        return value.with(Arc::new(builder.finish()));
    }
    let Some(bytes) = data.as_binary_opt::<i32>() else { return value.clone() };
    let mut builder = BinaryBuilder::with_capacity(bytes.len(), bytes.value_data().len());
    let mut filled = Vec::new();
    for bytes in bytes {
        let Some(bytes) = bytes else {
            builder.append_null();
            continue;
        };
        filled.clear();
        filled.extend_from_slice(&bytes[..bytes.len().min(most)]);
        filled.resize(filled.len().max(least), 0);
        builder.append_value(&filled);
    }
    value.with(Arc::new(builder.finish()))
}
