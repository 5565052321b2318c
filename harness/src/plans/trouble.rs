//! What a pattern draws: faults and outages that belong together, and what it draws them from.

use std::ops::Range;

use reveille_sim::kinds::draw::Stage;
use reveille_sim::plan::{Fault, FaultKind, Moment, Outage, OutageKind, Target};

use super::atlas::Harm;
use super::dice::Dice;

/// Faults and outages that belong together. Their times count from its begin.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Trouble {
    pub(super) faults: Vec<Fault>,
    pub(super) outages: Vec<Outage>,
    /// When nothing is up anywhere, if there is such a time: nobody asks then, and it may be long.
    pub(super) night: Option<Range<u64>>,
}

impl Trouble {
    /// These faults, each with its begin.
    pub(super) fn of<K: Into<FaultKind>>(faults: impl IntoIterator<Item = (u64, K)>) -> Self {
        let fault = |(at_ms, kind): (u64, K)| Fault { at_ms, kind: kind.into() };
        Self { faults: faults.into_iter().map(fault).collect(), ..Self::default() }
    }

    /// One fault from the begin on.
    pub(super) fn one(kind: impl Into<FaultKind>) -> Self {
        Self::of([(0, kind)])
    }

    /// One more fault.
    pub(super) fn and(mut self, at_ms: u64, kind: impl Into<FaultKind>) -> Self {
        self.faults.push(Fault { at_ms, kind: kind.into() });
        self
    }

    /// One more outage of the outside services.
    pub(super) fn and_outage(mut self, at_ms: u64, for_ms: u64, kind: OutageKind) -> Self {
        self.outages.push(Outage { at_ms, for_ms, kind });
        self
    }

    /// When each fault and outage begins, and when it ends.
    pub(super) fn spans(&self) -> impl Iterator<Item = Range<u64>> {
        let faults = self.faults.iter().map(|fault| fault.at_ms..fault.at_ms + fault.kind.lasts_ms());
        let outages = self.outages.iter().map(|outage| outage.at_ms..outage.at_ms + outage.for_ms);
        faults.chain(outages)
    }

    /// When the last of it is over.
    pub(super) fn end_ms(&self) -> u64 {
        self.spans().map(|span| span.end).max().unwrap_or(0)
    }

    /// How long somebody is up in it.
    pub(super) fn awake_ms(&self) -> u64 {
        self.end_ms() - self.night.as_ref().map_or(0, |night| night.end - night.start)
    }

    /// The same, beginning later.
    pub(super) fn later(mut self, by_ms: u64) -> Self {
        self.faults.iter_mut().for_each(|fault| fault.at_ms += by_ms);
        self.outages.iter_mut().for_each(|outage| outage.at_ms += by_ms);
        self.night = self.night.map(|night| night.start + by_ms..night.end + by_ms);
        self
    }

    /// Both; at most one of them has a night.
    pub(super) fn joined(mut self, other: Self) -> Self {
        self.faults.extend(other.faults);
        self.outages.extend(other.outages);
        self.night = self.night.or(other.night);
        self
    }
}

/// Whom a pattern may strike, and what it draws with.
pub(super) struct Ground<'a> {
    pub(super) dice: &'a mut Dice,
    pub(super) stage: &'a Stage,
    /// Whose disks may lose what they promised.
    pub(super) harm: Harm,
}

impl Ground<'_> {
    /// How long something lasts that is to be felt: mostly so long that whoever can go on without it has to (L2), from 90 to
    /// 240 s; else anything from parts of a second on.
    pub(super) fn lasting_ms(&mut self) -> u64 {
        if self.dice.percent(75) { self.long_ms() } else { self.dice.log(200..90_000) }
    }

    /// A time that ends well after every bound that could have begun with it.
    pub(super) fn long_ms(&mut self) -> u64 {
        self.dice.draw(90_000..240_000_u64)
    }

    /// Whoever may be struck: a machine, the holder of an object, or whoever has a role; now and then whoever is in the
    /// middle of something.
    pub(super) fn anybody(&mut self) -> Target {
        if self.dice.percent(8) { Target::Next(self.moment()) } else { self.dice.draw(self.stage.anybody()) }
    }

    /// Any moment in which something is in progress.
    pub(super) fn moment(&mut self) -> Moment {
        self.dice.one_of(&[
            Moment::ClaimSlice,
            Moment::AskForDue,
            Moment::WriteMark,
            Moment::LeaveSlice,
            Moment::EndRun,
            Moment::LeadGroup,
            Moment::InstallSnapshot,
        ])
    }

    /// Whoever leads a datacenter, a group, or the system group.
    pub(super) fn any_leader(&mut self) -> Target {
        let cluster = self.stage.cluster;
        match self.dice.draw(0..3_u8) {
            0 => Target::LeaderOfDatacenter(self.dice.draw(0..cluster.datacenters)),
            1 => Target::LeaderOfGroup(self.dice.draw(0..cluster.groups)),
            _ => Target::LeaderOfSystemGroup,
        }
    }

    /// All machines in any order.
    pub(super) fn machines(&mut self) -> Vec<u16> {
        self.dice.shuffled(0..self.stage.cluster.machines())
    }

    /// All datacenters in any order.
    pub(super) fn datacenters(&mut self) -> Vec<u16> {
        self.dice.shuffled(0..self.stage.cluster.datacenters)
    }

    /// The machines of a datacenter.
    pub(super) fn within(&self, datacenter: u16) -> Vec<u16> {
        let within = self.stage.cluster.machines_per_datacenter;
        (datacenter * within..(datacenter + 1) * within).collect()
    }
}
