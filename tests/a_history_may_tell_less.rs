//! A history may tell less: whatever HISTORY.md allows a writer to leave out of the history of a run, the run is still not
//! refused, in strict. A verdict that rests on what was not told would be a false one.
//!
//! The histories are those of the simulator, so that everything in them has a witness; each is judged with random things left
//! out, most of them only up to some event. What says by its absence that nothing was in the way stays: faults, majorities, gates,
//! the bounds of the system in the header, and what links have lost.

use proptest::prelude::*;
use proptest::sample::subsequence;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use reveille_model::Profile;
use reveille_model::history::{
    Blob, EndReason, Event, History, Omission, OpResult, RunOutcome, StorageCall, What,
};

use crate::common::scenario;

/// Scenarios whose objects keep the contract whatever happens to them.
const SCENARIOS: [&str; 6] = ["batcher", "retry-info", "alarm-example", "cron", "failover", "scripted"];

/// How many runs of each.
const SEEDS: u64 = 10;

/// How many times things are left out of each run: 300 histories in all.
const TELLINGS: usize = 5;

/// How many things are left out at once, at most.
const OMISSIONS_MAX: usize = 5;

/// Something that a writer may leave out.
#[derive(Clone, Copy, Debug)]
enum Omits {
    /// Events of these kinds.
    Kind(fn(&What) -> bool),
    /// A field of events.
    Field(fn(&mut Event)),
    /// Something of the header.
    Header(fn(&mut History)),
}

/// Each with its name.
const OMISSIONS: [(&str, Omits); 42] = [
    ("commits", Omits::Header(without_commits)),
    ("seed", Omits::Header(|history| history.header.seed = None)),
    ("wall_zero_ns", Omits::Header(|history| history.header.wall_zero_ns = None)),
    ("system_group", Omits::Header(|history| history.header.system_group = None)),
    ("alarm_classes", Omits::Header(|history| history.header.alarm_classes = None)),
    ("echoes", Omits::Header(|history| history.header.echoes.clear())),
    ("clients", Omits::Kind(is_of_clients)),
    ("call", Omits::Kind(|what| matches!(what, What::Call { .. }))),
    ("return", Omits::Kind(|what| matches!(what, What::Return { .. }))),
    ("request_arrive", Omits::Kind(|what| matches!(what, What::RequestArrive { .. }))),
    ("answer_leave", Omits::Kind(|what| matches!(what, What::AnswerLeave { .. } | What::AnswerLost { .. }))),
    ("instance_start", Omits::Kind(|what| matches!(what, What::InstanceStart { .. }))),
    ("constructor_end", Omits::Kind(|what| matches!(what, What::ConstructorEnd { .. }))),
    ("instance_end", Omits::Kind(|what| matches!(what, What::InstanceEnd { .. }))),
    ("deliver", Omits::Kind(|what| matches!(what, What::Deliver { .. }))),
    ("request_start", Omits::Kind(|what| matches!(what, What::RequestStart { .. }))),
    ("request_end", Omits::Kind(|what| matches!(what, What::RequestEnd { .. }))),
    ("bodies of requests and of services", Omits::Field(without_bodies)),
    ("await", Omits::Kind(|what| matches!(what, What::Await { .. }))),
    ("respond", Omits::Kind(|what| matches!(what, What::Respond { .. }))),
    ("outbound", Omits::Kind(|what| matches!(what, What::Outbound { .. }))),
    ("services", Omits::Kind(is_of_services)),
    ("outbound_leave", Omits::Kind(|what| matches!(what, What::OutboundLeave { .. }))),
    ("outbound_arrive", Omits::Kind(|what| matches!(what, What::OutboundArrive { .. }))),
    ("outbound_answer", Omits::Kind(|what| matches!(what, What::OutboundAnswer { .. }))),
    ("outbound_return", Omits::Kind(|what| matches!(what, What::OutboundReturn { .. }))),
    ("process", Omits::Kind(|what| matches!(what, What::Process { .. }))),
    ("on_disk", Omits::Kind(|what| matches!(what, What::OnDisk { .. }))),
    ("holder", Omits::Kind(|what| matches!(what, What::Holder { .. }))),
    ("leader", Omits::Kind(|what| matches!(what, What::Leader { .. }))),
    ("group_leader", Omits::Kind(|what| matches!(what, What::GroupLeader { .. }))),
    ("committed", Omits::Kind(|what| matches!(what, What::Committed { .. }))),
    ("replica", Omits::Kind(|what| matches!(what, What::Replica { .. }))),
    ("at_rest", Omits::Kind(|what| matches!(what, What::AtRest { .. }))),
    ("phase", Omits::Kind(|what| matches!(what, What::Phase { .. }))),
    ("machine and wall_ns", Omits::Field(|event| event.place = None)),
    ("alarm", Omits::Field(without_identity)),
    ("how and cause of a reset", Omits::Field(without_ways)),
    ("cause of a start", Omits::Field(without_cause)),
    ("slice and group", Omits::Field(without_slice)),
    ("takes", Omits::Field(without_takes)),
    ("of a call to a service: op, service, body", Omits::Field(without_call)),
];

