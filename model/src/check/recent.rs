//! A map that keeps the last entries alone, so that what is remembered of a history is bounded however long it is.

use std::collections::{BTreeMap, VecDeque};

/// The last `MAX` keys that were new, with their values. The oldest one makes way for the next.
#[derive(Debug)]
pub(super) struct Recent<K, V, const MAX: usize> {
    known: BTreeMap<K, V>,
    /// In the order in which they came.
    order: VecDeque<K>,
}

impl<K, V, const MAX: usize> Default for Recent<K, V, MAX> {
    fn default() -> Self {
        Recent { known: BTreeMap::new(), order: VecDeque::new() }
    }
}

impl<K: Ord + Clone, V, const MAX: usize> Recent<K, V, MAX> {
    /// The value of a key from now on. One that is known keeps its place in the order.
    pub(super) fn insert(&mut self, key: K, value: V) {
        if self.known.insert(key.clone(), value).is_none() {
            self.order.push_back(key);
        }
        if self.order.len() > MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.known.get(key)
    }

    pub(super) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.known.get_mut(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_makes_way_and_what_is_known_keeps_its_place() {
        let mut recent: Recent<u8, char, 2> = Recent::default();
        recent.insert(1, 'a');
        recent.insert(2, 'b');
        recent.insert(1, 'c');
        assert_eq!((recent.get(&1), recent.get(&2)), (Some(&'c'), Some(&'b')));
        recent.insert(3, 'd');
        assert_eq!((recent.get(&1), recent.get(&2), recent.get(&3)), (None, Some(&'b'), Some(&'d')));
    }
}
