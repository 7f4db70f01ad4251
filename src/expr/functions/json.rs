//! JSON as text: paths into it, and values written as it.

mod kernels;

use arrow_array::{Array, ArrayRef, StringArray, cast::AsArray};

use super::args::Prepared;
use super::body::Function;
use super::call::{kernel, literal_text};
use super::spec::{Binding, Family, FunctionSpec, Kernel, Nulls, Param, gives_boolean, gives_string};
use crate::expr::TypedExpr;
use crate::expr::json::{self as values, Path};
use crate::expr::typed::{Op, TypedKind};
use crate::types::{Diagnostic, LogicalType, Span};
use Param::{Any, Text};

const fn json(
    name: &'static str,
    signature: &'static str,
    summary: &'static str,
    examples: &'static [(&'static str, &'static str)],
    binding: Binding,
) -> FunctionSpec {
    FunctionSpec::new(Family::Json, name, signature, summary, examples, binding)
}

pub(super) const FUNCTIONS: &[FunctionSpec] = &[
    json(
        "json_value",
        "json_value(json string, path string[, on_empty string[, on_error string]]) -> string",
        "the scalar at a path, as text; the third argument where there is none, the fourth where the text or the path is wrong",
        &[
            ("json_value('{\"a\": {\"b\": [1, 2]}}', '$.a.b[1]')", "2"),
            ("json_value('{}', 'lax $.a', 'none')", "none"),
            ("json_value('{bad', '$.a', 'none', 'wrong')", "wrong"),
        ],
        Kernel::new(&[Text, Text, Text, Text], gives_string, kernels::value)
            .least(2)
            .nulls(Nulls::Possible)
            .prepare(path_in_second)
            .fallible()
            .bind(),
    ),
    json(
        "json_query",
        "json_query(json string, path string[, wrapper string[, on_empty string[, on_error string]]]) -> string",
        "the array or object at a path, as JSON; the wrapper is 'without', 'conditional' or 'with' an array around it; on empty and on error stand 'null', 'array', 'object' or 'error'",
        &[
            ("json_query('{\"a\": {\"b\": 1}}', '$.a')", "{\"b\":1}"),
            ("json_query('{\"a\": 1}', '$.a', 'with')", "[1]"),
        ],
        Kernel::new(&[Text, Text, Text, Text, Text], query_type, kernels::query)
            .least(2)
            .nulls(Nulls::Possible)
            .prepare(path_in_second)
            .fallible()
            .bind(),
    ),
    json(
        "json_exists",
        "json_exists(json string, path string[, on_error string]) -> boolean",
        "whether a path leads to something; on error 'false', 'true', 'unknown' or 'error'",
        &[("json_exists('{\"a\": 1}', '$.a')", "TRUE"), ("json_exists('{\"a\": 1}', '$.b')", "FALSE")],
        Kernel::new(&[Text, Text, Text], exists_type, kernels::exists)
            .least(2)
            .nulls(Nulls::Possible)
            .prepare(path_in_second)
            .fallible()
            .bind(),
    ),
    FunctionSpec {
        flink: Some("IS JSON"),
        ..json(
            "is_json",
            "is_json(text string[, kind string]) -> boolean",
            "whether a text is JSON, which null is not, of a kind if one is given: 'value', 'scalar', 'array' or 'object'",
            &[("is_json('{\"a\": 1}')", "TRUE"), ("is_json('[1]', 'object')", "FALSE"), ("is_json('{a')", "FALSE")],
            Kernel::new(&[Text, Text], kind_type, kernels::is_json).least(1).nulls(Nulls::Never).bind(),
        )
    },
    json(
        "json_string",
        "json_string(value) -> string",
        "any value as JSON",
        &[("json_string(map['a', array[1, 2]])", "{\"a\":[1,2]}"), ("json_string('say \"hi\"')", "\"say \\\"hi\\\"\"")],
        Kernel::new(&[Any], string_type, kernels::string).bind(),
    ),
    json(
        "json_object",
        "json_object(key string, value, …) -> string",
        "a JSON object of keys and values; a null becomes null",
        &[("json_object('a', 1, 'b', json_array(2, 'x'))", "{\"a\":1,\"b\":[2,\"x\"]}")],
        Binding::Special { arity: (0, usize::MAX), build: |args, span| made(&OBJECT, args, span) },
    ),
    json(
        "json_object_absent_on_null",
        "json_object_absent_on_null(key string, value, …) -> string",
        "like `json_object`, without the keys of nulls",
        &[("json_object_absent_on_null('a', 1, 'b', null)", "{\"a\":1}")],
        Binding::Special { arity: (0, usize::MAX), build: |args, span| made(&OBJECT_ABSENT, args, span) },
    ),
    json(
        "json_array",
        "json_array(value, …) -> string",
        "a JSON array of values, without nulls",
        &[("json_array(1, 'a', null, true)", "[1,\"a\",true]")],
        Binding::Special { arity: (0, usize::MAX), build: |args, span| made(&ARRAY, args, span) },
    ),
    json(
        "json_array_null_on_null",
        "json_array_null_on_null(value, …) -> string",
        "like `json_array`, with nulls",
        &[("json_array_null_on_null(1, null)", "[1,null]")],
        Binding::Special { arity: (0, usize::MAX), build: |args, span| made(&ARRAY_NULL, args, span) },
    ),
    RAW_SPEC,
    json(
        "json_quote",
        "json_quote(text string) -> string",
        "the text as a JSON string, everything beyond ASCII escaped",
        &[("json_quote('a\"b')", "\"a\\\"b\"")],
        Kernel::new(&[Text], gives_string, kernels::quoted).bind(),
    ),
    json(
        "json_unquote",
        "json_unquote(json string) -> string",
        "the text that a JSON string stands for; what is none comes back as it is",
        &[("json_unquote('\"a\\u0041\"')", "aA"), ("json_unquote('abc')", "abc")],
        Kernel::new(&[Text], gives_string, kernels::unquoted).bind(),
    ),
    json(
        "parse_json",
        "parse_json(text string[, allow_duplicate_keys boolean]) -> string",
        "the JSON that a text is, without spaces; an error if it is none, or says a key twice",
        &[("parse_json('{\"a\" : [1, 2]}')", "{\"a\":[1,2]}")],
        Kernel::new(&[Text, Param::Boolean], gives_string, |args| kernels::parse(args, false))
            .least(1)
            .fallible()
            .bind(),
    ),
    json(
        "try_parse_json",
        "try_parse_json(text string[, allow_duplicate_keys boolean]) -> string",
        "like `parse_json`, with null in place of an error",
        &[("try_parse_json('{bad')", "NULL")],
        Kernel::new(&[Text, Param::Boolean], gives_string, |args| kernels::parse(args, true))
            .least(1)
            .nulls(Nulls::Possible)
            .bind(),
    ),
];

