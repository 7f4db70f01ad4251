//! The key of a block: key group, namespace, checkpoint, in an order that bytes keep.

use std::ops::Range;

use crate::state::Namespace;

/// Key group (big-endian) ++ namespace (big-endian, sign flipped) ++ checkpoint id (big-endian).
pub(super) type BlockKey = [u8; 18];

const SIGN: u64 = 1 << 63;

/// One key group's part of one namespace: what blocks are merged within.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Group {
    pub(super) key_group: u16,
    pub(super) namespace: Namespace,
}

impl Group {
    /// The key of the block that checkpoint `id` wrote here.
    pub(super) fn block(self, id: u64) -> BlockKey {
        let mut key = [0; 18];
        key[..2].copy_from_slice(&self.key_group.to_be_bytes());
        key[2..10].copy_from_slice(&(self.namespace.cast_unsigned() ^ SIGN).to_be_bytes());
        key[10..].copy_from_slice(&id.to_be_bytes());
        key
    }
}

/// The parts of a key.
pub(super) fn parse(key: &BlockKey) -> (Group, u64) {
    let (mut group, mut namespace, mut id) = ([0; 2], [0; 8], [0; 8]);
    group.copy_from_slice(&key[..2]);
    namespace.copy_from_slice(&key[2..10]);
    id.copy_from_slice(&key[10..]);
    let namespace = (u64::from_be_bytes(namespace) ^ SIGN).cast_signed();
    (Group { key_group: u16::from_be_bytes(group), namespace }, u64::from_be_bytes(id))
}

/// The first key of `key_groups` and the first behind them.
pub(super) fn bounds(key_groups: &Range<u16>) -> (BlockKey, BlockKey) {
    let first = |key_group| Group { key_group, namespace: Namespace::MIN }.block(0);
    (first(key_groups.start), first(key_groups.end.max(key_groups.start)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_sort_as_the_parts_do() {
        let mut parts = Vec::new();
        for key_group in [0, 1, 127, 255, 256, u16::MAX] {
            for namespace in [i64::MIN, -1, 0, 1, 255, 256, i64::MAX] {
                for id in [0, 1, 255, 256, u64::MAX] {
                    parts.push((Group { key_group, namespace }, id));
                }
            }
        }
        for a in &parts {
            assert_eq!(parse(&a.0.block(a.1)), *a);
            for b in &parts {
                assert_eq!(a.cmp(b), a.0.block(a.1).cmp(&b.0.block(b.1)));
            }
        }
    }
}
