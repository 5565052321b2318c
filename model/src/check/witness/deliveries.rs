//! O1: object code is given a request that a client sent once at most once. W2: one that was refused never.

use super::super::recent::Recent;
use super::super::report::Seconds;
use super::Scene;
use crate::history::ObjectName;
use crate::reference::Mark;
use crate::rules::Id;

/// So many requests are remembered, the last ones. What is given twice is given soon after: one is sent again while somebody
/// waits for its answer.
const REMEMBERED_MAX: usize = 1 << 16;

/// The requests of clients, and when object code was given each.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    sent: Recent<u64, Fate, REMEMBERED_MAX>,
}

/// What has become of a request.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Sent,
    Given(Mark),
    Refused(Mark),
}

impl Deliveries {
    /// A client sends a request.
    pub(super) fn sent(&mut self, request: u64) {
        self.sent.insert(request, Fate::Sent);
    }

    /// A request is given to object code of an object.
    pub(super) fn given(&mut self, scene: &mut Scene<'_>, request: u64, object: &ObjectName) {
        let now = scene.mark;
        let Some(fate) = self.sent.get_mut(&request) else { return };
        scene.reports.saw(Id::O1);
        match std::mem::replace(fate, Fate::Given(now)) {
            Fate::Sent => {}
            Fate::Given(before) => {
                let sentences = format!(
                    "Request {request} was sent once, and given to the code of {object} at {} and again at {}.",
                    Seconds(before.at_ns),
                    Seconds(now.at_ns)
                );
                scene.report(Id::O1, Some(object), &[before, now], sentences);
            }
            Fate::Refused(before) => given_and_refused(scene, request, Some(object), before),
        }
    }

    /// W2: the system says that object code was not given a request, and will not be.
    pub(super) fn refused(&mut self, scene: &mut Scene<'_>, request: u64) {
        let Some(fate) = self.sent.get_mut(&request) else { return };
        scene.reports.saw(Id::W2);
        if let Fate::Given(before) = std::mem::replace(fate, Fate::Refused(scene.mark)) {
            given_and_refused(scene, request, None, before);
        }
    }
}

fn given_and_refused(scene: &mut Scene<'_>, request: u64, object: Option<&ObjectName>, before: Mark) {
    let (first, then) = if object.is_some() {
        ("refused", "given to object code")
    } else {
        ("given to object code", "refused")
    };
    let sentences = format!(
        "Request {request} was {first} at {} and {then} at {}: what is refused is never given to object code.",
        Seconds(before.at_ns),
        Seconds(scene.mark.at_ns),
    );
    scene.report(Id::W2, object, &[before, scene.mark], sentences);
}
