//! Arrays, maps and rows.

#![expect(clippy::unnecessary_wraps, reason = "the registry's functions have one signature")]

mod kernels;

use super::call::kernel;
use super::spec::{
    Binding, Family, FunctionSpec, Kernel, Nulls, Param, gives_boolean, gives_first, gives_int, gives_string,
};
use crate::expr::TypedExpr;
use crate::expr::coerce::{coerce_all, common_type};
use crate::types::{Diagnostic, LogicalType, Span};
use Param::{Any, Array, Boolean, Collection, Int, Map, Text};

const fn collection(
    name: &'static str,
    signature: &'static str,
    summary: &'static str,
    examples: &'static [(&'static str, &'static str)],
    binding: Binding,
) -> FunctionSpec {
    FunctionSpec::new(Family::Collection, name, signature, summary, examples, binding)
}

/// The function that `array[…]` calls.
pub(in crate::expr) static ARRAY: FunctionSpec = collection(
    "array",
    "array[value, …] -> array<the values' common type>",
    "an array of these values",
    &[("array[1, 2]", "[1, 2]")],
    Kernel::new(&[Any], array_type, kernels::array).least(0).variadic().nulls(Nulls::Never).bind(),
);

/// The function that `map[…]` calls: keys and values in turn.
pub(in crate::expr) static MAP: FunctionSpec = collection(
    "map",
    "map[key, value, …] -> map<key, value>",
    "a map of these entries; the last of equal keys wins",
    &[("map['a', 1]", "{a=1}")],
    Kernel::new(&[Any], map_type, kernels::map).least(0).variadic().nulls(Nulls::Never).fallible().bind(),
);

/// The function that `row(…)` calls.
pub(in crate::expr) static ROW: FunctionSpec = collection(
    "row",
    "row(value, …) -> row<EXPR$0 …, EXPR$1 …>",
    "a row of these values",
    &[("row(1, 'a')", "(1, a)")],
    Kernel::new(&[Any], row_type, kernels::row).variadic().nulls(Nulls::Never).bind(),
);

/// The function that `x[i]` calls.
pub(in crate::expr) static ITEM: FunctionSpec = collection(
    "item",
    "array[index] or map[key]",
    "an item of an array, from 1, or a value of a map; null if there is none",
    &[("array[5, 6][1]", "5"), ("map['a', 1]['a']", "1")],
    Kernel::new(&[Collection, Any], item_type, kernels::item).nulls(Nulls::Possible).bind(),
);

