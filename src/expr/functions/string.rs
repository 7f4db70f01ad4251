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
    "the texts one after the other, null if any is null; `a || b` does the same",
    &[("concat('a', 'b', 'c')", "abc"), ("'a' || null", "NULL")],
    Kernel::new(&[Text], gives_string, kernels::concat).variadic().bind(),
);

/// The function that `||` calls.
pub(in crate::expr) static CONCAT: FunctionSpec = CONCAT_SPEC;

pub(super) const FUNCTIONS: &[FunctionSpec] = &[
    text(
        "char_length",
        "char_length(text string) -> int",
        "the number of characters in a text",
        &[("char_length('héllo')", "5")],
        Kernel::new(&[Text], gives_int, kernels::char_length).bind(),
    )
    .aliases(&["character_length"]),
    text(
        "upper",
        "upper(text string) -> string",
        "a text in upper case",
        &[("upper('héllo')", "HÉLLO")],
        Kernel::new(&[Text], gives_string, kernels::upper).bind(),
    )
    .aliases(&["ucase"]),
    text(
        "lower",
        "lower(text string) -> string",
        "a text in lower case",
        &[("lower('ABC')", "abc")],
        Kernel::new(&[Text], gives_string, kernels::lower).bind(),
    )
    .aliases(&["lcase"]),
    text(
        "initcap",
        "initcap(text string) -> string",
        "a text with the first letter of each word in upper case, the others in lower case; a word is of ASCII letters and digits",
        &[("initcap('hello wORLD')", "Hello World")],
        Kernel::new(&[Text], gives_string, kernels::initcap).bind(),
    ),
    text(
        "trim",
        "trim(text string[, characters string]) -> string",
        "a text without the spaces, or the given characters, at both ends",
        &[("trim('  a ')", "a"), ("trim('xax', 'x')", "a")],
        Kernel::new(&[Text, Text], gives_string, kernels::trim).least(1).bind(),
    )
    .aliases(&["btrim"]),
    text(
        "ltrim",
        "ltrim(text string[, characters string]) -> string",
        "a text without the spaces, or the given characters, at its start",
        &[("ltrim('xxa', 'x')", "a")],
        Kernel::new(&[Text, Text], gives_string, kernels::ltrim).least(1).bind(),
    ),
    text(
        "rtrim",
        "rtrim(text string[, characters string]) -> string",
        "a text without the spaces, or the given characters, at its end",
        &[("rtrim('axy', 'yx')", "a")],
        Kernel::new(&[Text, Text], gives_string, kernels::rtrim).least(1).bind(),
    ),
    text(
        "substring",
        "substring(text string, start int[, length int]) -> string",
        "the part of a text from `start` on, counted from 1, or from the end if negative",
        &[("substring('hello', 2, 3)", "ell"), ("substring('hello', -3)", "llo")],
        Kernel::new(&[Text, Int, Int], gives_string, kernels::substring).least(2).nulls(Nulls::Possible).bind(),
    )
    .aliases(&["substr"]),
    text(
        "left",
        "left(text string, count int) -> string",
        "the first characters of a text",
        &[("left('hello', 2)", "he")],
        Kernel::new(&[Text, Int], gives_string, kernels::left).bind(),
    ),
    text(
        "right",
        "right(text string, count int) -> string",
        "the last characters of a text",
        &[("right('hello', 2)", "lo")],
        Kernel::new(&[Text, Int], gives_string, kernels::right).bind(),
    ),
    CONCAT_SPEC,
    text(
        "concat_ws",
        "concat_ws(separator string, text string, …) -> string",
        "the texts that are not null, with the separator between them",
        &[("concat_ws('-', 'a', null, 'b')", "a-b")],
        Kernel::new(&[Text, Text], gives_string, kernels::concat_ws).least(1).variadic().nulls(Nulls::Possible).bind(),
    ),
    text(
        "replace",
        "replace(text string, search string, replacement string) -> string",
        "a text with every occurrence of `search` replaced",
        &[("replace('hello', 'l', 'L')", "heLLo")],
        Kernel::new(&[Text, Text, Text], gives_string, kernels::replace).bind(),
    ),
    text(
        "translate",
        "translate(text string, from string, to string) -> string",
        "a text with each character of `from` replaced by the one at the same place in `to`, or removed if `to` is too short",
        &[("translate('hello', 'el', 'ip')", "hippo")],
        Kernel::new(&[Text, Text, Text], gives_string, kernels::translate).nulls(Nulls::Possible).bind(),
    ),
    text(
        "position",
        "position(search string in text string) -> int",
        "the place where `search` is first in the text, counted from 1; 0 if nowhere",
        &[("position('l' in 'hello')", "3")],
        Kernel::new(&[Text, Text], gives_int, kernels::locate).bind(),
    ),
    text(
        "locate",
        "locate(search string, text string[, start int]) -> int",
        "the place where `search` is first in the text, at or behind `start`; 0 if nowhere",
        &[("locate('l', 'hello')", "3"), ("locate('l', 'hello', 4)", "4")],
        Kernel::new(&[Text, Text, Int], gives_int, kernels::locate).least(2).bind(),
    ),
    text(
        "instr",
        "instr(text string, search string[, start int[, nth int]]) -> int",
        "the place where `search` is in the text for the nth time, at or behind `start`, or backwards from a negative `start`; 0 if nowhere",
        &[("instr('hello', 'l')", "3"), ("instr('hello', 'l', 1, 2)", "4"), ("instr('hello', 'l', -1)", "4")],
        Kernel::new(&[Text, Text, Int, Int], gives_int, kernels::instr).least(2).fallible().bind(),
    ),
    text(
        "startswith",
        "startswith(text string, start string) -> boolean",
        "whether a text begins with `start`",
        &[("startswith('hello', 'he')", "TRUE")],
        Kernel::new(&[Text, Text], gives_boolean, kernels::startswith).bind(),
    ),
    text(
        "endswith",
        "endswith(text string, end string) -> boolean",
        "whether a text ends with `end`",
        &[("endswith('hello', 'lo')", "TRUE")],
        Kernel::new(&[Text, Text], gives_boolean, kernels::endswith).bind(),
    ),
    text(
        "lpad",
        "lpad(text string, length int, padding string) -> string",
        "a text filled up from the left, or cut, to a length; null if the length is negative or the padding empty",
        &[("lpad('ab', 5, 'xy')", "xyxab")],
        Kernel::new(&[Text, Int, Text], gives_string, kernels::lpad).nulls(Nulls::Possible).bind(),
    ),
    text(
        "rpad",
        "rpad(text string, length int, padding string) -> string",
        "a text filled up from the right, or cut, to a length; null if the length is negative or the padding empty",
        &[("rpad('ab', 5, 'xy')", "abxyx")],
        Kernel::new(&[Text, Int, Text], gives_string, kernels::rpad).nulls(Nulls::Possible).bind(),
    ),
    text(
        "repeat",
        "repeat(text string, count int) -> string",
        "a text so many times over",
        &[("repeat('ab', 3)", "ababab")],
        Kernel::new(&[Text, Int], gives_string, kernels::repeat).fallible().bind(),
    ),
    text(
        "reverse",
        "reverse(text string) -> string",
        "a text from its last character to its first",
        &[("reverse('abc')", "cba")],
        Kernel::new(&[Text], gives_string, kernels::reverse).bind(),
    ),
    text(
        "overlay",
        "overlay(text string, replacement string, start int[, length int]) -> string",
        "a text with the characters from `start` on replaced: `length` of them, or as many as the replacement has",
        &[("overlay('xxxxxtest', 'XXXX', 6)", "xxxxxXXXX"), ("overlay('abcdef', 'X', 2, 3)", "aXef")],
        Kernel::new(&[Text, Text, Int, Int], gives_string, kernels::overlay).least(3).bind(),
    ),
    text(
        "split_index",
        "split_index(text string, separator string, index int) -> string",
        "the part at `index`, counted from 0, of a text that the separator divides; the separator may be the code of a character",
        &[("split_index('a,b,c', ',', 1)", "b"), ("split_index('a,b', ',', 9)", "NULL")],
        Kernel::new(&[Text, TextOrInt, Int], gives_string, kernels::split_index).nulls(Nulls::Possible).bind(),
    ),
    text(
        "ascii",
        "ascii(text string) -> int",
        "the first byte of a text as a number, negative from 128 on; 0 for the empty text",
        &[("ascii('abc')", "97")],
        Kernel::new(&[Text], gives_int, kernels::ascii).bind(),
    ),
    text(
        "chr",
        "chr(code bigint) -> string",
        "the character of a code, modulo 256; empty if the code is negative",
        &[("chr(97)", "a")],
        Kernel::new(&[Param::BigInt], gives_string, kernels::chr).bind(),
    ),
    text(
        "url_encode",
        "url_encode(text string) -> string",
        "a text as it stands in a URL's query: `application/x-www-form-urlencoded`",
        &[("url_encode('a b&c')", "a+b%26c")],
        Kernel::new(&[Text], gives_string, kernels::url_encode).bind(),
    ),
    text(
        "url_decode",
        "url_decode(text string) -> string",
        "the text that `url_encode` encoded; null if it is malformed",
        &[("url_decode('a+b%26c')", "a b&c")],
        Kernel::new(&[Text], gives_string, kernels::url_decode).nulls(Nulls::Possible).bind(),
    ),
];
