//! Whatever a correct system does, and whatever of it the writer of a history leaves out, is not refused.
//!
//! A list of accepted histories shows what somebody thought of. So here is a system of a few hundred lines that is correct by
//! construction: one object on one of three machines, whose state is a map, an alarm and a queue of turns that are not durable
//! yet. It does what it likes, by the numbers of a seed: requests, slow reads, transactions, runs that end well, fail or are cut
//! short, evictions, resets, crashes that lose what is in the queue. Its writers never leave out `run_start`, `run_end`, `op` or
//! `op_result`: what a run or a call was is not to be told without.

mod spoils;
mod system;

use reveille_model::Profile;
use reveille_model::build::Tale;
use reveille_model::history::{
    EndReason, Headers, History, Omission, OpResult, Outcome, RunOutcome, StorageCall, What,
};

use spoils::{SPOILS, Spoil};
use system::{Chance, System};

/// How many histories are told.
const HISTORIES: u64 = 1_500;

/// How many are spoilt in each way.
const SPOILT: u64 = 300;

/// Something that a writer may leave out. Whoever tells neither of starts nor of ends of instances can hide a constructor that
/// failed without a trace (R3): so rare that none of these histories has one.
#[derive(Clone, Copy, Debug)]
enum Omits {
    Commits,
    /// Events of this kind.
    Kind(fn(&What) -> bool),
    /// `machine` and `wall_ns`.
    Places,
    /// The identities of alarms.
    Identities,
    /// How runs failed, and what instances were reset for.
    Ways,
}

const OMISSIONS: [Omits; 20] = [
    Omits::Commits,
    Omits::Kind(|what| matches!(what, What::InstanceStart { .. })),
    Omits::Kind(|what| matches!(what, What::ConstructorEnd { .. })),
    Omits::Kind(|what| matches!(what, What::InstanceEnd { .. })),
    Omits::Kind(|what| matches!(what, What::Deliver { .. })),
    Omits::Kind(|what| matches!(what, What::Respond { .. })),
    Omits::Kind(|what| matches!(what, What::Call { .. })),
    Omits::Kind(|what| matches!(what, What::Await { .. })),
    Omits::Kind(|what| matches!(what, What::Return { .. })),
    Omits::Kind(|what| matches!(what, What::Outbound { .. })),
    Omits::Kind(|what| matches!(what, What::RequestArrive { .. })),
    Omits::Kind(|what| matches!(what, What::AnswerLeave { .. } | What::AnswerLost { .. })),
    Omits::Kind(|what| matches!(what, What::OutboundLeave { .. })),
    Omits::Kind(|what| matches!(what, What::OutboundArrive { .. })),
    Omits::Kind(|what| matches!(what, What::OutboundAnswer { .. })),
    Omits::Kind(|what| matches!(what, What::OutboundReturn { .. })),
    Omits::Kind(|what| matches!(what, What::Process { .. })),
    Omits::Places,
    Omits::Identities,
    Omits::Ways,
];

fn leave_out(history: &mut History, omits: Omits) {
    if let Omits::Commits = omits {
        history.header.omits = vec![Omission::Commits];
    }
    history.events.retain(|event| match omits {
        Omits::Commits => !matches!(event.what, What::Commit { .. }),
        Omits::Kind(is_it) => !is_it(&event.what),
        _ => true,
    });
    for event in &mut history.events {
        match (omits, &mut event.what) {
            (Omits::Places, _) => event.place = None,
            (Omits::Identities, What::RunStart { alarm, .. }) => *alarm = None,
            (Omits::Identities, What::Op { call: StorageCall::SetAlarm { alarm, .. }, .. }) => *alarm = None,
            (Omits::Identities, What::AtRest { alarm: Some(row), .. }) => row.alarm = None,
            (Omits::Ways, What::RunEnd { outcome: RunOutcome::Failed { how, .. }, .. }) => *how = None,
            (Omits::Ways, What::InstanceEnd { reason: EndReason::Reset { cause, .. } }) => *cause = None,
            _ => {}
        }
    }
}

fn told(seed: u64) -> History {
    History { header: Tale::of_machines().header(), events: System::new(seed).history() }
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

/// A few of the dropped ones are legal all the same: a commit that a crash might have taken, an answer that nobody waited for.
#[test]
fn whatever_is_wrong_in_it_is_refused() {
    for (stream, Spoil { name, accepted_percent_max, spoil }) in (2..).zip(SPOILS) {
        let (mut spoilt, mut accepted) = (0, 0);
        for seed in 1..=SPOILT {
            let mut history = told(seed);
            if spoil(&mut history.events, &mut Chance::new(seed, stream)) {
                spoilt += 1;
                accepted += u64::from(reveille_model::check(&history, Profile::Strict).is_clean());
            }
        }
        assert!(spoilt * 10 > SPOILT * 9, "{name}: only {spoilt} had something to be wrong in");
        assert!(
            accepted * 100 <= spoilt * accepted_percent_max,
            "{name}: of {spoilt} {accepted} are accepted"
        );
    }
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
