//! Effects: durable commits, and messages that leave. Who may have one (O1, F3), and what has to be durable before a message
//! leaves (O5).

use std::fmt;

use crate::check::case::Case;
use crate::check::report::Seconds;
use crate::check::storage::commits;
use crate::reference::instance::Instance;
use crate::reference::object::{Object, Overlap};
use crate::reference::slot::{Ack, AckKind};
use crate::rules::Id;

/// O1: whoever delivers a request knows its own instances: under one epoch none is delivered to an older one.
pub(in crate::check) fn reaches_the_newest(case: &mut Case<'_>, object: &Object, request: u64) {
    let by = case.by;
    let is_newer = |current: &&Instance| current.epoch == by.epoch && current.instance > by.instance;
    let Some(newest) = object.current.as_ref().filter(is_newer) else { return };
    case.saw(Id::O1);
    let sentences = format!(
        "Request {request} was delivered at {} to instance {}, although instance {} of the same object had started at {} \
         under the same epoch.",
        Seconds(case.mark.at_ns),
        by.instance,
        newest.instance,
        Seconds(newest.started.at_ns),
    );
    case.report(Id::O1, &[newest.started], sentences);
}

/// O1, F3: an instance has an effect: a durable commit, or a message that leaves. An answer to a request is none of a run.
/// Returns whether that was refused.
pub(in crate::check) fn effect(
    case: &mut Case<'_>,
    object: &mut Object,
    what: &dyn fmt::Display,
    may_be_of_run: bool,
) -> bool {
    if object.has_had_effect_in_another_epoch(case.by.epoch) {
        case.saw(Id::O1);
    }
    let Some(overlap) = object.effect(case.by, case.mark, may_be_of_run) else { return false };
    let (instance, turn, at) = (case.by.instance, case.by.turn, Seconds(case.mark.at_ns));
    match overlap {
        Overlap::Fenced { is_told: true, .. } => {}
        Overlap::Fenced { by, .. } => {
            let sentences = format!(
                "At {at} {what} of turn {turn} of instance {instance}, in epoch {}, had an effect. Instance {} of the \
                 same object, in epoch {}, had had its first effect at {}; from then on an older epoch has none.",
                case.by.epoch,
                by.instance,
                by.epoch,
                Seconds(by.mark.at_ns),
            );
            case.report(Id::O1, &[by.mark], sentences);
        }
        Overlap::Runs { open, other } => {
            let sentences = format!(
                "Run {} of alarm() started at {} in instance {instance} and had not ended when a newer instance started \
                 a run at {}; yet at {at} {what} of turn {turn} of the older instance had an effect. Two runs of an \
                 object never overlap in effect.",
                open.run,
                Seconds(open.started.at_ns),
                Seconds(other.at_ns),
            );
            case.report(Id::F3, &[open.started, other], sentences);
        }
    }
    true
}

/// O5: a response or outbound request leaves.
pub(in crate::check) fn leave(case: &mut Case<'_>, object: &mut Object, kind: AckKind) {
    let may_be_of_run = !matches!(kind, AckKind::Response(_));
    let is_fenced = effect(case, object, &kind, may_be_of_run);
    let Some(mut acting) = object.answering(case.by) else { return };
    let turn = case.by.turn;
    let ack = Ack { turn, kind, mark: case.mark };
    let is_fenced = is_fenced && acting.instance.superseded;
    let acked = acting.instance.acked.map_or(0, |ack| ack.turn);
    if acting.instance.committed.is_some_and(|(committed, _)| (acked + 1..=turn).contains(&committed)) {
        // It has waited for what that turn wrote.
        case.saw(Id::O5);
    }
    if let Some((open, write)) = acting.instance.uncommitted(turn, acting.instance.leaks_reported)
        && !is_fenced
        && !case.omits_commits
    {
        acting.instance.leaks_reported = turn;
        let sentences = format!(
            "At {} {kind}, made in turn {turn} of instance {}, left its machine. By then turn {open}, which began to \
             write at {}, was not durable.",
            Seconds(case.mark.at_ns),
            case.by.instance,
            Seconds(write.at_ns),
        );
        case.report(Id::O5, &[write], sentences);
    }
    if !acting.instance.superseded || (case.omits_commits && !is_fenced) {
        commits::acknowledge(case, &mut acting, ack);
    }
}
