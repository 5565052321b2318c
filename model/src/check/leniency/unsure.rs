//! Histories that do not tell of commits: what is seen rules out states that the object might have been in. It reports
//! nothing: afterwards what was seen either stands in the model, or is refused like any other reading that is wrong.

use std::collections::BTreeMap;

use super::{Told, delivery};
use crate::check::case::{Case, Held};
use crate::check::report::Reports;
use crate::history::{Key, OpResult};
use crate::reference::Row;
use crate::reference::instance::{Ending, Instance};
use crate::reference::maybe::Fit;
use crate::reference::object::{Acting, Object};
use crate::reference::read::{Frozen, Read, ReadCall};
use crate::reference::slot::{Claim, End, Setting, Slot, Spared};

/// A read of the live instance has its result. Returns whether no more is to be said about it.
pub(in crate::check) fn narrow(
    case: &mut Case<'_>,
    acting: &mut Acting<'_>,
    read: &Read,
    result: &OpResult,
) -> bool {
    let is_judged = match (&read.call, result) {
        (ReadCall::Get(key), OpResult::Value(seen)) => {
            if !is_decided(acting, read, key) {
                acting.row.observe_key(key, seen.as_ref());
            }
            false
        }
        (ReadCall::GetMany(keys), OpResult::Entries(seen)) => {
            let shown: BTreeMap<_, _> = seen.iter().map(|(key, value)| (key, value)).collect();
            for key in keys {
                if !is_decided(acting, read, key) {
                    acting.row.observe_key(key, shown.get(key).copied());
                }
            }
            false
        }
        (ReadCall::List(options), OpResult::Entries(seen)) => {
            let shown: BTreeMap<_, _> = seen.iter().map(|(key, value)| (key, value)).collect();
            for key in acting.row.unsure_keys_of(options, seen) {
                if !is_decided(acting, read, &key) {
                    acting.row.observe_key(&key, shown.get(&key).copied());
                }
            }
            false
        }
        (ReadCall::Delete { key, is_unsure: true, .. }, OpResult::Deleted(seen)) => {
            acting.row.observe(std::iter::once(key), |value| value(key).is_some() == *seen)
                != Fit::Contradicts
        }
        (ReadCall::DeleteMany { there, unsure, .. }, OpResult::DeletedCount(seen)) if !unsure.is_empty() => {
            let count =
                |value: &dyn Fn(&Key) -> Option<_>| unsure.iter().filter(|key| value(key).is_some()).count();
            let fits = |value: &dyn Fn(&Key) -> Option<_>| there + count(value) == *seen as usize;
            acting.row.observe(unsure.iter(), fits) != Fit::Contradicts
        }
        (ReadCall::Alarm(view), OpResult::Alarm(seen)) if view.is_unsure => {
            let shown = |slot: &Slot| slot.alarm.as_ref().map(|alarm| alarm.setting.scheduled_ms);
            let spared = |slot: &Slot| slot.spared.map(|spared| spared.setting.scheduled_ms);
            let hides =
                |slot: &Slot| seen.is_none() && delivery::hides_alarm(case, slot.alarm.as_ref(), shown(slot));
            let fits = |slot: &Slot| {
                shown(slot) == *seen || (seen.is_some() && spared(slot) == *seen) || hides(slot)
            };
            acting.row.observe_slot(fits) != Fit::Contradicts
        }
        _ => false,
    };
    case.reports.give_up(acting.row, acting.doubtful);
    is_judged
}

/// Whether the instance's own writes say what the read shows at a key.
fn is_decided(acting: &Acting<'_>, read: &Read, key: &Key) -> bool {
    match &read.frozen {
        // What is uncertain is not frozen.
        Some(Frozen::Value(..) | Frozen::Entries(_)) => true,
        None => acting.instance.overlay.decides(key),
    }
}

