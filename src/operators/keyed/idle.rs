//! The times at which groups were last written, so that those which nobody writes any more are forgotten: Flink's
//! `table.exec.state.ttl`, of processing time.

use std::collections::BTreeMap;

/// The groups of an operator by the time at which they were last written.
#[derive(Debug)]
pub(in crate::operators) struct IdleGroups {
    ttl_ms: i64,
    /// By group; `None` for one that is not held.
    written: Vec<Option<i64>>,
    /// By group, whether it is among those to look at again.
    queued: Vec<bool>,
    /// The groups to look at again, by when: none is looked at later than it is due.
    due: BTreeMap<i64, Vec<u32>>,
}

impl IdleGroups {
    /// No group yet; one is due `ttl_ms` milliseconds after it was last written.
    pub(in crate::operators) const fn new(ttl_ms: i64) -> Self {
        Self { ttl_ms, written: Vec::new(), queued: Vec::new(), due: BTreeMap::new() }
    }

    /// Bytes of a group.
    pub(in crate::operators) const BYTES: usize = size_of::<Option<i64>>() + 1 + size_of::<u32>();

    /// How long a group is kept that nobody writes, milliseconds.
    pub(in crate::operators) const fn ttl_ms(&self) -> i64 {
        self.ttl_ms
    }

    /// Whether what was written at `written_ms` is forgotten at `now_ms`.
    pub(in crate::operators) const fn is_due(&self, written_ms: i64, now_ms: i64) -> bool {
        written_ms.saturating_add(self.ttl_ms) <= now_ms
    }

    /// Makes room for `groups` groups, and no more than that: for whoever has a budget. [`Self::touch`] makes room as it goes.
    pub(in crate::operators) fn resize(&mut self, groups: usize) {
        if self.written.len() < groups {
            self.written.reserve_exact(groups - self.written.len());
            self.queued.reserve_exact(groups - self.queued.len());
            self.written.resize(groups, None);
            self.queued.resize(groups, false);
        }
    }

    /// Notes that `group` was written at `now_ms`, which may lie in the past when it was restored.
    pub(in crate::operators) fn touch(&mut self, group: u32, now_ms: i64) {
        let at = group as usize;
        if at >= self.written.len() {
            self.written.resize(at + 1, None);
            self.queued.resize(at + 1, false);
        }
        let written = &mut self.written[at];
        if !std::mem::replace(&mut self.queued[at], true) {
            self.due.entry(now_ms.saturating_add(self.ttl_ms)).or_default().push(group);
        }
        *written = Some(written.map_or(now_ms, |written| written.max(now_ms)));
    }

    /// The time at which `group` was last written, epoch milliseconds.
    pub(in crate::operators) fn written(&self, group: u32) -> i64 {
        self.written.get(group as usize).copied().flatten().unwrap_or(0)
    }

    /// Forgets a group.
    pub(in crate::operators) fn remove(&mut self, group: u32) {
        if let Some(written) = self.written.get_mut(group as usize) {
            *written = None;
        }
    }

    /// Takes out the groups that are due at `now_ms`, ascending.
    pub(in crate::operators) fn take_due(&mut self, now_ms: i64) -> Vec<u32> {
        let mut gone = Vec::new();
        while let Some(first) = self.due.first_entry().filter(|first| *first.key() <= now_ms) {
            for group in first.remove() {
                let at = group as usize;
                self.queued[at] = false;
                let Some(due_ms) = self.written[at].map(|written| written.saturating_add(self.ttl_ms)) else {
                    continue;
                };
                if due_ms <= now_ms {
                    self.written[at] = None;
                    gone.push(group);
                } else {
                    self.queued[at] = true;
                    self.due.entry(due_ms).or_default().push(group);
                }
            }
        }
        gone.sort_unstable();
        gone
    }

    /// The time at which a group may be due, epoch milliseconds.
    pub(in crate::operators) fn next_ms(&self) -> Option<i64> {
        self.due.first_key_value().map(|(due_ms, _)| *due_ms)
    }

    /// Bytes held.
    pub(in crate::operators) fn bytes(&self) -> usize {
        self.written.capacity() * (size_of::<Option<i64>>() + 1)
            + self.due.values().map(|due| due.capacity() * 4).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_due_so_long_after_it_was_last_written() {
        let mut idle = IdleGroups::new(10);
        idle.resize(4);
        idle.touch(3, 100);
        idle.touch(1, 101);
        idle.touch(3, 105);
        assert_eq!((idle.next_ms(), idle.take_due(110), idle.next_ms()), (Some(110), vec![], Some(111)));
        assert_eq!(idle.take_due(111), [1]);
        idle.remove(3);
        idle.touch(3, 112);
        assert_eq!((idle.take_due(121), idle.written(3)), (vec![], 112));
        assert_eq!((idle.take_due(122), idle.next_ms(), idle.take_due(200)), (vec![3], None, vec![]));
    }
}
