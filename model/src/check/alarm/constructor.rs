//! A9: an alarm that the constructor of its own wake has replaced is dropped.

use crate::check::case::Case;
use crate::check::report::Seconds;
use crate::history::Cause;
use crate::reference::conduct::Constructor;
use crate::reference::object::Acting;
use crate::reference::slot::Claim;
use crate::rules::Id;

/// A9: the constructor of an instance that an alarm woke sets an alarm.
pub(in crate::check) fn sets_in_constructor(case: &mut Case<'_>, acting: &mut Acting<'_>, op: u64) {
    let instance = &mut *acting.instance;
    if instance.conduct.constructor != Constructor::Running || instance.cause != Some(Cause::Alarm) {
        return;
    }
    case.saw(Id::A9);
    if instance.conduct.dropped.is_none() {
        let replaced = instance.scheduled(&acting.row.slot);
        instance.conduct.dropped = replaced.map(|setting| (setting, op));
    }
}

/// A9: an alarm that the constructor has replaced is dropped, even if it is the one that woke the object.
pub(in crate::check) fn dropped(case: &mut Case<'_>, acting: &mut Acting<'_>, claim: Claim) {
    let Some((setting, _)) = acting.instance.conduct.dropped else { return };
    let is_back = acting.instance.scheduled(&acting.row.slot).is_some_and(|now| claim.names(&now));
    if is_back || !claim.names(&setting) || acting.row.slot.doubtful || acting.instance.superseded {
        return;
    }
    acting.row.slot.doubtful = true;
    let sentences = format!(
        "The alarm that was set for {} at {} woke instance {}, whose constructor replaced it; yet alarm() started for it \
         at {}. The delivery for a replaced time is dropped.",
        case.reports.wall(setting.scheduled_ms),
        Seconds(setting.set.at_ns),
        case.by.instance,
        Seconds(case.mark.at_ns),
    );
    case.report(Id::A9, &[setting.set, acting.instance.started], sentences);
}
