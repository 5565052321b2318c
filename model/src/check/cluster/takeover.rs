//! What a machine held or led moves to a healthy one when it is struck, within the bounds of L: its slices (D3 within a
//! datacenter, D5 when the datacenter itself is struck) and the lead of its datacenter (D6). And in calm a datacenter's
//! slices lie on all its machines (D3).
//!
//! ```text
//! claimed ──── struck ──── a machine is well that could take over ──┬── bound of L ──┐
//!                                                                   ▲ since          ▲ by then somebody has claimed it
//! ```
//!
//! Judged whenever that somebody does, before anything is struck and before machines and datacenters are back, and at the end of
//! the run: in between it is the same machines that could take over. Only while nothing else than machines and datacenters fails: who
//! could take over across broken links is not to be seen.

use std::collections::BTreeMap;

use super::changes::Wait;
use super::faults::Faults;
use super::lateness::Pace;
use crate::check::coverage::Kinds;
use crate::check::ns;
use crate::check::report::{Reports, Seconds};
use crate::history::Constants;
use crate::reference::Mark;
use crate::rules::Id;

/// Everything that judging takes.
pub(in crate::check) struct Scene<'a> {
    pub(in crate::check) constants: &'a Constants,
    pub(in crate::check) faults: &'a Faults,
    pub(in crate::check) pace: &'a Pace,
    pub(in crate::check) reports: &'a mut Reports,
    pub(in crate::check) now: Mark,
}

/// Something that a machine has claimed.
#[derive(Clone, Copy, Debug)]
pub(in crate::check) enum Duty {
    Slice(u16),
    Lead(u16),
}

impl Scene<'_> {
    /// Judges a duty that `machine` claimed at `claimed`. Returns whether it should have moved by now and had not.
    pub(in crate::check) fn judge(&mut self, duty: Duty, machine: u16, claimed: Mark) -> bool {
        let Some(out) = self.faults.out(machine, self.pace.datacenter(machine)) else { return false };
        // D2: where there is one datacenter a group may have one voter, and who is cut off may be all of its quorum: it serves on
        // then, and nobody else can. A history tells whether there is a majority, and not who is of it.
        if out.is_cut_off && self.pace.datacenters() == 1 {
            return false;
        }
        let Some(heir_since_ns) = self.heir_since_ns(duty) else { return false };
        let since_ns = out.since_ns.max(claimed.at_ns).max(heir_since_ns);
        let slice = match duty {
            Duty::Slice(slice) => Some(slice),
            Duty::Lead(_) => None,
        };
        // No wall clock is concerned: who is gone is told by monotonic ones.
        let wait = Wait::from_ns(since_ns, slice);
        let Some(bound) = self.faults.bound(self.constants, &wait) else { return false };
        // Without majorities in the history only a single failure surely leaves the datastore at work.
        if bound.rule != Id::L1 && !self.reports.tally.has(Kinds::MAJORITY) {
            return false;
        }
        let latest_ns = bound.not_after_ns;
        let (rule, what) = match duty {
            Duty::Slice(slice) if out.is_datacenter => (Id::D5, format!("slice {slice}")),
            Duty::Slice(slice) => (Id::D3, format!("slice {slice}")),
            Duty::Lead(datacenter) => (Id::D6, format!("the lead of datacenter {datacenter}")),
        };
        self.reports.saw(rule);
        if self.now.at_ns <= latest_ns {
            return false;
        }
        let sentences = format!(
            "Machine {machine} had {what} since {} and was struck at {}. A healthy machine had to have it by {}; at {} none \
             had claimed it.",
            Seconds(claimed.at_ns),
            Seconds(out.since_ns),
            Seconds(latest_ns),
            Seconds(self.now.at_ns),
        );
        self.reports.add(rule, None, self.now.at_ns, &[claimed, self.now], sentences);
        true
    }

    /// Since when there is a healthy machine that could take over. None if there is none: a datacenter that is cut off or down as
    /// a whole has nobody who could be elected.
    fn heir_since_ns(&self, duty: Duty) -> Option<u64> {
        let machines = (0..=u16::MAX).zip(&self.pace.datacenter_of);
        let near = machines.filter(|(_, datacenter)| match duty {
            Duty::Slice(_) => true,
            Duty::Lead(led) => led == **datacenter,
        });
        near.filter_map(|(machine, of)| self.faults.well_since_ns(machine, Some(*of))).min()
    }

    /// D3: long after the last fault no machine is idle while another of its datacenter holds several slices. `holders`
    /// gives the last holder of each slice.
    pub(in crate::check) fn spread(&mut self, holders: impl Iterator<Item = (u16, Mark)>) {
        let Some(calm_since_ns) = self.faults.calm_since_ns() else { return };
        let settled_ns = calm_since_ns.saturating_add(ns(self.constants.lateness_failures_ms));
        self.reports.saw(Id::D3);
        if settled_ns >= self.now.at_ns {
            return;
        }
        let mut held: BTreeMap<u16, (u32, Mark)> = BTreeMap::new();
        for (machine, mark) in holders {
            let (count, last) = held.entry(machine).or_insert((0, mark));
            *count += 1;
            *last = (*last).max(mark);
        }
        for (busy, (count, mark)) in held.iter().filter(|(_, (count, _))| *count > 1) {
            let datacenter = self.pace.datacenter(*busy);
            let is_idle = |machine: &u16| {
                self.pace.datacenter(*machine) == datacenter
                    && !held.contains_key(machine)
                    && !self.faults.stays_down(*machine, self.constants)
            };
            let mut machines = (0..=u16::MAX).take(self.pace.datacenter_of.len());
            let Some(idle) = machines.find(is_idle) else { continue };
            let sentences = format!(
                "No fault was at work after {}. Yet at the end of the run, at {}, machine {busy} holds {count} slices and \
                 machine {idle} of the same datacenter holds none.",
                Seconds(calm_since_ns),
                Seconds(self.now.at_ns),
            );
            self.reports.add(Id::D3, None, self.now.at_ns, &[*mark, self.now], sentences);
            return;
        }
    }
}
