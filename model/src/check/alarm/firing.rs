//! Starts and ends of `alarm()`: the right alarm (A1, A2, A5, F4, R2), not early (F2), told the truth (F7).
//!
//! F2 in true time needs no check of its own: a run whose machine's clock is at or past T starts no earlier than T - E
//! as long as that clock is within E, which is what E means.

use super::resets;
use super::retries;
use crate::check::Case;
use crate::check::NS_PER_MS;
use crate::check::cluster::lateness;
use crate::check::is_overtime;
use crate::check::leniency::timers;
use crate::check::leniency::unsure;
use crate::check::object::life;
use crate::check::report::{OnMachine, Reports, Seconds};
use crate::history::{AlarmId, Constants, RunOutcome};
use crate::reference::Row;
use crate::reference::commit::{Irregular, Torn};
use crate::reference::instance::{Ended, Instance, Retry, Run};
use crate::reference::object::{Acting, Object};
use crate::reference::slot::{Claim, End, Failure, FailureKind, Gone, Pending, Setting, Why};
use crate::rules::Id;

/// What `alarm(info)` was given (F7).
#[derive(Clone, Copy, Debug)]
pub(in crate::check) struct Info {
    pub(in crate::check) id: Option<AlarmId>,
    pub(in crate::check) scheduled_ms: i64,
    pub(in crate::check) retry_count: u32,
}

/// `alarm()` starts.
pub(in crate::check) fn run_start(
    case: &mut Case<'_>,
    object: &mut Object,
    run: u64,
    info: Info,
    is_retry: bool,
) {
    let Some(Acting { row, instance, .. }) = object.acting(case.by) else { return };
    if instance.superseded {
        instance.start_run(run, None, info.retry_count, case.mark, case.by.turn);
        return;
    }
    if let Some(open) = instance.run {
        second_run(case, open);
    }
    [Id::A1, Id::F3, Id::F7].into_iter().for_each(|rule| case.saw(rule));
    if info.retry_count >= case.constants.retries_max {
        case.saw(Id::R2);
    }
    let claim = Claim { id: info.id, scheduled_ms: info.scheduled_ms };
    if case.omits_commits {
        unsure::run_starts(case, row, instance, claim, info.retry_count);
    }
    row.each_slot(|slot| slot.pending = None);
    if life::may_construct(instance) {
        // The end of its constructor is not told.
        instance.closed.add(instance.started.at_ns, case.mark.at_ns);
    }
    if let Some(setting) = timers::run_behind(case, row, claim, (run, info, is_retry)) {
        lateness::see(case, row.slot.alarm_set_at(setting.set));
        instance.start_run(run, Some(setting), 0, case.mark, case.by.turn);
        return object.overlap_runs(case.mark);
    }
    let alarm = identify(case, row, instance.scheduled(&row.slot), claim, info.retry_count);
    if let Some(setting) = alarm {
        not_early(case, setting);
        told_the_truth(case, setting, info, is_retry);
        let is_uncounted = retries::uncounted(case, instance, setting);
        match row.slot.alarm_set_at(setting.set) {
            Some(alarm) => {
                lateness::measure(case, alarm, instance);
                if !is_uncounted {
                    retries::count(case, alarm, info.retry_count);
                }
                retries::spacing(case, alarm, instance);
            }
            None => retries::first_count(case, setting, info.retry_count),
        }
        row.each_slot(|slot| slot.told(setting.set, info.retry_count));
    }
    instance.start_run(run, alarm, info.retry_count, case.mark, case.by.turn);
    object.overlap_runs(case.mark);
}

/// F3: a run starts in an instance that is in one.
fn second_run(case: &mut Case<'_>, open: Run) {
    let sentences = format!(
        "alarm() started at {}{} while run {} of the same instance, which started at {}, had not ended.",
        Seconds(case.mark.at_ns),
        OnMachine(case.place),
        open.run,
        Seconds(open.started.at_ns),
    );
    case.report(Id::F3, &[open.started], sentences);
}

/// Which alarm a run is for. What is durable counts; an alarm that its own instance has set and not committed is let
/// pass, as is one whose deletion R7 leaves open.
fn identify(
    case: &mut Case<'_>,
    row: &mut Row,
    seen: Option<Setting>,
    claim: Claim,
    retry_count: u32,
) -> Option<Setting> {
    let durable = row.slot.alarm.as_ref().map(|alarm| alarm.setting);
    if let Some(setting) = durable.into_iter().chain(seen).find(|setting| claim.names(setting)) {
        return Some(setting);
    }
    if let Some(spared) = row.slot.spared.filter(|spared| claim.names(&spared.setting)) {
        let is_due = retries::spared(case, &spared, retry_count);
        let last = is_due.then_some(spared.failure);
        row.each_slot(|slot| slot.readmit(spared, case.mark, retry_count, last));
        return Some(spared.setting);
    }
    let gone = row.slot.find_gone(claim).copied();
    // Without identities a time that was never set is the wrong time of the alarm that is there (F7).
    let is_anonymous = |setting: &Setting| claim.id.is_none() || setting.id.is_none();
    if gone.is_none() && durable.as_ref().is_some_and(is_anonymous) {
        return durable;
    }
    if row.slot.doubtful {
        return None;
    }
    let rule = match &gone {
        Some(gone) => run_of_gone(case, gone),
        None => run_of_none(case, claim, durable),
    };
    // What the profile lets run again is a run of that alarm, and the slot is as it was.
    let passes = case.reports.lets_pass(rule);
    row.slot.doubtful = !passes;
    gone.filter(|_| passes).map(|gone| gone.setting)
}

