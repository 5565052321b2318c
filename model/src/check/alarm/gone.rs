//! Runs of an alarm that is not in its object's slot, or that never was: which rule forbids them (A1, A2, A5, F4, R2, R6, S3, S5,
//! S8), and how the alarm left it.

use crate::check::case::Case;
use crate::check::report::{OnMachine, Reports, Seconds};
use crate::history::Constants;
use crate::reference::slot::{Claim, Gone, Setting, Why};
use crate::rules::Id;

/// A1: a run that no `set_alarm` accounts for.
pub(in crate::check) fn run_of_none(case: &mut Case<'_>, claim: Claim, durable: Option<Setting>) {
    let instead = match durable {
        Some(setting) => {
            format!("the one alarm of the object is for {}", case.reports.wall(setting.scheduled_ms))
        }
        None => "no alarm was set".to_owned(),
    };
    let sentences = format!(
        "alarm() started at {}{} for {}, yet {instead}.",
        Seconds(case.mark.at_ns),
        OnMachine(case.place),
        case.reports.wall(claim.scheduled_ms),
    );
    let evidence: Vec<_> = durable.iter().map(|setting| setting.set).collect();
    case.report(Id::A1, &evidence, sentences);
}

/// A run for an alarm that has left the slot: the rule depends on how it left.
pub(in crate::check) fn run_of(case: &mut Case<'_>, gone: &Gone) {
    let (rule, story) = story(case.reports, case.constants, gone);
    let sentences = format!(
        "The alarm that was set for {} at {} {story}; yet alarm() started for it at {}{}.",
        case.reports.wall(gone.setting.scheduled_ms),
        Seconds(gone.setting.set.at_ns),
        Seconds(case.mark.at_ns),
        OnMachine(case.place),
    );
    let mut evidence = vec![gone.setting.set, gone.cause.op, gone.cause.commit];
    evidence.extend(gone.cause.acked.map(|ack| ack.mark));
    case.report(rule, &evidence, sentences);
}

/// Which rule forbids an alarm to come back that has left the slot, and how it left it.
pub(in crate::check) fn story(reports: &Reports, constants: &Constants, gone: &Gone) -> (Id, String) {
    let (op, commit) = (Seconds(gone.cause.op.at_ns), Seconds(gone.cause.commit.at_ns));
    match (gone.why, gone.cause.acked) {
        (Why::Replaced { by_ms }, Some(ack)) => {
            let by = reports.wall(by_ms);
            let acked = format!("and that replacement was acknowledged {ack}");
            (Id::A2, format!("was replaced at {op} by one for {by}, {acked}"))
        }
        (Why::Replaced { by_ms }, None) => {
            let by = reports.wall(by_ms);
            (Id::A1, format!("was replaced at {op} by one for {by}, which was durable at {commit}"))
        }
        (Why::Deleted, _) => (Id::A5, format!("was deleted at {op}, which was durable at {commit}")),
        (Why::DeletedInBackoff, _) => {
            let deleted =
                format!("was deleted at {op} while it waited for a retry, which was durable at {commit}");
            (Id::R6, deleted)
        }
        (Why::Cleared, _) => {
            (Id::S8, format!("was removed at {op} by delete_all, which was durable at {commit}"))
        }
        (Why::Completed { .. }, _) => {
            (Id::F4, format!("ran to its end at {op}, and its completion was durable at {commit}"))
        }
        (Why::Exhausted, _) => {
            let runs = u64::from(constants.retries_max) + 1;
            (Id::R2, format!("was given up after {runs} failed runs, the last of which ended at {op}"))
        }
        (Why::RolledBack, _) => (
            Id::S5,
            format!("was set in a transaction that was rolled back, or lost with its instance, at {op}"),
        ),
        (Why::Lost, _) => (Id::S3, "was lost with its instance before it was durable".to_owned()),
    }
}
