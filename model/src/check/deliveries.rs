//! O1: object code is given a request that a client sent once at most once.

use std::collections::{BTreeMap, VecDeque};

use super::report::{Reports, Seconds};
use crate::history::ObjectName;
use crate::reference::Mark;
use crate::rules::Id;

/// So many requests are remembered, the last ones. What is given twice is given soon after: one is sent again while somebody
/// waits for its answer.
const REMEMBERED_MAX: usize = 1 << 16;

/// The requests of clients, and when object code was given each.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    sent: BTreeMap<u64, Option<Mark>>,
    /// In the order in which they were sent.
    order: VecDeque<u64>,
}

impl Deliveries {
    /// A client sends a request.
    pub(super) fn sent(&mut self, request: u64) {
        if self.sent.insert(request, None).is_none() {
            self.order.push_back(request);
        }
        if self.order.len() > REMEMBERED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.sent.remove(&oldest);
        }
    }

    /// A request is given to object code of an object.
    pub(super) fn given(&mut self, reports: &mut Reports, now: Mark, request: u64, object: &ObjectName) {
        let Some(given) = self.sent.get_mut(&request) else { return };
        reports.saw(Id::O1);
        let Some(before) = given.replace(now) else { return };
        let sentences = format!(
            "Request {request} was sent once, and given to the code of {object} at {} and again at {}.",
            Seconds(before.at_ns),
            Seconds(now.at_ns)
        );
        reports.add(Id::O1, Some(object), now.at_ns, &[before, now], sentences);
    }
}
