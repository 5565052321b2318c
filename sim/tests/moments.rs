//! Faults that are aimed at what is in progress: they wait, strike right behind the step in which the moment comes, and change
//! nothing before it.

use std::collections::BTreeMap;

use reveille_model::history::{Scope, What};
use reveille_sim::fates::Fate;
use reveille_sim::kinds::{Crash, Pause, PowerLoss};
use reveille_sim::plan::{Fault, FaultKind, Moment, Past, Plan, Target};
use reveille_sim::run::{Look, Outcome, RunEnd, run_with};
use reveille_sim::trace::{Entry, Kind};
use reveille_system::ids::MachineId;

use crate::common::{classes, plan};

/// Machine 1 is away for so long that others take over what it held, and then give it back.
fn handed_over(seed: u64, waiting: &[FaultKind]) -> Plan {
    let mut plan = plan(seed);
    plan.network.loss_ppm = 0;
    plan.past = Past { entries_kept: 1, log_bytes_max: 2_000 };
    let away = Crash { target: Target::Machine(1), down_ms: 8_000 };
    plan.faults = waiting.iter().map(|kind| Fault { at_ms: 0, kind: kind.clone() }).collect();
    plan.faults.push(Fault { at_ms: 1_000, kind: away.into() });
    plan
}

fn ran(plan: &Plan) -> Outcome {
    let outcome = run_with(plan, classes, Look { trace: true, until_ms: None });
    assert_eq!(outcome.end, RunEnd::Completed);
    outcome
}

fn power_loss(moment: Moment) -> FaultKind {
    PowerLoss { target: Target::Next(moment), down_ms: 3_000 }.into()
}

/// When and where the first fault of the kind struck, with the place of its begin in the trace.
fn struck(outcome: &Outcome, kind: &str) -> (u64, u16, usize) {
    let begun = outcome.history.events.iter().find_map(|event| match &event.what {
        What::FaultBegin { kind: begun, scope: Scope::Machine(machine), fault, .. } if **begun == *kind => {
            Some((event.at_ns, *machine, u64::from(*fault)))
        }
        _ => None,
    });
    let (at_ns, machine, fault) = begun.expect("it strikes somebody");
    let begins = |entry: &Entry| entry.kind == Kind::FaultBegin && entry.a == fault;
    (at_ns, machine, outcome.trace.iter().position(begins).expect("it begins"))
}

/// What a machine did in the step right before this place of the trace, at the same instant.
fn step_before(outcome: &Outcome, machine: u16, at_ns: u64, place: usize) -> Vec<Kind> {
    let before = outcome.trace[..place].iter().rev().take_while(|entry| entry.at_ns == at_ns);
    before.filter(|entry| entry.machine == Some(MachineId(machine))).map(|entry| entry.kind).collect()
}

/// Whether some slice has an epoch that was never served: it was claimed, and nothing came of it.
fn a_claim_came_to_nothing(outcome: &Outcome) -> bool {
    let mut served: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for entry in outcome.trace.iter().filter(|entry| entry.kind == Kind::Serving) {
        served.entry(entry.a).or_default().push(entry.b);
    }
    served.values_mut().any(|epochs| {
        epochs.sort_unstable();
        epochs.windows(2).any(|two| two[1] > two[0] + 1)
    })
}

#[test]
fn each_moment_is_met() {
    for moment in Moment::ALL {
        let outcome = ran(&handed_over(1, &[power_loss(moment)]));
        assert_eq!(outcome.fates.faults[0], Fate::Effective, "{moment:?}");
        let (at_ns, machine, place) = struck(&outcome, "power-loss");
        let step = step_before(&outcome, machine, at_ns, place);
        assert!(!step.is_empty(), "{moment:?}: machine {machine} had just done something");
        match moment {
            Moment::ClaimSlice | Moment::AskForDue => {
                // A claim may be sent to whoever cannot decide about it.
                let of_seed = |seed| ran(&handed_over(seed, &[power_loss(moment)]));
                assert!((1..9).map(of_seed).any(|it| a_claim_came_to_nothing(&it)), "{moment:?}");
            }
            Moment::WriteMark => {
                assert!(step.contains(&Kind::Synced) && step.contains(&Kind::SyncAsked), "{step:?}");
            }
            Moment::LeaveSlice => assert_ne!(machine, 1, "it is the one that the others give back to"),
            Moment::EndRun => {
                let ended = outcome.history.events.iter().filter(|event| event.at_ns == at_ns);
                let run = ended.filter_map(|event| match event.what {
                    What::RunEnd { run, .. } => Some(run),
                    _ => None,
                });
                let run = run.last().expect("a run has just ended");
                let committed = outcome.history.events.iter().find(
                    |event| matches!(event.what, What::Commit { ends_run: Some(ended) } if ended == run),
                );
                assert!(committed.is_none_or(|commit| commit.at_ns > at_ns), "not durable yet");
            }
            Moment::LeadGroup => assert!(step.contains(&Kind::Elected), "{step:?}"),
            Moment::InstallSnapshot => assert!(step.contains(&Kind::Installed), "{step:?}"),
        }
    }
}