fn without_commits(history: &mut History) {
    history.header.omits = vec![Omission::Commits];
    history.events.retain(|event| !matches!(event.what, What::Commit { .. }));
}

/// All that the witness sees of clients.
fn is_of_clients(what: &What) -> bool {
    matches!(
        what,
        What::Call { .. }
            | What::Return { .. }
            | What::RequestArrive { .. }
            | What::AnswerLeave { .. }
            | What::AnswerLost { .. }
    )
}

/// All that the witness sees of services.
fn is_of_services(what: &What) -> bool {
    matches!(
        what,
        What::OutboundLeave { .. }
            | What::OutboundArrive { .. }
            | What::OutboundAnswer { .. }
            | What::OutboundReturn { .. }
            | What::OutboundLost { .. }
    )
}

fn without_identity(event: &mut Event) {
    match &mut event.what {
        What::RunStart { alarm, .. } | What::Op { call: StorageCall::SetAlarm { alarm, .. }, .. } => {
            *alarm = None;
        }
        What::AtRest { alarm: Some(row), .. } => (row.alarm, row.retry_count) = (None, None),
        _ => {}
    }
}

fn without_ways(event: &mut Event) {
    match &mut event.what {
        What::RunEnd { outcome: RunOutcome::Failed { how, .. }, .. } => *how = None,
        What::InstanceEnd { reason: EndReason::Reset { cause, .. } } => *cause = None,
        _ => {}
    }
}

fn without_cause(event: &mut Event) {
    if let What::InstanceStart { cause, .. } = &mut event.what {
        *cause = None;
    }
}

fn without_slice(event: &mut Event) {
    match &mut event.what {
        What::InstanceStart { slice, .. } | What::AtRest { slice, .. } => *slice = None,
        What::Holder { group, .. } => *group = None,
        _ => {}
    }
}

fn without_takes(event: &mut Event) {
    if let What::FaultBegin { takes, .. } = &mut event.what {
        *takes = None;
    }
}

fn without_call(event: &mut Event) {
    match &mut event.what {
        What::Outbound { op, .. } => *op = None,
        What::OutboundArrive { service, body, .. } => (*service, *body) = (None, None),
        _ => {}
    }
}

/// Wherever a body is optional.
fn without_bodies(event: &mut Event) {
    match &mut event.what {
        What::Call { body, .. } => *body = Blob::default(),
        What::RequestStart { body, .. }
        | What::OutboundArrive { body, .. }
        | What::OutboundAnswer { body, .. }
        | What::OutboundReturn { body, .. }
        | What::OpResult { result: OpResult::Answer { body, .. }, .. } => *body = None,
        _ => {}
    }
}

fn leave_out(history: &mut History, omits: Omits) {
    match omits {
        Omits::Kind(is_it) => history.events.retain(|event| !is_it(&event.what)),
        Omits::Field(clear) => history.events.iter_mut().for_each(clear),
        Omits::Header(clear) => clear(history),
    }
}

/// What is left out, and how many thousandths of the history are told: of every fourth all.
fn tellings() -> impl Strategy<Value = (Vec<(&'static str, Omits)>, usize)> {
    let omissions = subsequence(OMISSIONS.to_vec(), 1..=OMISSIONS_MAX);
    (omissions, prop_oneof![3 => 20..500_usize, 1 => Just(1_000)])
}

#[test]
fn whatever_is_left_out_of_a_run_it_is_not_refused() {
    let mut runner = TestRunner::deterministic();
    for name in SCENARIOS {
        for seed in 0..SEEDS {
            let scenario = scenario(name);
            let history = scenario.run(&scenario.plan(seed)).history;
            for _ in 0..TELLINGS {
                let (omissions, told) =
                    tellings().new_tree(&mut runner).expect("nothing is filtered").current();
                let mut less = history.clone();
                less.events.truncate(history.events.len() * told / 1_000);
                omissions.iter().for_each(|(_, omits)| leave_out(&mut less, *omits));
                let names: Vec<&str> = omissions.iter().map(|(name, _)| *name).collect();
                let violations = reveille_model::check(&less, Profile::Strict).violations;
                assert_eq!(violations, [], "{name} {seed}, told up to {told}/1000, without {names:?}");
            }
        }
    }
}
