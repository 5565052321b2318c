//! The event heap: what happens next. Events at the same moment happen in the order in which they were put in.
//!
//! The heap holds keys alone; the events wait in slots that are used again. A heap moves each entry many times, and a key
//! is less than half as large as an event.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Events of type `E` by time.
#[derive(Debug)]
pub(crate) struct Queue<E> {
    /// The standard heap gives the greatest first; here the earliest is wanted.
    heap: BinaryHeap<Reverse<Key>>,
    slots: Vec<Option<E>>,
    free: Vec<u32>,
    sequence: u64,
}

/// Ordered by its fields from the first to the last; the slot never decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    at_ns: u64,
    sequence: u64,
    slot: u32,
}

impl<E> Queue<E> {
    pub(crate) fn new() -> Self {
        Self { heap: BinaryHeap::with_capacity(1024), slots: Vec::new(), free: Vec::new(), sequence: 0 }
    }

    pub(crate) fn push(&mut self, at_ns: u64, event: E) {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            u32::try_from(self.slots.len() - 1).expect("fewer than 2^32 events wait at once")
        });
        self.slots[slot as usize] = Some(event);
        self.sequence += 1;
        self.heap.push(Reverse(Key { at_ns, sequence: self.sequence, slot }));
    }

    /// The earliest event. Part of the world's loop, the only one that asks: on its own it makes a run half a percent dearer.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<(u64, E)> {
        let Reverse(Key { at_ns, slot, .. }) = self.heap.pop()?;
        self.free.push(slot);
        let event = self.slots[slot as usize].take().expect("a key in the heap has its event in its slot");
        Some((at_ns, event))
    }
}
