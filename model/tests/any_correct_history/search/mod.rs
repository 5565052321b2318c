//! Whether *some* correct system could have told a history: decided by trying, from the contract alone.
//!
//! Nothing here uses the judge or its reference model; it knows the words of a history, and the rules as SPEC.md has them. One
//! object is a nondeterministic automaton. Its hidden state ([`object::State`]) is what is durable, the turns that are not yet, what
//! the live instance sees, and what the holder remembers of failures. Where the contract leaves something open there is one
//! state for each way: R7 (a deleted alarm whose run fails), R8 (the last turn of a run that is reset), S3 (which prefix a
//! lost instance leaves, where commits are not told). An event leaves the states that allow it. A history is legal if one is left at
//! its end.
//!
//! What no hidden state can change is in [`scene`] (instances, machines, clocks, turns and gates) and [`messages`] (the witness).
//! Plain and slow on purpose. It is never stricter than the contract; where it may be softer the line says so.

mod alarm;
mod messages;
mod object;
mod scene;
mod storage;

use reveille_model::history::History;

use self::object::State;
use self::scene::Scene;

/// Why a thing cannot be: the rule, and what is wrong.
pub(crate) type Wrong = &'static str;

/// What none of the states allows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Refused {
    /// The event, by its position.
    pub(crate) at: usize,
    pub(crate) wrong: Wrong,
}

/// Whether a history of one object is legal, or the first event that cannot be.
pub(crate) fn is_legal(history: &History) -> Result<(), Refused> {
    let mut scene = Scene::new(&history.header);
    let mut states = vec![State::default()];
    for (at, event) in history.events.iter().enumerate() {
        scene.sees(event).map_err(|wrong| Refused { at, wrong })?;
        let (mut next, mut last) = (Vec::new(), "");
        for state in states {
            match state.steps(&scene, event) {
                Ok(after) => next.extend(after),
                Err(wrong) => last = wrong,
            }
        }
        states = Vec::new();
        for state in next {
            if !states.contains(&state) {
                states.push(state);
            }
        }
        if states.is_empty() {
            return Err(Refused { at, wrong: last });
        }
    }
    Ok(())
}
