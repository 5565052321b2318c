//! The wing of leniency: what the profile `workerd` lets pass, and histories that do not tell of commits, where what is seen
//! rules out states that the object might have been in. The other wings ask it in few places and know nothing of how it decides.

pub(in crate::check) mod delivery;
pub(in crate::check) mod handlers;
pub(in crate::check) mod timers;
pub(in crate::check) mod unsure;

use super::alarm::start::Info;
use super::case::Case;

use super::report::Reports;
use crate::history::Constants;
use crate::profile::Relaxation;
use crate::reference::Row;
use crate::reference::instance::{Instance, Retry};
use crate::reference::loss::Unsure;
use crate::reference::losses::Split;
use crate::reference::slot::{Alarm, Claim, Failure, Gone, Setting, Slot, Why};
use crate::rules::{Id, RULES};

/// How what is not acknowledged may have become durable, where a history does not tell of commits.
pub(in crate::check) fn unsure(constants: &Constants, reports: &Reports) -> Unsure {
    let is_lenient = reports.is_lenient();
    Unsure { retries_max: constants.retries_max, splits_clear: is_lenient, splits_end: is_lenient }
}

/// What the profile calls it when it lets the breach of a rule pass wherever that happens, if it does.
pub(in crate::check) fn relaxation(rule: Id) -> Option<Relaxation> {
    match rule {
        Id::A10 => Some(Relaxation::SetNowLost),
        Id::L1 | Id::L2 | Id::L3 | Id::L4 => Some(Relaxation::Late),
        // Only in a later epoch: see [`reruns`] and [`count`].
        Id::F4 | Id::R4 => None,
        _ => RULES[rule as usize].is_ours.then_some(Relaxation::Ours),
    }
}

/// What the profile calls it that a turn is taken apart.
pub(in crate::check) fn of_split(split: Split) -> Relaxation {
    match split {
        Split::End => Relaxation::SplitCompletion,
        Split::Clear => Relaxation::ClearApart,
    }
}

/// What a run says of itself as it starts.
#[derive(Clone, Copy, Debug)]
pub(in crate::check) struct Told {
    pub(in crate::check) run: u64,
    pub(in crate::check) claim: Claim,
    pub(in crate::check) retry_count: u32,
    pub(in crate::check) is_retry: bool,
}

impl Told {
    fn info(&self) -> Info {
        let Claim { id, scheduled_ms } = self.claim;
        Info { id, scheduled_ms, retry_count: self.retry_count }
    }
}

/// A run for another alarm than it was told of, or of one that has left its slot.
#[derive(Clone, Copy, Debug)]
pub(in crate::check) struct Other {
    /// The alarm that it is for.
    pub(in crate::check) setting: Setting,
    /// What the calls made since the run began, as the real runtime sees it, mean for that alarm.
    pub(in crate::check) replaced: bool,
    pub(in crate::check) retry: Retry,
    /// What `get_alarm` may show in the run.
    pub(in crate::check) tolerated_ms: Option<i64>,
}

/// Whether in this state of the slot the profile has a run for which the contract has none.
fn explains(case: &Case<'_>, slot: &Slot, told: &Told) -> bool {
    case.reports.is_lenient()
        && (timers::behind(case, slot, told.claim).is_some()
            || delivery::under_way(case, slot, told).is_some())
}

/// R4: whether a run is told zero because its process is a new one.
fn restarts(case: &Case<'_>, alarm: Option<&Alarm>, told: &Told) -> bool {
    let is_it = |alarm: &&Alarm| told.claim.names(&alarm.setting) && told.retry_count == 0;
    let last = alarm.filter(is_it).and_then(|alarm| alarm.last);
    case.reports.is_lenient() && last.is_some_and(|last| last.epoch < case.by.epoch)
}

/// R4: whether the profile lets pass what a run of this alarm is told: zero in a new epoch, or the count as it is in memory.
pub(in crate::check) fn counts(case: &mut Case<'_>, alarm: &Alarm, retry_count: u32) -> bool {
    let is_new = retry_count == 0 && alarm.last.is_some_and(|last| last.epoch < case.by.epoch);
    let is_in_memory = retry_count == alarm.failed && alarm.failed > alarm.failures;
    let passes = case.reports.is_lenient() && (is_new || is_in_memory);
    if passes {
        case.reports.relax(Relaxation::CountRestarted);
    }
    passes
}

/// F4: whether the profile lets pass that the writes of a run and the removal of its alarm are two commits.
pub(in crate::check) fn splits_completion(case: &mut Case<'_>) -> bool {
    let passes = case.reports.is_lenient();
    if passes {
        case.reports.relax(Relaxation::SplitCompletion);
    }
    passes
}