/// A run starts: its alarm is in the slot, with the failures that it is told of. Those were recorded durably (R4), so
/// that a retry in an instance which has not been lost says something of that instance's own turns.
pub(in crate::check) fn run_starts(case: &Case<'_>, row: &mut Row, instance: &mut Instance, told: &Told) {
    let retries_max = case.constants.retries_max;
    let Told { claim, retry_count, .. } = *told;
    let is_it = |slot: &Slot, counts: bool| match &slot.alarm {
        Some(alarm) => claim.names(&alarm.setting) && (!counts || alarm.failures == retry_count),
        None => {
            let is_it =
                |spared: &Spared| claim.names(&spared.setting) && spared.admits(retry_count, retries_max);
            slot.spared.as_ref().is_some_and(is_it)
        }
    };
    // What the profile alone has a run for comes after what the contract has one for.
    let is_due = |slot: &Slot| is_it(slot, true) || super::restarts(case, slot.alarm.as_ref(), told);
    let fits = |slot: &Slot| is_due(slot) || super::explains(case, slot, told);
    let observe = |row: &mut Row| match row.observe_run(case.mark, is_due) {
        Fit::Contradicts => row.observe_run(case.mark, fits),
        fit => fit,
    };
    if !case.omits_commits {
        if observe(row) == Fit::Contradicts {
            row.observe_run(case.mark, |slot| is_it(slot, false));
        }
        return;
    }
    // R7: an alarm that was deleted in the run that failed has left the slot, where its failures would be counted.
    let is_recorded = |ending: &Ending| {
        let is_its_own = ending.run.alarm.is_some_and(|alarm| claim.names(&alarm));
        is_its_own && ending.end == End::Fails && retry_count > ending.run.retry_count
    };
    if let Some(ending) = instance.ending.filter(is_recorded) {
        instance.make_durable(row, ending.turn, case.mark, retries_max);
    }
    let own = instance.own_setting().filter(|setting| claim.names(setting));
    // A10: without identities an alarm that was set for the time of the one before it is not to be told from that one, but for
    // its retries.
    let durable = row.slot.alarm.as_ref().map(|alarm| alarm.setting);
    let is_other = |own: &Setting| durable.is_some_and(|it| it.set != own.set && claim.names(&it));
    if let Some(own) = own.filter(|own| retry_count == 0 && is_other(own)) {
        instance.make_durable(row, own.turn, case.mark, retries_max);
    }
    let is_own = own.is_some();
    let fit = if is_own { Fit::Certain } else { observe(row) };
    if fit == Fit::Fits || fits(&row.slot) {
        return;
    }
    let has_failed = |slot: &Slot| slot.alarm.as_ref().is_some_and(|alarm| alarm.failures > 0);
    let durable_for = |is_it: &dyn Fn(&Slot) -> bool| instance.durable_for(&row.slot, is_it, retries_max);
    // The search takes a walk through all that is not acknowledged. A first run of the alarm that is known says nothing.
    let turn = match retry_count {
        0 if is_own || is_it(&row.slot, false) => None,
        _ => durable_for(&|slot| is_it(slot, true))
            .or_else(|| durable_for(&|slot| is_it(slot, false) && has_failed(slot))),
    };
    match turn {
        Some(turn) => instance.make_durable(row, turn, case.mark, retries_max),
        None if fit == Fit::Contradicts => _ = row.observe_run(case.mark, |slot| is_it(slot, false)),
        None => {}
    }
}

/// S3: rules out the states of an object in which the datastore could not hold this.
pub(in crate::check) fn at_rest(reports: &mut Reports, object: &mut Object, held: &Held<'_>) {
    let Held { keys, alarm } = *held;
    let Object { row, doubtful, .. } = object;
    let is_held = |slot: &Slot, counts: bool| match (&slot.alarm, alarm) {
        (None, None) => true,
        (Some(known), Some(row)) => {
            let is_counted = row.retry_count.is_none_or(|count| count == known.failures);
            Claim::from(row).names(&known.setting) && (!counts || is_counted)
        }
        (None, Some(row)) => slot.spared.is_some_and(|spared| Claim::from(row).names(&spared.setting)),
        (Some(_), None) => false,
    };
    if row.observe_slot(|slot| is_held(slot, true)) == Fit::Contradicts {
        row.observe_slot(|slot| is_held(slot, false));
    }
    for key in row.unsure_keys(keys.keys()) {
        row.observe_key(&key, keys.get(&key));
    }
    reports.give_up(row, doubtful);
}
