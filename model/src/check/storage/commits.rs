//! Calls, their results and their commits: transactions (S5), whole turns (S2) and the durable prefix (S3).
//! What reads show is for `reads` to judge.

use super::{limits, reads};
use crate::check::alarm::completion;
use crate::check::case::Case;
use crate::check::leniency::unsure;
use crate::check::object::effects;
use crate::check::report::Seconds;
use crate::history::{OpResult, StorageCall};
use crate::reference::Mark;
use crate::reference::calls::Calling;
use crate::reference::instance::Instance;
use crate::reference::object::{Acting, Object};
use crate::reference::read::{Read, ReadCall};
use crate::reference::slot::{Ack, AckKind, End};
use crate::reference::transaction::Void;
use crate::rules::Id;

/// Object code makes a call.
pub(in crate::check) fn call(case: &mut Case<'_>, object: &mut Object, op: u64, call: &StorageCall) {
    let Some(Acting { row, instance, .. }) = object.acting(case.by) else { return };
    let made = instance.conduct.outstanding().last().filter(|made| made.op == op);
    if made.is_none_or(|made| made.over.is_none()) {
        instance.call(row, Calling { op, turn: case.by.turn, mark: case.mark }, call);
        split(case, instance);
    } else if !instance.superseded {
        row.remember_void(Void::of_refused(call, case.mark), instance.instance, case.by.turn);
    }
}

/// A call's result is known.
pub(in crate::check) fn result(case: &mut Case<'_>, object: &mut Object, op: u64, result: &OpResult) {
    let Some(mut acting) = object.acting(case.by) else { return };
    if acting.instance.innermost(op).is_some() {
        return transaction_ended(case, &mut acting, op, result);
    }
    let read = acting.instance.take_read(op);
    if let Some(read) = read.as_ref().filter(|_| !matches!(result, OpResult::Error(_))) {
        occasions(case, acting.instance, &read.call);
    }
    if let OpResult::Error(_) = result {
        case.saw(Id::S7);
    }
    let returned = acting.instance.conduct.returned.take();
    let is_judged = returned.is_some_and(|call| limits::judge(case, &mut acting, call, result));
    if let OpResult::Error(_) = result {
        let written = acting.instance.refuse(op);
        if !written.is_empty() && !acting.instance.superseded {
            let void = Void::refused(written, case.mark);
            acting.row.remember_void(void, acting.instance.instance, case.by.turn);
        }
        return;
    }
    let Some(read) = read.filter(|_| !is_judged) else { return };
    if let (ReadCall::Sync, OpResult::Done) = (&read.call, result) {
        return synced(case, &mut acting, &read);
    }
    if acting.row.is_unsure()
        && !acting.instance.superseded
        && unsure::narrow(case, &mut acting, &read, result)
    {
        return;
    }
    reads::judge(case, &mut acting, &read, result);
}

fn occasions(case: &mut Case<'_>, instance: &Instance, call: &ReadCall) {
    match call {
        ReadCall::Get(_)
        | ReadCall::GetMany(_)
        | ReadCall::List(_)
        | ReadCall::Delete { .. }
        | ReadCall::DeleteMany { .. } => case.saw(Id::S4),
        ReadCall::Alarm(_) => case.saw(if instance.run.is_some() { Id::A4 } else { Id::A3 }),
        ReadCall::Sync => {}
    }
}

/// S5: a transaction has ended, and with it whatever was begun in it and has not ended.
fn transaction_ended(case: &mut Case<'_>, acting: &mut Acting<'_>, op: u64, result: &OpResult) {
    let Acting { row, instance, .. } = acting;
    case.saw(Id::S5);
    while let Some(innermost) = instance.innermost(op) {
        if !matches!(result, OpResult::Error(_)) {
            instance.commit_transaction(case.by.turn);
        } else if let Some(void) = instance.roll_back_transaction(row, case.mark)
            && !instance.superseded
        {
            row.remember_void(void, instance.instance, case.by.turn);
        }
        if innermost == op {
            break;
        }
    }
    split(case, instance);
}

/// S2: a turn that is durable writes something that should have been durable with it.
fn split(case: &mut Case<'_>, instance: &mut Instance) {
    let Some(durable) = instance.goes_on(case.by.turn).filter(|_| !instance.superseded) else { return };
    if !instance.conduct.told.insert(Id::S2) {
        return;
    }
    let sentences = format!(
        "Turn {} of instance {} became durable at {}; yet at {} it went on to write. All writes of a turn become durable \
         together.",
        case.by.turn,
        case.by.instance,
        Seconds(durable.at_ns),
        Seconds(case.mark.at_ns),
    );
    case.report(Id::S2, &[durable], sentences);
}