/// F4: whether the profile lets pass that an alarm runs again which has left: in a later epoch than its run ended in.
pub(in crate::check) fn reruns(case: &mut Case<'_>, gone: &Gone) -> bool {
    let is_later = matches!(gone.why, Why::Completed { epoch } if epoch < case.by.epoch);
    let passes = case.reports.is_lenient() && is_later;
    if passes {
        case.reports.relax(Relaxation::SplitCompletion);
    }
    passes
}

/// A run starts that the contract has no alarm for, and the profile has. In each state of the slot it is for the alarm of that.
pub(in crate::check) fn other_run(
    case: &mut Case<'_>,
    row: &mut Row,
    instance: &mut Instance,
    told: &Told,
) -> Option<Other> {
    if !case.reports.is_lenient() {
        return None;
    }
    let is_own_open = replaces_unheard(case, row, instance, told);
    let behind = timers::behind(case, &row.slot, told.claim);
    let names = |alarm: &Alarm| told.claim.names(&alarm.setting);
    let is_unsure = row.is_unsure_of_slot();
    row.each_slot(|slot| {
        if timers::behind(case, slot, told.claim).is_some() {
            slot.run_behind(told.run);
        } else if let Some(alarm) = slot.alarm.as_mut().filter(|alarm| is_unsure && names(alarm)) {
            alarm.run = Some(told.run);
        }
    });
    let setting = row.slot.alarm.as_ref().map(|alarm| alarm.setting);
    let next_ms = setting.map(|setting| setting.scheduled_ms);
    if let Some((pending, setting)) = behind.zip(setting) {
        timers::starts(case, &pending, setting, told);
        let mut setting = setting;
        if is_own_open {
            setting = pending.setting;
            fork(row, told.run);
        }
        let (replaced, retry, tolerated_ms) = (false, Retry::Due, next_ms);
        return Some(Other { setting, replaced, retry, tolerated_ms });
    }
    let is_ordinary = setting.is_some_and(|setting| told.claim.names(&setting))
        || row.slot.spared.is_some_and(|spared| told.claim.names(&spared.setting))
        || instance.own_setting().is_some_and(|own| told.claim.names(&own));
    let delivered = delivery::under_way(case, &row.slot, told).filter(|_| !is_ordinary)?;
    case.reports.relax(Relaxation::InDelivery);
    row.each_slot(|slot| {
        if delivery::under_way(case, slot, told).is_some_and(|it| it.may_consume) {
            slot.run_behind(told.run);
        }
        slot.deliver_gone(told.claim);
    });
    match setting.filter(|_| delivered.may_consume) {
        Some(setting) => {
            let mut setting = setting;
            if delivered.may_spare {
                setting = delivered.gone.setting;
                fork(row, told.run);
            }
            Some(Other { setting, replaced: false, retry: Retry::Due, tolerated_ms: next_ms })
        }
        None => {
            let (replaced, retry) = (next_ms.is_some(), delivered.retry());
            Some(Other { setting: delivered.gone.setting, replaced, retry, tolerated_ms: next_ms })
        }
    }
}

/// Whether the alarm in the slot is the run's is left open from now on: the slots say which run is for their alarm.
fn fork(row: &mut Row, run: u64) {
    row.fork_slot(&|slot| {
        let mut spared = slot.clone();
        if let Some(alarm) = spared.alarm.as_mut().filter(|alarm| alarm.run == Some(run)) {
            (alarm.run, alarm.behind_run) = (None, None);
        }
        vec![spared, slot.clone()]
    });
}

/// An alarm that the instance has set and that nobody has acknowledged may be what the run at the end of a timer is for: then it
/// is durable. Returns whether it is.
fn replaces_unheard(case: &Case<'_>, row: &mut Row, instance: &mut Instance, told: &Told) -> bool {
    if !case.omits_commits || instance.own_setting().is_none_or(|own| told.claim.names(&own)) {
        return false;
    }
    let retries_max = case.constants.retries_max;
    let is_behind = |slot: &Slot| timers::behind(case, slot, told.claim).is_some();
    let turn = instance.durable_for(&row.slot, is_behind, retries_max);
    if let Some(turn) = turn {
        instance.make_durable(row, turn, case.mark, retries_max);
    }
    turn.is_some()
}

/// R3: whether the profile lets pass that a run starts before the end of its backoff: the real runtime counts that from the begin of
/// the turn in which the run before it failed.
pub(in crate::check) fn shortens(case: &mut Case<'_>, failure: &Failure, not_before_ns: u64) -> bool {
    let passes =
        case.reports.is_lenient() && case.mark.at_ns >= not_before_ns.saturating_sub(failure.computed_ns);
    if passes {
        case.reports.relax(Relaxation::BackoffFromTurn);
    }
    passes
}