/// A1: a run that no `set_alarm` accounts for. Returns the rule.
fn run_of_none(case: &mut Case<'_>, claim: Claim, durable: Option<Setting>) -> Id {
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
    Id::A1
}

/// A run for an alarm that has left the slot: the rule, which is returned, depends on how it left.
fn run_of_gone(case: &mut Case<'_>, gone: &Gone) -> Id {
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
    rule
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
        (Why::Completed, _) => {
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

/// F2: the machine's wall clock is at or past T.
pub(in crate::check) fn not_early(case: &mut Case<'_>, setting: Setting) {
    let Some(place) = case.place else { return };
    case.saw(Id::F2);
    let early_ns = i128::from(setting.scheduled_ms) * i128::from(NS_PER_MS) - i128::from(place.wall_ns);
    if early_ns <= 0 {
        return;
    }
    let sentences = format!(
        "alarm() started at {} on machine {} for {}, which by the wall clock of that machine was {} ms ahead.",
        Seconds(case.mark.at_ns),
        place.machine,
        case.reports.wall(setting.scheduled_ms),
        early_ns.div_euclid(i128::from(NS_PER_MS)) + 1,
    );
    case.report(Id::F2, &[setting.set], sentences);
}

/// F7: `scheduled_time` is the alarm's, `is_retry` says whether `retry_count` is above zero.
pub(in crate::check) fn told_the_truth(case: &mut Case<'_>, setting: Setting, info: Info, is_retry: bool) {
    let is_right_time = info.scheduled_ms == setting.scheduled_ms;
    if is_right_time && is_retry == (info.retry_count > 0) {
        return;
    }
    let wrong = if is_right_time {
        format!("is_retry {is_retry} and retry_count {}", info.retry_count)
    } else {
        format!("scheduled_time {}", case.reports.wall(info.scheduled_ms))
    };
    let sentences = format!(
        "alarm() started at {} and was told {wrong}. The alarm was set at {} for {}.",
        Seconds(case.mark.at_ns),
        Seconds(setting.set.at_ns),
        case.reports.wall(setting.scheduled_ms),
    );
    case.report(Id::F7, &[setting.set], sentences);
}

/// `alarm()` has ended.
pub(in crate::check) fn run_end(case: &mut Case<'_>, object: &mut Object, run: u64, outcome: &RunOutcome) {
    let Some(Acting { row, instance, .. }) = object.acting(case.by) else { return };
    if instance.overlapped.is_none() {
        instance.left_open.take_if(|open| open.run == run);
    }
    let Some(ended) = instance.run.filter(|current| current.run == run) else { return };
    let alarm = ended.alarm.filter(|_| !instance.superseded);
    if instance.ended == Some(Ended::OverLimit) && !matches!(outcome, RunOutcome::Failed { .. }) {
        outlived(case, ended);
    }
    case.saw(Id::R1);
    overtime(case, instance, ended, outcome);
    match outcome {
        RunOutcome::Ok => [Id::F1, Id::F4].into_iter().for_each(|rule| case.saw(rule)),
        RunOutcome::Failed { how, .. } => {
            case.saw(Id::R8);
            resets::run_failed(case, instance, run, *how);
        }
        RunOutcome::Platform { .. } => {}
    }
    if *outcome != RunOutcome::Ok && ended.retry == Retry::LeftOpen {
        case.saw(Id::R7);
    }
    let durable = alarm.and_then(|alarm| row.slot.alarm_set_at(alarm.set));
    let is_behind = durable.as_ref().is_some_and(|alarm| alarm.behind_run == Some(run));
    let kind = match (outcome, durable) {
        // It starts again at once.
        (RunOutcome::Failed { .. }, Some(_)) if is_behind => FailureKind::Cut,
        (RunOutcome::Failed { .. }, _) => {
            FailureKind::Counted { exponent: ended.retry_count, recorded: case.mark }
        }
        (RunOutcome::Platform { .. }, Some(alarm)) => {
            let (sure, possible) = { alarm.platform }.count(case.by.epoch, true);
            FailureKind::Platform { sure, possible }
        }
        // R7: its alarm was deleted; how often the platform has failed it is not remembered.
        (RunOutcome::Platform { .. }, None) => {
            FailureKind::Platform { sure: 0, possible: case.constants.retry_exponent_max }
        }
        // Only if its completion is lost is a good end the platform's failure.
        _ => FailureKind::Unclear { possible: 0 },
    };
    let (epoch, turn) = (case.by.epoch, case.by.turn);
    let failure = Failure { ended: case.mark, place: case.place, epoch, turn, kind };
    if let (RunOutcome::Platform { .. }, Some(setting)) = (outcome, alarm) {
        row.each_slot(|slot| {
            let Some(alarm) = slot.alarm_set_at(setting.set) else { return };
            let (sure, possible) = alarm.platform.count(epoch, true);
            alarm.last = Some(Failure { kind: FailureKind::Platform { sure, possible }, ..failure });
        });
    }
    if let Some(setting) = alarm.filter(|_| *outcome != RunOutcome::Ok && !is_behind) {
        let scheduled = instance.scheduled(&row.slot);
        timers::retry_later(
            case,
            row,
            outcome,
            Pending { setting, failure, retry_count: ended.retry_count },
            scheduled,
        );
    }
    let is_exhausted = ended.retry_count >= case.constants.retries_max;
    instance.end_run(row, ended, End::of(outcome), failure, is_exhausted);
    if *outcome == RunOutcome::Ok {
        after_its_commit(case, instance, ended);
    }
}

/// F4: a run ends well in a turn that is durable already, without the removal of its alarm.
fn after_its_commit(case: &mut Case<'_>, instance: &Instance, run: Run) {
    let Some(durable) = instance.goes_on(case.by.turn).filter(|_| !instance.superseded) else { return };
    let sentences = format!(
        "Run {} started at {} and ended well at {} in turn {}, which had become durable at {}. What the handler wrote in that \
         turn and the removal of its alarm have to be one commit.",
        run.run,
        Seconds(run.started.at_ns),
        Seconds(case.mark.at_ns),
        case.by.turn,
        Seconds(durable.at_ns),
    );
    case.report(Id::F4, &[run.started, durable], sentences);
}

/// R1: a run that exceeds its time limit has failed, and that counts. Where its machine was struck meanwhile it may have
/// lost its epoch before it could say so: then its failure is the platform's.
fn overtime(case: &mut Case<'_>, instance: &Instance, run: Run, outcome: &RunOutcome) {
    let limit_ms = case.constants.run_limit_ms;
    let is_struck = || {
        let machine = instance.machine;
        machine.is_none_or(|machine| {
            case.faults.was_struck_since(machine, case.pace.datacenter(machine), run.started.at_ns)
        })
    };
    let how = match outcome {
        RunOutcome::Ok => "ended well",
        RunOutcome::Platform { .. } if !is_struck() => "was failed by the platform",
        RunOutcome::Platform { .. } | RunOutcome::Failed { .. } => return,
    };
    if instance.superseded || !is_overtime(case.constants, run.started, case.mark, limit_ms) {
        return;
    }
    let sentences = format!(
        "Run {} started at {} and {how} at {}. After {limit_ms} ms it has failed, and that counts.",
        run.run,
        Seconds(run.started.at_ns),
        Seconds(case.mark.at_ns),
    );
    case.report(Id::R1, &[run.started], sentences);
}

/// O7: a run that was in progress when its object was over a limit did not fail.
fn outlived(case: &mut Case<'_>, run: Run) {
    let sentences = format!(
        "Run {} was in progress when its object was reset for exceeding a limit; yet at {} it ended otherwise than by a \
         failure that counts.",
        run.run,
        Seconds(case.mark.at_ns),
    );
    case.report(Id::O7, &[run.started], sentences);
}

/// F4: what the handler left uncommitted and the removal of its alarm are one commit.
pub(in crate::check) fn completion(case: &mut Case<'_>, irregular: &Irregular) {
    let Some(Torn { run, ended, removes }) = irregular.torn else { return };
    let (commit, turn) = (Seconds(case.mark.at_ns), case.by.turn);
    let mut evidence = vec![run.started];
    let what = match (ended, removes) {
        (None, _) => format!("is in progress; yet the commit of turn {turn} at {commit} removes its alarm"),
        (Some((end, last)), true) => {
            evidence.push(end);
            format!(
                "ended well at {} in turn {last}; yet its alarm was removed at {commit} by the commit of turn {turn}",
                Seconds(end.at_ns)
            )
        }
        (Some((end, last)), false) => {
            evidence.push(end);
            format!(
                "ended well at {} in turn {last}; yet the commit of that turn at {commit} does not remove its alarm",
                Seconds(end.at_ns)
            )
        }
    };
    let started = Seconds(run.started.at_ns);
    let sentences = format!(
        "Run {} started at {started} and {what}. What the handler left uncommitted and the removal of its alarm have \
         to be one commit.",
        run.run,
    );
    case.report(Id::F4, &evidence, sentences);
}