const RAW_SPEC: FunctionSpec = json(
    "json",
    "json(text string) -> row<$json string>",
    "a text that is JSON, to stand as it is in `json_object` and `json_array`",
    &[("json_array(json('[1, 2]'))", "[[1,2]]")],
    Kernel::new(&[Text], |_| Ok(values::raw_type()), kernels::raw).fallible().bind(),
);

static RAW: FunctionSpec = RAW_SPEC;
static OBJECT: FunctionSpec = behind("json_object", |args| kernels::object(args, true), object_type);
static OBJECT_ABSENT: FunctionSpec =
    behind("json_object_absent_on_null", |args| kernels::object(args, false), object_type);
static ARRAY: FunctionSpec = behind("json_array", |args| kernels::array(args, false), array_type);
static ARRAY_NULL: FunctionSpec = behind("json_array_null_on_null", |args| kernels::array(args, true), array_type);

/// A kernel behind a name of the registry, whose arguments that are JSON have been marked.
const fn behind(
    name: &'static str,
    run: fn(&mut super::Args<'_>) -> crate::types::Result<ArrayRef>,
    ty: fn(&[TypedExpr]) -> Result<LogicalType, String>,
) -> FunctionSpec {
    json(name, name, "", &[], Kernel::new(&[Any], ty, run).least(0).variadic().nulls(Nulls::Never).fallible().bind())
}

/// As in Flink, what these functions make stands as JSON in each other, not as text.
fn made(spec: &'static FunctionSpec, args: Vec<TypedExpr>, span: Span) -> Result<TypedExpr, Diagnostic> {
    const MAKERS: [&str; 4] = ["json_object", "json_object_absent_on_null", "json_array", "json_array_null_on_null"];
    let marked = |arg: TypedExpr| match &arg.kind {
        TypedKind::Op(Op::Function(Function { name, .. }), _) if MAKERS.contains(name) => {
            let span = arg.span();
            kernel(&RAW, vec![arg], span)
        }
        TypedKind::Op(..) | TypedKind::Column { .. } | TypedKind::Literal(_) => Ok(arg),
    };
    kernel(spec, args.into_iter().map(marked).collect::<Result<_, _>>()?, span)
}

fn object_type(args: &[TypedExpr]) -> Result<LogicalType, String> {
    if args.len() % 2 == 1 {
        return Err("a key without a value".to_owned());
    }
    for pair in args.chunks(2) {
        if *pair[0].ty() != LogicalType::String {
            return Err(format!("the keys of a JSON object are strings, not {}", pair[0].ty()));
        }
        values::writable(pair[1].ty())?;
    }
    gives_string(args)
}

fn array_type(args: &[TypedExpr]) -> Result<LogicalType, String> {
    args.iter().try_for_each(|arg| values::writable(arg.ty()))?;
    gives_string(args)
}

fn string_type(args: &[TypedExpr]) -> Result<LogicalType, String> {
    array_type(args)
}

/// Checks that a constant argument is one of some words.
fn word(args: &[TypedExpr], at: usize, words: &[&str]) -> Result<(), String> {
    match args.get(at) {
        Some(arg) if !literal_text(arg).is_some_and(|text| words.contains(&text.as_str())) => {
            Err(format!("expected one of '{}'", words.join("', '")))
        }
        Some(_) | None => Ok(()),
    }
}

fn query_type(args: &[TypedExpr]) -> Result<LogicalType, String> {
    word(args, 2, &["without", "conditional", "with"])?;
    word(args, 3, &kernels::BEHAVIOURS)?;
    word(args, 4, &kernels::BEHAVIOURS)?;
    gives_string(args)
}

fn exists_type(args: &[TypedExpr]) -> Result<LogicalType, String> {
    word(args, 2, &["false", "true", "unknown", "error"])?;
    gives_boolean(args)
}

fn kind_type(args: &[TypedExpr]) -> Result<LogicalType, String> {
    word(args, 1, &["value", "scalar", "array", "object"])?;
    gives_boolean(args)
}

/// Compiles the constant path that stands second.
fn path_in_second(args: &[Option<&ArrayRef>]) -> Result<Option<Prepared>, String> {
    let path: Option<&StringArray> = args.get(1).copied().flatten().and_then(|path| path.as_string_opt::<i32>());
    match path.filter(|path| path.is_valid(0)) {
        Some(path) => Path::new(path.value(0)).map(|path| Some(Prepared::Path(path))),
        None => Ok(None),
    }
}
