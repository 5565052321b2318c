//! Which machines run, as the world tells (W1): one that is down, or stands still, does nothing meanwhile.

use std::collections::BTreeMap;

use super::super::report::Seconds;
use super::Scene;
use crate::history::{EndReason, Event, Process, What};
use crate::reference::Mark;
use crate::rules::Id;

/// What is known of the processes of all machines.
#[derive(Debug, Default)]
pub(super) struct Processes(BTreeMap<u16, State>);

#[derive(Debug)]
struct State {
    process: Process,
    since: Mark,
    /// How long it did not run, all in all and up to `since`.
    out_ns: u64,
    died_ns: Option<u64>,
    /// Whether it was reported that something was done there nevertheless.
    is_told: bool,
}

impl Processes {
    /// Any event. `machine` is where it happened.
    pub(super) fn observe(&mut self, scene: &mut Scene<'_>, machine: Option<u16>, event: &Event) {
        let Some(machine) = machine else { return };
        let mark = scene.mark;
        if let What::Process { state } = event.what {
            scene.reports.saw(Id::W1);
            return self.changes(machine, state, mark);
        }
        let known = self.0.get_mut(&machine).filter(|known| known.process != Process::Up && !known.is_told);
        let Some(known) = known.filter(|_| is_done_by_machine(&event.what)) else { return };
        known.is_told = true;
        let what = match known.process {
            Process::Paused => "stood still",
            Process::Up | Process::Down => "was down",
        };
        let sentences = format!(
            "Machine {machine} {what} from {} on, and yet something was done there at {}.",
            Seconds(known.since.at_ns),
            Seconds(mark.at_ns),
        );
        let object = event.by.as_ref().map(|by| &by.object);
        scene.report(Id::W1, object, &[known.since, mark], sentences);
    }

    fn changes(&mut self, machine: u16, process: Process, now: Mark) {
        let known = self.0.entry(machine).or_insert(State {
            process,
            since: now,
            out_ns: 0,
            died_ns: None,
            is_told: false,
        });
        if known.process != Process::Up {
            known.out_ns = known.out_ns.saturating_add(now.at_ns.saturating_sub(known.since.at_ns));
        }
        (known.process, known.since, known.is_told) = (process, now, false);
        if process == Process::Down {
            known.died_ns = Some(now.at_ns);
        }
    }

    /// Whether the process of a machine has died since then.
    pub(super) fn died_since(&self, machine: u16, since_ns: u64) -> bool {
        self.0.get(&machine).and_then(|known| known.died_ns).is_some_and(|died_ns| died_ns >= since_ns)
    }

    /// How long a machine has not run from some time on until now, at most.
    pub(super) fn out_ns_since(&self, machine: u16, since_ns: u64, now_ns: u64) -> u64 {
        let Some(known) = self.0.get(&machine) else { return 0 };
        let is_out = known.process != Process::Up;
        let going_on_ns = if is_out { now_ns.saturating_sub(known.since.at_ns) } else { 0 };
        let all_ns = known.out_ns.saturating_add(going_on_ns);
        all_ns.min(now_ns.saturating_sub(since_ns))
    }
}

/// Whether the machine itself has to run for that. That what it had in memory is lost, and what its disk and its replicas hold, is told
/// of one that does not run, too.
fn is_done_by_machine(what: &What) -> bool {
    !matches!(
        what,
        What::InstanceEnd { reason: EndReason::Lost }
            | What::DiskDamaged
            | What::Replica { .. }
            | What::OnDisk { .. }
    )
}
