//! Text. Positions and lengths count characters, from 1.

mod kernels;

use super::spec::{Binding, Family, FunctionSpec, Kernel, Nulls, Param, gives_boolean, gives_int, gives_string};
use Param::{Int, Text, TextOrInt};

const fn text(
    name: &'static str,
    signature: &'static str,
    summary: &'static str,
    examples: &'static [(&'static str, &'static str)],
    binding: Binding,
) -> FunctionSpec {
    FunctionSpec::new(Family::String, name, signature, summary, examples, binding)
}

const CONCAT_SPEC: FunctionSpec = text(
    "concat",
    "concat(text string, text string, …) -> string",
    "The texts one after the other; null if any is null. `a || b` is the same.",
    &[("concat('a', 'b', 'c')", "abc"), ("'a' || null", "NULL")],
    Kernel::new(&[Text], gives_string, kernels::concat).variadic().bind(),
);

/// The function that `||` calls.
pub(in crate::expr) static CONCAT: FunctionSpec = CONCAT_SPEC;

pub(super) const FUNCTIONS: &[FunctionSpec] = &[
    text(
        "char_length",
        "char_length(text string) -> int",
        "How many characters it has.",
        &[("char_length('héllo')", "5")],
        Kernel::new(&[Text], gives_int, kernels::char_length).bind(),
    )
    .aliases(&["character_length"]),
    text(
        "upper",
        "upper(text string) -> string",
        "In upper case.",
        &[("upper('héllo')", "HÉLLO")],
        Kernel::new(&[Text], gives_string, kernels::upper).bind(),
    )
    .aliases(&["ucase"]),
    text(
        "lower",
        "lower(text string) -> string",
        "In lower case.",
        &[("lower('ABC')", "abc")],
        Kernel::new(&[Text], gives_string, kernels::lower).bind(),
    )
    .aliases(&["lcase"]),
    text(
        "initcap",
        "initcap(text string) -> string",
        "Each word's first letter in upper case, the others in lower; words are of ASCII letters and digits.",
        &[("initcap('hello wORLD')", "Hello World")],
        Kernel::new(&[Text], gives_string, kernels::initcap).bind(),
    ),
    text(
        "trim",
        "trim(text string[, characters string]) -> string",
        "Without spaces, or any of the characters, at both ends.",
        &[("trim('  a ')", "a"), ("trim('xax', 'x')", "a")],
        Kernel::new(&[Text, Text], gives_string, kernels::trim).least(1).bind(),
    )
    .aliases(&["btrim"]),
    text(
        "ltrim",
        "ltrim(text string[, characters string]) -> string",
        "Without spaces, or any of the characters, at the start.",
        &[("ltrim('xxa', 'x')", "a")],
        Kernel::new(&[Text, Text], gives_string, kernels::ltrim).least(1).bind(),
    ),
    text(
        "rtrim",
        "rtrim(text string[, characters string]) -> string",
        "Without spaces, or any of the characters, at the end.",
        &[("rtrim('axy', 'yx')", "a")],
        Kernel::new(&[Text, Text], gives_string, kernels::rtrim).least(1).bind(),
    ),
    text(
        "substring",
        "substring(text string, start int[, length int]) -> string",
        "The characters from `start` on, counted from the end if negative.",
        &[("substring('hello', 2, 3)", "ell"), ("substring('hello', -3)", "llo")],
        Kernel::new(&[Text, Int, Int], gives_string, kernels::substring).least(2).nulls(Nulls::Possible).bind(),
    )
    .aliases(&["substr"]),
    text(
        "left",
        "left(text string, count int) -> string",
        "Its first characters.",
        &[("left('hello', 2)", "he")],
        Kernel::new(&[Text, Int], gives_string, kernels::left).bind(),
    ),
    text(
        "right",
        "right(text string, count int) -> string",
        "Its last characters.",
        &[("right('hello', 2)", "lo")],
        Kernel::new(&[Text, Int], gives_string, kernels::right).bind(),
    ),
    CONCAT_SPEC,
    text(
        "concat_ws",
        "concat_ws(separator string, text string, …) -> string",
        "The texts that are not null with the separator between them.",
        &[("concat_ws('-', 'a', null, 'b')", "a-b")],
        Kernel::new(&[Text, Text], gives_string, kernels::concat_ws).least(1).variadic().nulls(Nulls::Possible).bind(),
    ),
    text(
        "replace",
        "replace(text string, search string, replacement string) -> string",
        "With every occurrence of `search` replaced.",
        &[("replace('hello', 'l', 'L')", "heLLo")],
        Kernel::new(&[Text, Text, Text], gives_string, kernels::replace).bind(),
    ),
    text(
        "translate",
        "translate(text string, from string, to string) -> string",
        "With each character of `from` replaced by the one at its place in `to`, or removed if there is none.",
        &[("translate('hello', 'el', 'ip')", "hippo")],
        Kernel::new(&[Text, Text, Text], gives_string, kernels::translate).nulls(Nulls::Possible).bind(),
    ),
    text(
        "position",
        "position(search string, text string) -> int",
        "Where `search` is in the text first, 0 if nowhere.",
        &[("position('l', 'hello')", "3")],
        Kernel::new(&[Text, Text], gives_int, kernels::locate).bind(),
    ),
    text(
        "locate",
        "locate(search string, text string[, start int]) -> int",
        "Where `search` is in the text first, at or behind `start`; 0 if nowhere.",
        &[("locate('l', 'hello')", "3"), ("locate('l', 'hello', 4)", "4")],
        Kernel::new(&[Text, Text, Int], gives_int, kernels::locate).least(2).bind(),
    ),
    text(
        "instr",
        "instr(text string, search string[, start int[, nth int]]) -> int",
        "Where `search` is in the text for the nth time, at or behind `start`, or backwards from a `start` below 0; 0 if nowhere.",
        &[("instr('hello', 'l')", "3"), ("instr('hello', 'l', 1, 2)", "4"), ("instr('hello', 'l', -1)", "4")],
        Kernel::new(&[Text, Text, Int, Int], gives_int, kernels::instr).least(2).fallible().bind(),
    ),
    text(
        "startswith",
        "startswith(text string, start string) -> boolean",
        "Whether the text begins so.",
        &[("startswith('hello', 'he')", "TRUE")],
        Kernel::new(&[Text, Text], gives_boolean, kernels::startswith).bind(),
    ),
    text(
        "endswith",
        "endswith(text string, end string) -> boolean",
        "Whether the text ends so.",
        &[("endswith('hello', 'lo')", "TRUE")],
        Kernel::new(&[Text, Text], gives_boolean, kernels::endswith).bind(),
    ),
    text(
        "lpad",
        "lpad(text string, length int, padding string) -> string",
        "Filled up from the left, or cut, to a length; null if that is negative or the padding empty.",
        &[("lpad('ab', 5, 'xy')", "xyxab")],
        Kernel::new(&[Text, Int, Text], gives_string, kernels::lpad).nulls(Nulls::Possible).bind(),
    ),
    text(
        "rpad",
        "rpad(text string, length int, padding string) -> string",
        "Filled up from the right, or cut, to a length; null if that is negative or the padding empty.",
        &[("rpad('ab', 5, 'xy')", "abxyx")],
        Kernel::new(&[Text, Int, Text], gives_string, kernels::rpad).nulls(Nulls::Possible).bind(),
    ),
    text(
        "repeat",
        "repeat(text string, count int) -> string",
        "So many times.",
        &[("repeat('ab', 3)", "ababab")],
        Kernel::new(&[Text, Int], gives_string, kernels::repeat).fallible().bind(),
    ),
    text(
        "reverse",
        "reverse(text string) -> string",
        "Its characters from the last to the first.",
        &[("reverse('abc')", "cba")],
        Kernel::new(&[Text], gives_string, kernels::reverse).bind(),
    ),
    text(
        "overlay",
        "overlay(text string, replacement string, start int[, length int]) -> string",
        "With the characters from `start` replaced; as many as the replacement has, unless `length` is given.",
        &[("overlay('xxxxxtest', 'XXXX', 6)", "xxxxxXXXX"), ("overlay('abcdef', 'X', 2, 3)", "aXef")],
        Kernel::new(&[Text, Text, Int, Int], gives_string, kernels::overlay).least(3).bind(),
    ),
    text(
        "split_index",
        "split_index(text string, separator string, index int) -> string",
        "The part at `index`, from 0, of what the separator (or the character with that code) separates.",
        &[("split_index('a,b,c', ',', 1)", "b"), ("split_index('a,b', ',', 9)", "NULL")],
        Kernel::new(&[Text, TextOrInt, Int], gives_string, kernels::split_index).nulls(Nulls::Possible).bind(),
    ),
    text(
        "ascii",
        "ascii(text string) -> int",
        "The first byte as a number, negative from 128 on; 0 for the empty text.",
        &[("ascii('abc')", "97")],
        Kernel::new(&[Text], gives_int, kernels::ascii).bind(),
    ),
    text(
        "chr",
        "chr(code bigint) -> string",
        "The character with that code, modulo 256; empty if negative.",
        &[("chr(97)", "a")],
        Kernel::new(&[Param::BigInt], gives_string, kernels::chr).bind(),
    ),
    text(
        "url_encode",
        "url_encode(text string) -> string",
        "As in a query string: `application/x-www-form-urlencoded`.",
        &[("url_encode('a b&c')", "a+b%26c")],
        Kernel::new(&[Text], gives_string, kernels::url_encode).bind(),
    ),
    text(
        "url_decode",
        "url_decode(text string) -> string",
        "What `url_encode` makes of it, undone; null if it is malformed.",
        &[("url_decode('a+b%26c')", "a b&c")],
        Kernel::new(&[Text], gives_string, kernels::url_decode).nulls(Nulls::Possible).bind(),
    ),
];