pub(super) const FUNCTIONS: &[FunctionSpec] = &[
    collection(
        "cardinality",
        "cardinality(array or map) -> int",
        "the number of items of an array, or of entries of a map",
        &[("cardinality(array[1, 2])", "2")],
        Kernel::new(&[Collection], gives_int, kernels::cardinality).bind(),
    ),
    collection(
        "element",
        "element(array<t>) -> t",
        "the only item of an array; null if the array is empty, an error if it has more items",
        &[("element(array[5])", "5")],
        Kernel::new(&[Array], element_type, kernels::element).nulls(Nulls::Possible).fallible().bind(),
    ),
    collection(
        "array_contains",
        "array_contains(array<t>, value t) -> boolean",
        "whether a value is in an array; null is looked for as a value",
        &[("array_contains(array[1, 2], 2)", "TRUE")],
        with_needle(|args, span| needle(&CONTAINS, args, span)),
    ),
    collection(
        "array_position",
        "array_position(array<t>, value t) -> int",
        "the place where a value is first in an array, counted from 1; 0 if nowhere",
        &[("array_position(array[5, 6], 6)", "2")],
        with_needle(|args, span| needle(&POSITION, args, span)),
    ),
    collection(
        "array_append",
        "array_append(array<t>, value t) -> array<t>",
        "an array with a value put behind it",
        &[("array_append(array[1, 2], 3)", "[1, 2, 3]")],
        with_needle(|args, span| needle(&APPEND, args, span)),
    ),
    collection(
        "array_prepend",
        "array_prepend(array<t>, value t) -> array<t>",
        "an array with a value put before it",
        &[("array_prepend(array[1, 2], 0)", "[0, 1, 2]")],
        with_needle(|args, span| needle(&PREPEND, args, span)),
    ),
    collection(
        "array_remove",
        "array_remove(array<t>, value t) -> array<t>",
        "an array without the items that equal a value",
        &[("array_remove(array[1, 2, 1], 1)", "[2]")],
        with_needle(|args, span| needle(&REMOVE, args, span)),
    ),
    collection(
        "array_concat",
        "array_concat(array<t>, …) -> array<t>",
        "the arrays one after the other",
        &[("array_concat(array[1], array[2])", "[1, 2]")],
        Binding::Special { arity: (1, usize::MAX), build: |args, span| alike(&CONCAT, "array_concat", args, span) },
    ),
    collection(
        "array_union",
        "array_union(array<t>, array<t>) -> array<t>",
        "the items that are in either of two arrays, each once",
        &[("array_union(array[1, 2], array[2, 3])", "[1, 2, 3]")],
        Binding::Special { arity: (2, 2), build: |args, span| alike(&UNION, "array_union", args, span) },
    ),
    collection(
        "array_except",
        "array_except(array<t>, array<t>) -> array<t>",
        "the items of the first array that are not in the second, each once",
        &[("array_except(array[1, 2, 3], array[2])", "[1, 3]")],
        Binding::Special { arity: (2, 2), build: |args, span| alike(&EXCEPT, "array_except", args, span) },
    ),
    collection(
        "array_intersect",
        "array_intersect(array<t>, array<t>) -> array<t>",
        "the items that are in both of two arrays, each once",
        &[("array_intersect(array[1, 2], array[2])", "[2]")],
        Binding::Special { arity: (2, 2), build: |args, span| alike(&INTERSECT, "array_intersect", args, span) },
    ),
    collection(
        "array_distinct",
        "array_distinct(array<t>) -> array<t>",
        "an array with each item once, where it is first",
        &[("array_distinct(array[1, 2, 1])", "[1, 2]")],
        Kernel::new(&[Array], gives_first, kernels::distinct).bind(),
    ),
    collection(
        "array_reverse",
        "array_reverse(array<t>) -> array<t>",
        "an array from its last item to its first",
        &[("array_reverse(array[1, 2])", "[2, 1]")],
        Kernel::new(&[Array], gives_first, kernels::reverse).bind(),
    ),
    collection(
        "array_sort",
        "array_sort(array<t>[, ascending boolean[, nulls_first boolean]]) -> array<t>",
        "an array sorted; nulls first when ascending and last when not, unless said otherwise",
        &[("array_sort(array[3, 1, 2])", "[1, 2, 3]")],
        Kernel::new(&[Array, Boolean, Boolean], gives_first, kernels::sort).least(1).bind(),
    ),
    collection(
        "array_slice",
        "array_slice(array<t>, start int[, end int]) -> array<t>",
        "the items of an array from `start` to `end`, both counted from 1, or from the end if negative",
        &[("array_slice(array[1, 2, 3], 2, 3)", "[2, 3]")],
        Kernel::new(&[Array, Int, Int], gives_first, kernels::slice).least(2).bind(),
    ),
    collection(
        "array_max",
        "array_max(array<t>) -> t",
        "the greatest item of an array that is not null",
        &[("array_max(array[1, 3, 2])", "3")],
        Kernel::new(&[Array], element_type, kernels::max).nulls(Nulls::Possible).bind(),
    ),
    collection(
        "array_min",
        "array_min(array<t>) -> t",
        "the least item of an array that is not null",
        &[("array_min(array[2, 1, 3])", "1")],
        Kernel::new(&[Array], element_type, kernels::min).nulls(Nulls::Possible).bind(),
    ),
    collection(
        "array_join",
        "array_join(array<string>, separator string[, null_replacement string]) -> string",
        "the items of an array with the separator between them; nulls are left out unless they are replaced",
        &[("array_join(array['a', null, 'b'], '-', '?')", "a-?-b")],
        Kernel::new(&[Array, Text, Text], join_type, kernels::join).least(2).bind(),
    ),
    collection(
        "split",
        "split(text string, separator string) -> array<string>",
        "the parts of a text that the separator divides; the characters if the separator is empty; none of an empty text",
        &[("split('a,b', ',')", "[a, b]")],
        Kernel::new(&[Text, Text], |_| Ok(LogicalType::Array(Box::new(LogicalType::String))), kernels::split).bind(),
    ),
    collection(
        "map_keys",
        "map_keys(map<k, v>) -> array<k>",
        "the keys of a map",
        &[("map_keys(map['a', 1])", "[a]")],
        Kernel::new(&[Map], |args| part_of_map(args, true), kernels::map_keys).bind(),
    ),
    collection(
        "map_values",
        "map_values(map<k, v>) -> array<v>",
        "the values of a map",
        &[("map_values(map['a', 1])", "[1]")],
        Kernel::new(&[Map], |args| part_of_map(args, false), kernels::map_values).bind(),
    ),
    collection(
        "map_entries",
        "map_entries(map<k, v>) -> array<row<key k, value v>>",
        "the entries of a map, a row each",
        &[("map_entries(map['a', 1])", "[(a, 1)]")],
        Kernel::new(&[Map], entries_type, kernels::map_entries).bind(),
    ),
    collection(
        "map_from_arrays",
        "map_from_arrays(keys array<k>, values array<v>) -> map<k, v>",
        "the map of keys and the values at their places",
        &[("map_from_arrays(array['a', 'b'], array[1, 2])", "{a=1, b=2}")],
        Kernel::new(&[Array, Array], from_arrays_type, kernels::map_from_arrays).fallible().bind(),
    ),
    collection(
        "map_union",
        "map_union(map<k, v>, …) -> map<k, v>",
        "the entries of all maps; the last of equal keys wins",
        &[("map_union(map['a', 1], map['a', 2, 'b', 3])", "{a=2, b=3}")],
        Binding::Special { arity: (1, usize::MAX), build: |args, span| alike(&MAP_UNION, "map_union", args, span) },
    ),
    collection(
        "typeof",
        "typeof(value[, in_full boolean]) -> string",
        "the type of a value",
        &[("typeof(array[1, 2])", "ARRAY<INT> NOT NULL")],
        Binding::Special { arity: (1, 2), build: type_of },
    ),
];

