//! One client machine has many requests open at once, for a dozen objects: some that take long, and some that fail with a
//! constructor (O4). What is over has to be told from what is not, and each request is answered (W2).

use proptest::collection::vec;
use proptest::prelude::*;
use reveille_system::object::api::DurableObject;

use super::{Asked, Head, Moment};
use crate::scripted::Scripted;
use crate::scripted::script::{Script, Step};
use reveille::plans::object;

/// All of it comes within this.
const WITHIN_MS: u64 = 4_000;
/// So many that most machines hold some of them.
const OBJECTS: usize = 12;

/// What each of them is asked.
pub(super) fn crowd(machines: u16, within_ms: u64) -> impl Strategy<Value = Vec<Moment>> {
    let each = (any::<bool>(), vec((200..WITHIN_MS, 0..12_usize), 1..6));
    (0..within_ms, 0..machines, vec(each, OBJECTS)).prop_map(|(at_ms, machine, all)| {
        let of_object = |(index, (is_cold, asked)): (usize, (bool, Vec<(u64, usize)>))| {
            let ask = |(after_ms, calls)| Asked {
                after_ms,
                machine,
                script: waiting(calls),
                head: Head::default(),
            };
            let first = is_cold.then(|| Asked {
                after_ms: 0,
                machine,
                script: failing_constructor(),
                head: Head::default(),
            });
            let asked = first.into_iter().chain(asked.into_iter().map(ask)).collect();
            Moment { at_ms, object: object(Scripted::<true>::CLASS, index), asked, strike: None }
        };
        all.into_iter().enumerate().map(of_object).collect()
    })
}

/// Waits for a service so many times in a row.
fn waiting(calls: usize) -> Script {
    Script { steps: vec![Step::Fetch("x".into()); calls], ..Script::default() }
}

/// The next request needs a constructor, and the next constructor fails. It waits before that: the turn that fails is lost, and
/// what was taken off the list of its programs must not be.
fn failing_constructor() -> Script {
    let construct = vec![vec![Step::Fetch("x".into()), Step::Fail]];
    Script { steps: vec![Step::Panic], alarm: Vec::new(), construct }
}
