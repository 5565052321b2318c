//! Flows: what leads from one slice to others, as a request to its turn and to its answer. A viewer draws an arrow from each slice of a
//! flow to the next. One end alone would be an error of the trace, so a flow with fewer than two slices is none.

use std::collections::BTreeMap;

use reveille_model::history::ObjectName;

use super::threads::Slice;

/// A slice's part in a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flow {
    pub(super) id: u64,
    pub(super) comes_in: bool,
    pub(super) goes_out: bool,
}

/// What a flow follows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Followed {
    Request(u64),
    Call(u64),
    /// One alarm of an object, by the position of its `set_alarm` in the history.
    Alarm(ObjectName, usize),
}

/// The slices of each flow, by their positions, in the order in which they were met.
#[derive(Debug, Default)]
pub(super) struct Flows {
    through: BTreeMap<Followed, Vec<usize>>,
}

impl Flows {
    pub(super) fn passes(&mut self, followed: Followed, slice: usize) {
        self.through.entry(followed).or_default().push(slice);
    }

    /// Tells the slices of their flows. A slice is of one flow: the first that it was met in.
    pub(super) fn bind(self, slices: &mut [Slice]) {
        for (id, mut through) in (1..).zip(self.through.into_values()) {
            through.retain(|slice| slices[*slice].flow.is_none());
            through.sort_by_key(|slice| slices[*slice].from_ns);
            through.dedup();
            if through.len() < 2 {
                continue;
            }
            let last = through.len() - 1;
            for (position, slice) in through.into_iter().enumerate() {
                slices[slice].flow = Some(Flow { id, comes_in: position > 0, goes_out: position < last });
            }
        }
    }
}
