//! Checksums: a byte that changed on disk is noticed before it is believed.

use crate::types::key_group::{hash_bytes, mix};
use crate::types::{Error, Result};

/// Bytes that a seal adds.
pub(super) const SEAL_BYTES: usize = 8;

/// The checksum of `bytes` in the place `context` (a key, a table): a value moved elsewhere does not pass.
///
/// Each step of the hash is a bijection of the word it folds in, so any change within one 8-byte word is noticed for
/// certain, any other with a chance of 1 − 2⁻⁶⁴.
pub(super) fn checksum(context: &[u8], bytes: &[u8]) -> u64 {
    mix(hash_bytes(context) ^ hash_bytes(bytes))
}

/// `bytes` with their checksum in front.
pub(super) fn seal(context: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(SEAL_BYTES + bytes.len());
    sealed.extend_from_slice(&checksum(context, bytes).to_le_bytes());
    sealed.extend_from_slice(bytes);
    sealed
}

/// The bytes of a [`seal`], checked.
pub(super) fn unseal<'a>(context: &[u8], what: &str, sealed: &'a [u8]) -> Result<&'a [u8]> {
    match sealed.split_first_chunk::<SEAL_BYTES>() {
        Some((sum, bytes)) if u64::from_le_bytes(*sum) == checksum(context, bytes) => Ok(bytes),
        _ => Err(Error::state(format!("{what} is damaged: its checksum does not fit"))),
    }
}

/// The checksum of a file, taken while it is read or written: the frozen hash of each 64 KiB, folded in order.
#[derive(Debug, Clone)]
pub struct Checksum {
    hash: u64,
    length: u64,
    pending: Vec<u8>,
}

const CHUNK: usize = 64 * 1024;

impl Default for Checksum {
    fn default() -> Self {
        Self::new()
    }
}

impl Checksum {
    /// The checksum of no bytes yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { hash: 0, length: 0, pending: Vec::new() }
    }

    /// Takes in the next bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        self.length += bytes.len() as u64;
        if !self.pending.is_empty() {
            let (head, rest) = bytes.split_at(bytes.len().min(CHUNK - self.pending.len()));
            self.pending.extend_from_slice(head);
            bytes = rest;
            if self.pending.len() < CHUNK {
                return;
            }
            self.hash = mix(self.hash ^ hash_bytes(&self.pending));
            self.pending.clear();
        }
        let (chunks, rest) = bytes.as_chunks::<CHUNK>();
        for chunk in chunks {
            self.hash = mix(self.hash ^ hash_bytes(chunk));
        }
        self.pending.extend_from_slice(rest);
    }

    /// The number of bytes that were taken in.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// The checksum, 16 hexadecimal digits.
    #[must_use]
    pub fn finish(&self) -> String {
        format!("{:016x}", mix(self.hash ^ hash_bytes(&self.pending) ^ self.length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let sealed = seal(b"place", b"some bytes of a block");
        assert_eq!(unseal(b"place", "it", &sealed).expect("whole"), b"some bytes of a block");
        assert!(unseal(b"elsewhere", "it", &sealed).is_err());
        for bit in 0..sealed.len() * 8 {
            let mut damaged = sealed.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(unseal(b"place", "it", &damaged).is_err(), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert!(unseal(b"place", "it", &sealed[..length]).is_err(), "length {length}");
        }
    }

    #[test]
    fn a_file_checksum_does_not_depend_on_how_the_file_is_read() {
        let bytes: Vec<u8> = (0..200_000_u32).map(|i| (i * 31 % 251).to_le_bytes()[0]).collect();
        let mut whole = Checksum::new();
        whole.update(&bytes);
        for step in [1_000, CHUNK - 1, CHUNK, CHUNK + 1] {
            let mut parts = Checksum::new();
            bytes.chunks(step).for_each(|part| parts.update(part));
            assert_eq!(parts.finish(), whole.finish(), "in steps of {step}");
        }
        assert_eq!(whole.length(), 200_000);
        let mut other = bytes;
        other[150_000] ^= 1;
        let mut damaged = Checksum::new();
        damaged.update(&other);
        assert_ne!(damaged.finish(), whole.finish());
    }
}