const fn with_needle(build: fn(Vec<TypedExpr>, Span) -> Result<TypedExpr, Diagnostic>) -> Binding {
    Binding::Special { arity: (2, 2), build }
}

/// A kernel behind a name of the registry, whose arguments have been brought to one item type.
const fn behind(name: &'static str, kernel: Kernel) -> FunctionSpec {
    collection(name, name, "", &[], kernel.bind())
}

static CONTAINS: FunctionSpec =
    behind("array_contains", Kernel::new(&[Array, Any], gives_boolean, kernels::contains).nulls(Nulls::Possible));
static POSITION: FunctionSpec = behind("array_position", Kernel::new(&[Array, Any], gives_int, kernels::position));
static APPEND: FunctionSpec =
    behind("array_append", Kernel::new(&[Array, Any], gives_first, kernels::append).nulls(Nulls::Possible));
static PREPEND: FunctionSpec =
    behind("array_prepend", Kernel::new(&[Array, Any], gives_first, kernels::prepend).nulls(Nulls::Possible));
static REMOVE: FunctionSpec =
    behind("array_remove", Kernel::new(&[Array, Any], gives_first, kernels::remove).nulls(Nulls::Possible));
static CONCAT: FunctionSpec = behind("array_concat", Kernel::new(&[Array], gives_first, kernels::concat).variadic());
static UNION: FunctionSpec = behind("array_union", Kernel::new(&[Array, Array], gives_first, kernels::union));
static EXCEPT: FunctionSpec = behind("array_except", Kernel::new(&[Array, Array], gives_first, kernels::except));
static MAP_UNION: FunctionSpec =
    behind("map_union", Kernel::new(&[Map], gives_first, kernels::map_union).variadic().fallible());
static INTERSECT: FunctionSpec =
    behind("array_intersect", Kernel::new(&[Array, Array], gives_first, kernels::intersect));

/// An array and a value, brought to one item type.
fn needle(spec: &'static FunctionSpec, args: Vec<TypedExpr>, span: Span) -> Result<TypedExpr, Diagnostic> {
    let item = match args.first().map(TypedExpr::ty) {
        Some(LogicalType::Array(item)) => (**item).clone(),
        _ => return kernel(spec, args, span),
    };
    let value = args.get(1).map_or(&LogicalType::Null, TypedExpr::ty);
    let Some(common) = common_type(&item, value) else {
        let place = args.get(1).map_or(span, TypedExpr::span);
        return Err(Diagnostic::at(place, format!("an array<{item}> holds no {value}")));
    };
    let types = [LogicalType::Array(Box::new(common.clone())), common];
    let args = args.into_iter().zip(&types).map(|(arg, ty)| crate::expr::coerce::implicit_cast(arg, ty)).collect();
    kernel(spec, args, span)
}

/// Arrays brought to one type.
fn alike(spec: &'static FunctionSpec, name: &str, args: Vec<TypedExpr>, span: Span) -> Result<TypedExpr, Diagnostic> {
    let (args, _) = coerce_all(name, args, span)?;
    kernel(spec, args, span)
}

