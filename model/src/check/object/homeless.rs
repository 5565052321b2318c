//! O6: an object whose machine or datacenter is unhealthy is started on another.
//!
//! What is refused: a request waits for the object and its last instance was lost, or its machine is struck by a fault
//! to the end of the run; or its alarm is due and its machine is struck to the end; and although another machine is
//! healthy and its group has a quorum, no instance of it has started by the bound of L2, counted from the request
//! or the last change. That the instance which does start has all acknowledged state is S3.

use crate::check::alarm::overdue;
use crate::check::case::Scene;
use crate::check::cluster::changes::Wait;
use crate::check::cluster::faults::Faults;
use crate::check::cluster::lateness::Pace;
use crate::check::report::Seconds;
use crate::reference::Mark;
use crate::reference::instance::Ended;
use crate::reference::object::Object;
use crate::rules::Id;

/// Judges one object at the end of the run. `call` is the first request to it that is not answered.
pub(in crate::check) fn check(
    scene: &mut Scene<'_>,
    faults: &Faults,
    pace: &Pace,
    object: &mut Object,
    call: Option<Mark>,
) {
    let Some(last) = &object.current else { return };
    let is_struck = |machine: u16| faults.is_struck(machine, pace.datacenter(machine));
    let is_down = last.machine.is_some_and(is_struck);
    let is_lost = last.ended == Some(Ended::Lost);
    let mut machines = 0..u16::try_from(pace.datacenter_of.len()).unwrap_or(u16::MAX);
    if !(is_down || is_lost) || machines.all(is_struck) {
        return;
    }
    // A request that came before the instance started was not waiting for a new one.
    let asked = call.filter(|call| *call > last.started).map(|call| Wait::from_ns(call.at_ns, last.slice));
    // Where the machine is back, an alarm that does not run is F1 or F6.
    let due = if is_down { overdue::wait(scene, pace, object) } else { None };
    if asked.is_some() || due.is_some() {
        scene.reports.saw(Id::O6);
    }
    let bounds = asked.into_iter().chain(due).filter_map(|wait| {
        let latest_ns = faults.among_failures_ns(scene.constants, &wait)?;
        Some((latest_ns, wait.from.latest_ns))
    });
    let Some((latest_ns, wanted_ns)) = bounds.min() else { return };
    if latest_ns >= scene.mark.at_ns {
        return;
    }
    let sentences = format!(
        "The last instance of {}, {}, started at {}; its machine failed. The object was wanted from {} on, and a healthy \
         machine could have started it by {}; at the end of the run, at {}, none had.",
        scene.name,
        last.instance,
        Seconds(last.started.at_ns),
        Seconds(wanted_ns),
        Seconds(latest_ns),
        Seconds(scene.mark.at_ns),
    );
    let mut evidence = vec![last.started, scene.mark];
    evidence.extend(call);
    scene.report(Id::O6, &evidence, sentences);
    object.is_homeless = true;
}
