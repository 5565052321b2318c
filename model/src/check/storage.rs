//! Calls, their results and their commits: ordered reads (S4), the alarm as it is read (A3, A4), the durable prefix
//! (S3), and what may leave when (O5).

use std::collections::{BTreeMap, BTreeSet};

use super::report::{Scheduled, Seconds, Shown};
use super::{Case, blame, firing, life};
use crate::history::{Blob, Key, ListOptions, OpResult, StorageCall};
use crate::reference::instance::Instance;
use crate::reference::object::{Acting, Object};
use crate::reference::read::{AlarmView, Frozen, Read, ReadCall, owned};
use crate::reference::slot::{Ack, AckKind, End};
use crate::reference::{Mark, Writer};
use crate::rules::Id;

/// Object code makes a call.
pub(super) fn call(case: &mut Case<'_>, object: &mut Object, op: u64, call: &StorageCall) {
    if let Some(Acting { row, instance, .. }) = object.acting(case.by) {
        instance.call(row, op, call, case.by.turn, case.mark);
    }
}

/// A call's result is known.
pub(super) fn result(case: &mut Case<'_>, object: &mut Object, op: u64, result: &OpResult) {
    let Some(mut acting) = object.acting(case.by) else { return };
    acting.instance.gate_ns = case.mark.at_ns;
    let read = acting.instance.take_read(op);
    if let OpResult::Error(_) = result {
        return acting.instance.refuse(op);
    }
    let Some(read) = read else { return };
    occasions(case, acting.instance, &read.call);
    match (&read.call, result) {
        (ReadCall::Get(key), OpResult::Value(seen)) => get(case, &mut acting, &read, key, seen.as_ref()),
        (ReadCall::Delete { key, was_there, writer }, OpResult::Deleted(seen)) if seen != was_there => {
            delete(case, &mut acting, &read, key, *writer, *seen);
        }
        (ReadCall::List(options), OpResult::Entries(seen)) => list(case, &mut acting, &read, options, seen),
        (ReadCall::Alarm(view), OpResult::Alarm(seen)) => get_alarm(case, &mut acting, &read, *view, *seen),
        (ReadCall::Sync, OpResult::Done) => synced(case, &mut acting, &read),
        _ => {}
    }
}

fn occasions(case: &mut Case<'_>, instance: &Instance, call: &ReadCall) {
    match call {
        ReadCall::Get(_) | ReadCall::List(_) | ReadCall::Delete { .. } => case.saw(Id::S4),
        ReadCall::Alarm(_) => case.saw(if instance.run.is_some() { Id::A4 } else { Id::A3 }),
        ReadCall::Sync => {}
    }
}

/// A key that a read shows wrongly.
struct Wrong<'a> {
    call: &'static str,
    key: &'a Key,
    seen: Option<&'a Blob>,
    /// What it should have shown, and who made it so.
    value: Option<&'a Blob>,
    writer: Option<Writer>,
    rule: &'static str,
    /// Whether it shows what was written after the call.
    is_later: bool,
}

fn get(case: &mut Case<'_>, acting: &mut Acting<'_>, read: &Read, key: &Key, seen: Option<&Blob>) {
    let view = acting.instance.view(acting.row);
    let is_right = match &read.frozen {
        Some(Frozen::Value(value, _)) => value.as_ref() == seen,
        _ => view.value(key) == seen,
    };
    if is_right {
        return;
    }
    let (value, writer) = match &read.frozen {
        Some(Frozen::Value(value, writer)) => (value.as_ref(), *writer),
        _ => (view.value(key), view.writer(key)),
    };
    let is_later = view.value(key) == seen;
    let rule = blame::rule_for(case, acting, key, seen, writer, || false);
    let wrong = Wrong { call: "get", key, seen, value, writer, rule, is_later };
    wrong_key(case, acting.doubtful, read, &wrong);
    correct(case, acting, read, key, seen);
}

/// `delete` that says wrongly whether the key was there.
fn delete(
    case: &mut Case<'_>,
    acting: &mut Acting<'_>,
    read: &Read,
    key: &Key,
    writer: Option<Writer>,
    seen: bool,
) {
    if !acting.doubtful.insert(key.clone()) {
        return;
    }
    let sentences = format!(
        "delete of {key:?}, called at {} by instance {}, said that the key was {}there. {}",
        Seconds(read.mark.at_ns),
        case.by.instance,
        if seen { "" } else { "not " },
        told_by(writer),
    );
    let known = if seen { acting.row.keys.before(key) } else { None };
    let rule = blame::rule_for(case, acting, key, known, writer, || false);
    report(case, read, writer, rule, sentences);
}