#[test]
fn nothing_changes_before_the_moment_comes() {
    let without = ran(&handed_over(1, &[]));
    for moment in Moment::ALL {
        let outcome = ran(&handed_over(1, &[power_loss(moment)]));
        let (at_ns, _, place) = struck(&outcome, "power-loss");
        assert!(at_ns > 10_000_000_000, "{moment:?}");
        assert!(outcome.trace[..place] == without.trace[..place], "{moment:?}");
        assert_ne!(outcome.trace[place], without.trace[place], "{moment:?}");
    }
}

#[test]
fn each_waiting_fault_strikes_once_and_lasts_from_then_on() {
    let pause: FaultKind = Pause { target: Target::Next(Moment::ClaimSlice), for_ms: 2_000 }.into();
    let outcome = ran(&handed_over(1, &[pause.clone(), pause]));
    let paused: Vec<u64> =
        outcome.trace.iter().filter(|entry| entry.kind == Kind::Paused).map(|entry| entry.at_ns).collect();
    assert_eq!(paused.len(), 2, "both waited for the same moment");
    assert_eq!(paused[0], paused[1]);
    let resumed: Vec<u64> =
        outcome.trace.iter().filter(|entry| entry.kind == Kind::Resumed).map(|entry| entry.at_ns).collect();
    assert_eq!(resumed, [paused[0] + 2_000_000_000]);
}

#[test]
fn a_fault_whose_moment_never_comes_is_skipped() {
    let mut plan = plan(1);
    plan.network.loss_ppm = 0;
    plan.faults = vec![Fault { at_ms: 5_000, kind: power_loss(Moment::LeaveSlice) }];
    let outcome = ran(&plan);
    assert_eq!(outcome.fates.faults, [Fate::Skipped]);
    let skipped: Vec<_> = outcome.trace.iter().filter(|entry| entry.kind == Kind::FaultSkipped).collect();
    assert_eq!(skipped.len(), 1);
    assert_eq!((skipped[0].at_ns, skipped[0].a), (30_000_000_000, 0), "with the end of the fault phase");
    assert!(outcome.counts.faults.is_empty());
}

#[test]
fn it_stands_in_a_plan_and_is_told() {
    let told = [
        (r#"{"next":"claim_slice"}"#, "the first machine to claim a slice from then on"),
        (r#"{"next":"ask_for_due"}"#, "the first machine to ask for a page of due alarms from then on"),
        (
            r#"{"next":"write_mark"}"#,
            "the first machine to write the end mark of its synced log from then on",
        ),
        (r#"{"next":"leave_slice"}"#, "the first machine to hand over a slice from then on"),
        (r#"{"next":"end_run"}"#, "the first machine to end a run of alarm() from then on"),
        (r#"{"next":"lead_group"}"#, "the first machine to become the leader of a group from then on"),
        (r#"{"next":"install_snapshot"}"#, "the first machine to install a snapshot from then on"),
    ];
    assert_eq!(told.len(), Moment::ALL.len());
    for (moment, (json, told)) in Moment::ALL.into_iter().zip(told) {
        let target = Target::Next(moment);
        assert_eq!(serde_json::to_string(&target).expect("a target is JSON"), json);
        assert_eq!(serde_json::from_str::<Target>(json).expect("it was written"), target);
        assert_eq!(target.to_string(), told);
    }
    let kind = power_loss(Moment::EndRun);
    assert_eq!(
        kind.renumbered(&|_| None, &|_| None, &|_| None),
        Some(kind),
        "whoever it is has no number yet"
    );
}
