//! RFC 4648's standard alphabet with padding: how `BYTES` stand in text.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Appends `bytes` to `out`.
pub(crate) fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    for group in bytes.chunks(3) {
        let word = group.iter().fold(0_u32, |word, &byte| (word << 8) | u32::from(byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            out.push(if place <= group.len() { ALPHABET[(word >> (18 - 6 * place)) as usize & 63] } else { b'=' });
        }
    }
}

/// Appends what `text` stands for to `out`; `None` (and `out` as it was) when it is not base64.
pub(super) fn decode(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let before = out.len();
    let (groups, rest) = text.as_chunks::<4>();
    let done = rest.is_empty()
        && groups.iter().enumerate().all(|(i, group)| {
            let padding =
                if i + 1 == groups.len() { group.iter().rev().take_while(|&&byte| byte == b'=').count() } else { 0 };
            decode_group(*group, padding, out).is_some()
        });
    if !done {
        out.truncate(before);
        return None;
    }
    Some(())
}

fn decode_group(group: [u8; 4], padding: usize, out: &mut Vec<u8>) -> Option<()> {
    if padding > 2 {
        return None;
    }
    let mut word = 0_u32;
    for &byte in &group[..4 - padding] {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        word = (word << 6) | u32::from(value);
    }
    word <<= 6 * padding;
    let [_, first, second, third] = word.to_be_bytes();
    out.extend_from_slice(&[first, second, third][..3 - padding]);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_the_rfc() {
        for (plain, text) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE=")]
        {
            let mut out = Vec::new();
            encode(plain.as_bytes(), &mut out);
            assert_eq!(out, text.as_bytes());
            let mut back = Vec::new();
            decode(text.as_bytes(), &mut back).expect("valid");
            assert_eq!(back, plain.as_bytes());
        }
    }

    #[test]
    fn what_is_no_base64_leaves_nothing() {
        for text in ["Zg=", "Zg", "Z===", "====", "Zg==Zg==", "Z g=", "Zm9v\n"] {
            let mut out = b"kept".to_vec();
            assert_eq!(decode(text.as_bytes(), &mut out), None, "{text}");
            assert_eq!(out, b"kept");
        }
    }
}