fn list(
    case: &mut Case<'_>,
    acting: &mut Acting<'_>,
    read: &Read,
    options: &ListOptions,
    seen: &[(Key, Blob)],
) {
    let view = acting.instance.view(acting.row);
    let is_right = match &read.frozen {
        Some(Frozen::Entries(entries)) => entries == seen,
        _ => view.entries(options).eq(seen.iter().map(|(key, value)| (key, value))),
    };
    if is_right {
        return;
    }
    let expected = match &read.frozen {
        Some(Frozen::Entries(entries)) => entries.clone(),
        _ => owned(view, options),
    };
    let wrong = wrong_entries(acting, read, options, &expected, seen);
    if wrong.is_empty() && acting.doubtful.is_empty() {
        let sentences = format!(
            "list, called at {} by instance {}, gave {} entries, all of them as they were written, but not those that \
             its options ask for in the order that they ask for; it should have given {}.",
            Seconds(read.mark.at_ns),
            case.by.instance,
            seen.len(),
            expected.len(),
        );
        case.report("S6", &[read.mark], sentences);
    }
    let (mut is_told, shown) = (false, seen);
    for (key, seen) in wrong {
        if !is_told && !acting.doubtful.contains(&key) {
            is_told = true;
            let view = acting.instance.view(acting.row);
            let value = expected.iter().find(|(known, _)| *known == key).map(|(_, value)| value);
            let (seen, writer) = (seen.as_ref(), view.writer(&key));
            let is_later = view.value(&key) == seen;
            let is_split = || writer.is_some_and(|writer| blame::shows_part(acting, &writer, shown));
            let rule = blame::rule_for(case, acting, &key, seen, writer, is_split);
            let wrong = Wrong { call: "list", key: &key, seen, value, writer, rule, is_later };
            wrong_key(case, acting.doubtful, read, &wrong);
        }
        correct(case, acting, read, &key, seen.as_ref());
    }
}

/// The keys that a list shows wrongly, with what it shows. With a limit one wrong key pushes right ones in or out of
/// the list; those are not meant.
fn wrong_entries(
    acting: &Acting<'_>,
    read: &Read,
    options: &ListOptions,
    expected: &[(Key, Blob)],
    seen: &[(Key, Blob)],
) -> Vec<(Key, Option<Blob>)> {
    let view = acting.instance.view(acting.row);
    let shown: BTreeMap<&Key, &Blob> = seen.iter().map(|(key, value)| (key, value)).collect();
    let known: BTreeMap<&Key, &Blob> = expected.iter().map(|(key, value)| (key, value)).collect();
    let was_written_later = |key: &Key| view.writer(key).is_some_and(|writer| writer.mark > read.mark);
    let mut wrong = Vec::new();
    for (key, value) in seen {
        let right = known.get(key).copied().or_else(|| view.value(key).filter(|_| !was_written_later(key)));
        if right != Some(value) {
            wrong.push((key.clone(), Some(value.clone())));
        }
    }
    let is_full = options.limit.is_some_and(|limit| seen.len() as u64 >= u64::from(limit));
    let last = seen.last().map(|(key, _)| key);
    let is_behind =
        |key: &Key| is_full && last.is_some_and(|last| if options.reverse { key < last } else { key > last });
    for (key, _) in expected {
        if !shown.contains_key(key) && !is_behind(key) {
            wrong.push((key.clone(), None));
        }
    }
    wrong
}

/// S4, S3 or one of its relatives: a key that a read shows wrongly.
fn wrong_key(case: &mut Case<'_>, doubtful: &mut BTreeSet<Key>, read: &Read, wrong: &Wrong<'_>) {
    let Wrong { call, key, seen, value, writer, rule, is_later } = *wrong;
    if !doubtful.insert(key.clone()) {
        return;
    }
    let (at, instance) = (Seconds(read.mark.at_ns), case.by.instance);
    let showed = format!("{call}, called at {at} by instance {instance}, showed {} at {key:?}", Shown(seen));
    if is_later {
        let sentences =
            format!("{showed}, which the instance wrote only after that call. A read sees no later write.");
        case.report("S4", &[read.mark], sentences);
        return;
    }
    let told = told_by(writer);
    let sentences = format!("{showed}; it should have shown {}. {told}{}", Shown(value), blame::why(rule));
    report(case, read, writer, rule, sentences);
}

fn report(case: &mut Case<'_>, read: &Read, writer: Option<Writer>, rule: &'static str, sentences: String) {
    let mut evidence = vec![read.mark];
    evidence.extend(writer.map(|writer| writer.mark));
    case.report(rule, &evidence, sentences);
}