fn array_type(args: &[TypedExpr]) -> Result<LogicalType, String> {
    Ok(LogicalType::Array(Box::new(args.first().map_or(LogicalType::Null, |arg| arg.ty().clone()))))
}

fn map_type(args: &[TypedExpr]) -> Result<LogicalType, String> {
    match args {
        [key, value, ..] => Ok(LogicalType::Map(Box::new(key.ty().clone()), Box::new(value.ty().clone()))),
        _ => Err("a map needs at least one key and value".to_owned()),
    }
}

fn row_type(args: &[TypedExpr]) -> Result<LogicalType, String> {
    Ok(LogicalType::Row(args.iter().enumerate().map(|(i, arg)| (format!("EXPR${i}"), arg.ty().clone())).collect()))
}

fn element_type(args: &[TypedExpr]) -> Result<LogicalType, String> {
    match args.first().map(TypedExpr::ty) {
        Some(LogicalType::Array(item)) => Ok((**item).clone()),
        _ => Err("expected an array".to_owned()),
    }
}

fn item_type(args: &[TypedExpr]) -> Result<LogicalType, String> {
    let [of, index] = args else { return Err("expected one index".to_owned()) };
    #[expect(clippy::wildcard_enum_match_arm, reason = "binding lets only collections through")]
    match of.ty() {
        LogicalType::Array(item) => {
            if !index.ty().is_integer() && *index.ty() != LogicalType::Null {
                return Err(format!("the index of an array is a whole number from 1, not {}", index.ty()));
            }
            let constant = index.clone().fold();
            if let Some(literal) = constant.as_literal().filter(|_| index.ty().is_integer()) {
                let value = crate::expr::value::Value::Scalar(literal.clone());
                let below = crate::expr::kernels::Longs::new(&value).is_ok_and(|longs| longs.get(0) < 1);
                if below && !constant.is_null_literal() {
                    return Err("the index of an array begins at 1".to_owned());
                }
            }
            Ok((**item).clone())
        }
        LogicalType::Map(key, value) if common_type(key, index.ty()).as_ref() == Some(&**key) => Ok((**value).clone()),
        LogicalType::Map(key, _) => Err(format!("the keys of this map are {key}, not {}", index.ty())),
        other => Err(format!("{other} has no items")),
    }
}

fn join_type(args: &[TypedExpr]) -> Result<LogicalType, String> {
    match args.first().map(TypedExpr::ty) {
        Some(LogicalType::Array(item)) if matches!(**item, LogicalType::String | LogicalType::Null) => {
            gives_string(args)
        }
        _ => Err("array_join takes an array of strings".to_owned()),
    }
}

fn entries_type(args: &[TypedExpr]) -> Result<LogicalType, String> {
    match args.first().map(TypedExpr::ty) {
        Some(LogicalType::Map(key, value)) => {
            let fields = vec![("key".to_owned(), (**key).clone()), ("value".to_owned(), (**value).clone())];
            Ok(LogicalType::Array(Box::new(LogicalType::Row(fields))))
        }
        _ => Err("expected a map".to_owned()),
    }
}

fn from_arrays_type(args: &[TypedExpr]) -> Result<LogicalType, String> {
    match (args.first().map(TypedExpr::ty), args.get(1).map(TypedExpr::ty)) {
        (Some(LogicalType::Array(key)), Some(LogicalType::Array(value))) => {
            Ok(LogicalType::Map(key.clone(), value.clone()))
        }
        _ => Err("expected two arrays".to_owned()),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as all special functions are built")]
fn type_of(args: Vec<TypedExpr>, span: Span) -> Result<TypedExpr, Diagnostic> {
    let Some(value) = args.first() else { return Err(Diagnostic::at(span, "an argument is missing")) };
    let name = format!("{}{}", value.ty().to_string().to_uppercase(), if value.nullable() { "" } else { " NOT NULL" });
    let text = arrow_array::StringArray::from(vec![name]);
    Ok(TypedExpr::literal(std::sync::Arc::new(text), LogicalType::String).at(span))
}

fn part_of_map(args: &[TypedExpr], keys: bool) -> Result<LogicalType, String> {
    match args.first().map(TypedExpr::ty) {
        Some(LogicalType::Map(key, value)) => Ok(LogicalType::Array(if keys { key.clone() } else { value.clone() })),
        _ => Err("expected a map".to_owned()),
    }
}
