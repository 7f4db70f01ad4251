//! The fields of a record in the order in which the records before had them: most files repeat it line by line, and
//! comparing with what is expected costs a fraction of reading anew.

/// The target of a field that nobody reads.
pub(super) const UNREAD: usize = usize::MAX;

/// A predicted field: the bytes between two values, spaces included (`,"price":`), and where the value goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    expected: u128,
    mask: u128,
    length: usize,
    /// The column it goes to, or [`UNREAD`].
    pub(super) target: usize,
}

const BLOCK: usize = size_of::<u128>();

/// The bytes of a field that are looked at without asking again whether they are there.
pub(super) const WINDOW: usize = 64;

impl Member {
    /// The position behind the bytes when they stand at `pos`; `None` too when `pos` is too near the end to look.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a few instructions in the innermost loop of every file job")]
    pub(super) fn follow(&self, bytes: &[u8], pos: usize) -> Option<usize> {
        let block = bytes.get(pos..)?.first_chunk::<BLOCK>()?;
        self.begins(block).then_some(pos + self.length)
    }

    /// Whether all of a [short](Self::is_short) member's bytes stand at the front of `block`.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a few instructions in the innermost loop of every file job")]
    const fn begins(&self, block: &[u8; BLOCK]) -> bool {
        (u128::from_le_bytes(*block) ^ self.expected) & self.mask == 0
    }

    /// The window of a [short](Self::is_short) member at `pos`, and the place of the value in it, when the member's
    /// bytes stand there; `None` too when `pos` is too near the end to look.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a few instructions in the innermost loop of every file job")]
    pub(super) fn window<'b>(&self, bytes: &'b [u8], pos: usize) -> Option<(&'b [u8; WINDOW], usize)> {
        let window = bytes.get(pos..)?.first_chunk::<WINDOW>()?;
        // No more than 16; said so that no place within the window is checked again.
        let value = self.length & (2 * BLOCK - 1);
        self.begins(window.first_chunk::<BLOCK>()?).then_some((window, value))
    }

    /// Whether [`follow`](Self::follow) compares all there is to compare.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a few instructions in the innermost loop of every file job")]
    pub(super) const fn is_short(&self) -> bool {
        self.length <= BLOCK
    }
}

/// One predicted field, taken out of the prediction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lead<'a> {
    member: Member,
    rest: &'a [u8],
}

impl Lead<'_> {
    /// The position behind it when it stands at `pos`.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a few instructions in the innermost loop of every file job")]
    pub(super) fn follow(&self, bytes: &[u8], pos: usize) -> Option<usize> {
        let value = self.member.follow(bytes, pos)?;
        (self.member.is_short() || bytes[pos + BLOCK..].starts_with(self.rest)).then_some(value)
    }

    /// The lead as a member whose window can be taken, where it is short enough.
    pub(super) fn short(&self) -> Option<Member> {
        self.member.is_short().then_some(self.member)
    }
}

/// The part of a field that is not needed to follow it.
#[derive(Debug)]
struct Name {
    key: Box<[u8]>,
    /// The bytes behind the first block.
    rest: Box<[u8]>,
}

/// The prediction, and when it is worth a new one.
#[derive(Debug, Default)]
pub(super) struct Layout {
    pub(super) members: Vec<Member>,
    names: Vec<Name>,
    misses: u32,
    patience: u32,
}

impl Layout {
    const PATIENCE_MAX: u32 = 256;

    /// Forgets the prediction.
    pub(super) fn clear(&mut self) {
        self.members.clear();
        self.names.clear();
    }

    /// Predicts one more field: `lead` is what stands in front of its value.
    pub(super) fn push(&mut self, lead: &[u8], key: &[u8], target: usize) {
        let head = lead.len().min(BLOCK);
        let (mut expected, mut mask) = ([0; BLOCK], [0; BLOCK]);
        expected[..head].copy_from_slice(&lead[..head]);
        mask[..head].fill(0xff);
        self.members.push(Member {
            expected: u128::from_le_bytes(expected),
            mask: u128::from_le_bytes(mask),
            length: lead.len(),
            target,
        });
        self.names.push(Name { key: key.into(), rest: lead[head..].into() });
    }

    /// The position behind the lead of the field of `step`, and its target, when the lead stands at `pos`.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a few instructions in the innermost loop of every file job")]
    pub(super) fn follow(&self, step: usize, bytes: &[u8], pos: usize) -> Option<(usize, usize)> {
        let member = self.members.get(step)?;
        let value = member.follow(bytes, pos)?;
        if !member.is_short() && !bytes[pos + BLOCK..].starts_with(&self.names[step].rest) {
            return None;
        }
        Some((value, member.target))
    }

    /// The lead of the field of `step`, which there must be, for many records.
    pub(super) fn lead(&self, step: usize) -> Lead<'_> {
        Lead { member: self.members[step], rest: &self.names[step].rest }
    }

    /// The position of `key` in the prediction, looked for from `from` on.
    pub(super) fn find(&self, key: &[u8], from: usize) -> Option<usize> {
        let from = from.min(self.names.len());
        let (before, behind) = self.names.split_at(from);
        let is_key = |name: &Name| *name.key == *key;
        behind.iter().position(is_key).map(|at| at + from).or_else(|| before.iter().position(is_key))
    }

    /// Notes that a record differed. True when it should become the prediction: the first at once, later ones ever more
    /// rarely, so that a file of two kinds of records is not learned anew at every line.
    pub(super) fn missed(&mut self) -> bool {
        self.misses += 1;
        if self.misses <= self.patience {
            return false;
        }
        self.misses = 0;
        self.patience = (self.patience * 2).clamp(1, Self::PATIENCE_MAX);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lead_is_followed_only_when_every_byte_is_there() {
        for length in 1..40 {
            let expected: Vec<u8> = (b'!'..).take(length).collect();
            let mut layout = Layout::default();
            layout.push(&expected, b"key", 7);
            let mut text = expected.clone();
            text.extend_from_slice(&[b'x'; BLOCK]);
            assert_eq!(layout.follow(0, &text, 0), Some((length, 7)));
            for at in 0..length {
                text[at] ^= 1;
                assert_eq!(layout.follow(0, &text, 0), None);
                text[at] ^= 1;
            }
            assert_eq!(layout.follow(0, &text[..length.min(BLOCK) - 1], 0), None);
        }
    }

    #[test]
    fn learning_backs_off() {
        let mut layout = Layout::default();
        let learned: Vec<usize> = (0..40).filter(|_| layout.missed()).collect();
        assert_eq!(learned, [0, 2, 5, 10, 19, 36], "behind 0, 1, 2, 4, 8, 16 others");
    }
}