fn told_by(writer: Option<Writer>) -> String {
    match writer {
        Some(Writer { instance, mark, .. }) => {
            format!("Instance {instance} was the last to change that key, at {}.", Seconds(mark.at_ns))
        }
        None => "No write of that key that became durable is known.".to_owned(),
    }
}

/// Brings the model in line with what was seen, unless the key was written again since.
fn correct(case: &Case<'_>, acting: &mut Acting<'_>, read: &Read, key: &Key, seen: Option<&Blob>) {
    acting.doubtful.insert(key.clone());
    let writer = acting.instance.view(acting.row).writer(key);
    if acting.instance.superseded || writer.is_some_and(|writer| writer.mark > read.mark) {
        return;
    }
    if !acting.instance.overlay.correct(key, seen) {
        let (instance, turn) = (case.by.instance, case.by.turn);
        let writer = Writer { instance, turn, mark: case.mark, run: None, clears: false };
        acting.row.keys.set(key.clone(), seen.cloned(), writer);
    }
}

/// A3, A4: the alarm as it is read.
fn get_alarm(case: &mut Case<'_>, acting: &mut Acting<'_>, read: &Read, view: AlarmView, seen: Option<i64>) {
    let is_right = seen == view.scheduled_ms || (seen.is_some() && seen == view.tolerated_ms);
    if is_right || acting.row.slot.doubtful {
        return;
    }
    acting.row.slot.doubtful = true;
    let shown = |time_ms: Option<i64>| Scheduled(time_ms.map(|time_ms| case.reports.wall(time_ms)));
    let (rule, why) = blame::rule_of_alarm(acting, view, seen);
    let sentences = format!(
        "get_alarm, called at {} by instance {}, gave {}; it should have given {}. {why}",
        Seconds(read.mark.at_ns),
        case.by.instance,
        shown(seen),
        shown(view.scheduled_ms),
    );
    let mut evidence = vec![read.mark];
    evidence.extend(acting.instance.run.filter(|_| view.in_run).map(|run| run.started));
    evidence.extend(acting.instance.scheduled(&acting.row.slot).map(|alarm| alarm.set));
    case.report(rule, &evidence, sentences);
}

/// `sync` returned: everything before it is acknowledged.
fn synced(case: &mut Case<'_>, acting: &mut Acting<'_>, read: &Read) {
    let ack = Ack { turn: read.turn, kind: AckKind::Sync, mark: case.mark };
    if !acting.instance.superseded {
        acknowledge(acting, ack);
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
    case.report("S3", &[write, read.mark], sentences);
}

fn acknowledge(acting: &mut Acting<'_>, ack: Ack) {
    if acting.instance.acked.is_none_or(|acked| acked.turn < ack.turn) {
        acting.instance.acked = Some(ack);
        acting.row.slot.acknowledge(acting.instance.instance, ack);
    }
}

/// O5: a response or outbound request leaves.
pub(super) fn leave(case: &mut Case<'_>, object: &mut Object, kind: AckKind) {
    let is_fenced = life::effect(case, object, &kind);
    let Some(mut acting) = object.acting(case.by) else { return };
    let turn = case.by.turn;
    let ack = Ack { turn, kind, mark: case.mark };
    let is_fenced = is_fenced && acting.instance.superseded;
    if let Some((open, write)) = acting.instance.uncommitted(turn, acting.instance.leaks_reported)
        && !is_fenced
    {
        acting.instance.leaks_reported = turn;
        let sentences = format!(
            "At {} {kind}, made in turn {turn} of instance {}, left its machine. By then turn {open}, which began to \
             write at {}, was not durable.",
            Seconds(case.mark.at_ns),
            case.by.instance,
            Seconds(write.at_ns),
        );
        case.report("O5", &[write], sentences);
    }
    if !acting.instance.superseded {
        acknowledge(&mut acting, ack);
    }
}

/// A turn has become durable.
pub(super) fn commit(case: &mut Case<'_>, object: &mut Object, ends_run: Option<u64>) {
    let (turn, mark) = (case.by.turn, case.mark);
    let is_fenced = life::effect(case, object, &"the commit");
    let newest = object.current.as_ref().map(|current| (current.instance, current.started));
    let acting = object.acting(case.by);
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
    firing::completion(case, &irregular);
    if let Some(run) = completes {
        acknowledge(
            &mut Acting { row, instance, doubtful },
            Ack { turn, kind: AckKind::Completion(run), mark },
        );
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
    case.report("S3", &[started], sentences);
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
    case.report("S3", &[write], sentences);
}