/// `sync` returned: everything before it is acknowledged.
fn synced(case: &mut Case<'_>, acting: &mut Acting<'_>, read: &Read) {
    let ack = Ack { turn: read.turn, kind: AckKind::Sync, mark: case.mark };
    if !acting.instance.superseded || case.omits_commits {
        acknowledge(case, acting, ack);
        return;
    }
    let Some((turn, write)) = acting.instance.uncommitted(read.turn, acting.instance.skips_reported) else {
        return;
    };
    acting.instance.skips_reported = read.turn;
    let sentences = format!(
        "sync returned at {} to instance {}, which a newer instance had succeeded: turn {turn}, which began to write \
         at {}, is not durable and cannot become so.",
        Seconds(case.mark.at_ns),
        case.by.instance,
        Seconds(write.at_ns),
    );
    case.report(Id::S3, &[write, read.mark], sentences);
}

pub(in crate::check) fn acknowledge(case: &mut Case<'_>, acting: &mut Acting<'_>, ack: Ack) {
    let Acting { row, instance, .. } = acting;
    if instance.acked.is_some_and(|acked| acked.turn >= ack.turn) {
        return;
    }
    instance.acked = Some(ack);
    if instance.superseded {
        // Commits are not told: so this one was made before the successor started.
        if !row.observe_durable(instance.instance, ack.turn) {
            acknowledged_in_vain(case, ack);
        }
        return;
    }
    row.slot.acknowledge(instance.instance, ack);
    instance.settle_acknowledged(row, ack.turn, ack.mark);
    if case.omits_commits {
        instance.make_durable(row, ack.turn, ack.mark, case.constants.retries_max);
    }
}

/// S3: what was seen before says that the turn is not durable.
fn acknowledged_in_vain(case: &mut Case<'_>, ack: Ack) {
    let sentences = format!(
        "Turn {} of instance {} was acknowledged {ack}, although a newer instance had started by then, and what that has \
         seen shows that the turn was not durable.",
        ack.turn, case.by.instance,
    );
    case.report(Id::S3, &[], sentences);
}

/// A turn has become durable.
pub(in crate::check) fn commit(case: &mut Case<'_>, object: &mut Object, ends_run: Option<u64>) {
    let (turn, mark) = (case.by.turn, case.mark);
    let is_fenced = effects::effect(case, object, &"the commit", true);
    let newest = object.current.as_ref().map(|current| (current.instance, current.started));
    let acting = object.answering(case.by);
    let Some(Acting { row, instance, doubtful }) = acting else {
        if !is_fenced {
            late(case, newest);
        }
        return;
    };
    if instance.superseded {
        doubtful.extend(instance.uncommitted_keys(turn).cloned());
        if !std::mem::replace(&mut instance.late_reported, true) && !is_fenced {
            late(case, newest);
        }
    }
    let completes = instance
        .ending
        .filter(|ending| ends_run == Some(ending.run.run) && ending.end == End::Completes)
        .map(|ending| ending.run.run);
    let irregular = instance.commit(row, turn, ends_run, mark, case.constants.retries_max);
    if instance.superseded {
        // What a later set_alarm of the successor makes of this slot is anybody's guess.
        row.slot.doubtful = true;
        return;
    }
    if let Some((skipped, write)) = irregular.skipped {
        doubtful.extend(instance.uncommitted_keys(turn).cloned());
        instance.skips_reported = turn.saturating_sub(1);
        out_of_order(case, skipped, write);
    }
    completion::completion(case, &irregular);
    if let Some(run) = completes {
        let ack = Ack { turn, kind: AckKind::Completion(run), mark };
        acknowledge(case, &mut Acting { row, instance, doubtful }, ack);
    }
}

/// S3: what an instance did becomes durable before its successor starts or never.
fn late(case: &mut Case<'_>, newest: Option<(u64, Mark)>) {
    let Some((newest, started)) = newest else { return };
    let sentences = format!(
        "Turn {} of instance {} became durable at {}, after instance {newest} of the same object had started at {}.",
        case.by.turn,
        case.by.instance,
        Seconds(case.mark.at_ns),
        Seconds(started.at_ns),
    );
    case.report(Id::S3, &[started], sentences);
}

/// S3: turns become durable in their order.
fn out_of_order(case: &mut Case<'_>, skipped: u32, write: Mark) {
    let sentences = format!(
        "Turn {} of instance {} became durable at {}, before turn {skipped} of the same instance, which had begun to \
         write at {}.",
        case.by.turn,
        case.by.instance,
        Seconds(case.mark.at_ns),
        Seconds(write.at_ns),
    );
    case.report(Id::S3, &[write], sentences);
}
