//! Hashes of texts, in hexadecimal.

use arrow_array::ArrayRef;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use super::args::Args;
use super::spec::{Family, FunctionSpec, Kernel, Nulls, Param, gives_string};
use crate::types::Result;

/// A function of one text.
macro_rules! hash {
    ($name:literal, $title:literal, $example:literal, $value:literal, $hash:ty) => {
        FunctionSpec::new(
            Family::Hash,
            $name,
            concat!($name, "(text string) -> string"),
            concat!("the ", $title, " hash, in hexadecimal digits"),
            &[($example, $value)],
            Kernel::new(&[Param::Text], gives_string, hashed::<$hash>).bind(),
        )
    };
}

pub(super) const FUNCTIONS: &[FunctionSpec] = &[
    hash!("md5", "MD5", "md5('abc')", "900150983cd24fb0d6963f7d28e17f72", Md5),
    hash!("sha1", "SHA-1", "sha1('abc')", "a9993e364706816aba3e25717850c26c9cd0d89d", Sha1),
    hash!("sha224", "SHA-224", "sha224('abc')", "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7", Sha224),
    hash!(
        "sha256",
        "SHA-256",
        "sha256('abc')",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        Sha256
    ),
    hash!("sha384", "SHA-384", "left(sha384('abc'), 16)", "cb00753f45a35e8b", Sha384),
    hash!("sha512", "SHA-512", "left(sha512('abc'), 16)", "ddaf35a193617aba", Sha512),
    FunctionSpec::new(
        Family::Hash,
        "sha2",
        "sha2(text string, bits int) -> string",
        "the SHA-2 hash of 224, 256, 384 or 512 bits, in hexadecimal digits",
        &[("sha2('abc', 224)", "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7")],
        Kernel::new(&[Param::Text, Param::Int], gives_string, sha2).nulls(Nulls::Possible).fallible().bind(),
    ),
];

fn write<D: Digest>(out: &mut String, text: &str) {
    for &byte in &D::digest(text.as_bytes())[..] {
        out.extend([byte >> 4, byte & 15].iter().filter_map(|&digit| char::from_digit(digit.into(), 16)));
    }
}

fn hashed<D: Digest>(args: &mut Args<'_>) -> Result<ArrayRef> {
    let texts = args.text(0)?;
    args.strings(|row, out| {
        write::<D>(out, texts.get(row)?);
        Some(())
    })
}

fn sha2(args: &mut Args<'_>) -> Result<ArrayRef> {
    let (texts, bits) = (args.text(0)?, args.int(1)?);
    let mut failures = Vec::new();
    let result = args.strings(|row, out| {
        let (text, bits) = (texts.get(row)?, bits.get(row)?);
        match bits {
            224 => write::<Sha224>(out, text),
            256 => write::<Sha256>(out, text),
            384 => write::<Sha384>(out, text),
            512 => write::<Sha512>(out, text),
            _ => {
                failures.push((row, format!("SHA-2 has 224, 256, 384 or 512 bits, not {bits}")));
                return None;
            }
        }
        Some(())
    });
    args.failures.extend(failures);
    result
}
