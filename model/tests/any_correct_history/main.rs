//! Whatever a correct system does, and whatever of it the writer of a history leaves out, is not refused.
//!
//! A list of accepted histories shows what somebody thought of. So here is a system of a few hundred lines that is correct by
//! construction: one object on one of three machines, whose state is a map, an alarm and a queue of turns that are not durable
//! yet. It does what it likes, by the numbers of a seed: requests, slow reads, transactions, runs that end well, fail or are cut
//! short, evictions, resets, crashes that lose what is in the queue. Its writers never leave out `run_start`, `run_end`, `op` or
//! `op_result`: what a run or a call was is not to be told without.

mod omissions;
mod search;
mod spoils;
mod system;

use reveille_model::Profile;
use reveille_model::history::{Headers, History, OpResult, Outcome, What};

use omissions::{OMISSIONS, Omits, leave_out};
use spoils::{SPOILS, Spoil};
use system::{Chance, System};

/// How many histories are told.
const HISTORIES: u64 = 1_500;

/// How many are spoilt in each way.
const SPOILT: u64 = 300;

/// How many of a hundred of all that are spoilt may be legal all the same.
const LEGAL_PERCENT_MAX: usize = 10;

/// How many histories are looked at for that, at most: without a run nothing of a run can be wrong.
const SPOILT_OF: u64 = SPOILT + SPOILT / 10;

fn told(seed: u64) -> History {
    History { header: System::header(), events: System::new(seed).history() }
}

#[track_caller]
fn is_accepted(history: &History, seed: u64, omits: &[Omits]) {
    for profile in [Profile::Strict, Profile::Workerd] {
        let violations = reveille_model::check(history, profile).violations;
        assert_eq!(violations, [], "history {seed} without {omits:?} is refused by {profile}");
    }
}

#[test]
fn whatever_a_correct_system_does_is_accepted() {
    for seed in 1..=HISTORIES {
        is_accepted(&told(seed), seed, &[]);
    }
}

#[test]
fn whatever_is_left_out_of_it_is_accepted() {
    for seed in 1..=HISTORIES {
        let mut chance = Chance::new(seed, 1);
        let omits = [0; 2].map(|_| OMISSIONS[chance.below(OMISSIONS.len() as u64) as usize]);
        let mut history = told(seed);
        omits.iter().for_each(|omits| leave_out(&mut history, *omits));
        is_accepted(&history, seed, &omits);
    }
}

/// The search is no stricter than the system is correct.
#[test]
fn whatever_a_correct_system_does_is_legal_by_the_plain_rules() {
    for seed in 1..=HISTORIES {
        let mut history = told(seed);
        assert_eq!(search::is_legal(&history), Ok(()), "history {seed}");
        leave_out(&mut history, Omits::Commits);
        assert_eq!(search::is_legal(&history), Ok(()), "history {seed} without commits");
    }
}

/// What became of the histories that were spoilt in one way.
struct Share {
    name: &'static str,
    spoilt: usize,
    legal: usize,
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} of {} are legal", self.name, self.legal, self.spoilt)
    }
}

/// What the search calls legal the judge accepts, and refuses everything else.
#[test]
fn whatever_is_wrong_in_it_is_refused_or_legal_by_the_plain_rules() {
    let mut shares = Vec::new();
    for (stream, Spoil { name, spoil }) in (2..).zip(SPOILS) {
        let histories = (1..=SPOILT_OF).map(|seed| (seed, told(seed)));
        let spoilt = histories.filter_map(|(seed, mut history)| {
            spoil(&mut history.events, &mut Chance::new(seed, stream)).then_some((seed, history))
        });
        let mut share = Share { name, spoilt: 0, legal: 0 };
        for (seed, history) in spoilt.take(SPOILT as usize) {
            share.spoilt += 1;
            let violations = reveille_model::check(&history, Profile::Strict).violations;
            match search::is_legal(&history) {
                Ok(()) => {
                    share.legal += 1;
                    assert_eq!(violations, [], "{name}, history {seed}: legal by the plain rules");
                }
                Err(refused) => {
                    assert_ne!(violations, [], "{name}, history {seed}: passed, and is {refused:?}");
                }
            }
        }
        shares.push(share);
    }
    let shown = shares.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    let (spoilt, legal) = shares.iter().fold((0, 0), |sum, it| (sum.0 + it.spoilt, sum.1 + it.legal));
    println!("{shown}\nin all: {legal} of {spoilt} are legal");
    assert_eq!(spoilt, SPOILT as usize * SPOILS.len(), "too few had something to be wrong in:\n{shown}");
    assert!(legal * 100 <= spoilt * LEGAL_PERCENT_MAX, "of {spoilt} {legal} are legal:\n{shown}");
}

/// Makes one fact of a history wrong. Returns whether it is one that the history decides.
fn spoil(what: &mut What) -> bool {
    match what {
        What::OpResult { result: OpResult::Value(value), .. } => *value = Some("never written".into()),
        What::OpResult { result: OpResult::Deleted(was_there), .. } => *was_there = !*was_there,
        What::OpResult { result: OpResult::Alarm(alarm), .. } => {
            *alarm = Some(alarm.map_or(1, |time| time + 1))
        }
        What::RunStart { retry_count, .. } => *retry_count += 1,
        What::AtRest { keys, .. } => drop(keys.insert("d".into(), "never written".into())),
        What::AnswerLeave { outcome, .. }
        | What::Return { outcome: outcome @ Outcome::Answered { .. }, .. } => {
            *outcome = Outcome::Answered { status: 200, headers: Headers::default(), body: "another".into() };
        }
        What::OutboundLeave { body, .. } | What::OutboundArrive { body: Some(body), .. } => {
            *body = "another".into();
        }
        What::OutboundReturn { status: status @ Some(_), .. } => *status = Some(500),
        What::OutboundAnswer { body: Some(body), .. }
        | What::RequestStart { body: Some(body), .. }
        | What::OpResult { result: OpResult::Answer { body: Some(body), .. }, .. } => {
            *body = "another".into()
        }
        What::OnDisk { held_by, .. } => held_by.truncate(1),
        _ => return false,
    }
    true
}

#[test]
fn whatever_fact_is_wrong_in_it_is_refused() {
    let (mut spoilt, mut accepted) = (0, 0);
    for seed in 1..=HISTORIES {
        let mut history = told(seed);
        let at = Chance::new(seed, 2).below(history.events.len() as u64) as usize;
        let is_spoilt = history.events[at..].iter_mut().any(|event| spoil(&mut event.what));
        spoilt += u64::from(is_spoilt);
        accepted += u64::from(is_spoilt && reveille_model::check(&history, Profile::Strict).is_clean());
    }
    assert_eq!(accepted, 0, "of {spoilt} histories");
    assert!(spoilt > HISTORIES / 10 * 9, "only {spoilt} had something to be wrong in");
}
