//! Many objects are at something long when something breaks: the `alarm()` of each calls one service after another, for some
//! seconds. Whoever loses them meanwhile has to be silent before somebody else begins them anew (O1), wherever they lie.

use std::ops::Range;

use proptest::collection::vec;
use proptest::prelude::*;
use reveille_system::object::api::DurableObject;

use super::{Asked, Moment, runs};
use crate::scripted::Scripted;
use crate::scripted::script::Step;
use reveille::plans::object;

/// So many that most machines have some of them.
const OBJECTS: Range<usize> = 20..50;
/// Their numbers: those that the other moments do not have.
const FIRST: usize = 20;
/// One service after another: from parts of a second to longer than a session outlasts its machine.
const CALLS: Range<usize> = 3..20;
/// They begin so long before something breaks, and as long after it.
const AROUND_MS: u64 = 10_000;

/// One moment for each of them, around this time.
pub(super) fn throng(machines: u16, near_ms: u64) -> impl Strategy<Value = Vec<Moment>> {
    vec((0..2 * AROUND_MS, 0..machines, CALLS), OBJECTS).prop_map(move |all| {
        let moment = |(index, (after_ms, machine, calls)): (usize, (u64, u16, usize))| Moment {
            at_ms: near_ms.saturating_sub(AROUND_MS) + after_ms,
            object: object(Scripted::<true>::CLASS, FIRST + index),
            asked: vec![Asked {
                after_ms: 0,
                machine,
                script: runs(vec![vec![Step::Fetch("x".into()); calls]]),
            }],
            strike: None,
        };
        all.into_iter().enumerate().map(moment).collect()
    })
}
