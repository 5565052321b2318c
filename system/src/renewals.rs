//! Renewals of sessions on their way into the log of the system group. Its leader collects them until its next tick and
//! proposes them as one entry: together they cost hardly more than one of them.
//!
//! The entry says how many ticks have passed: the beats by which the registry tells time.

use crate::ids::{GroupId, MachineId};
use crate::registry::{Change, Renewal};
use crate::replicas::Replicas;
use crate::store::command::Command;
use crate::wire::Ask;

/// The most beats of one entry, 2 s: while anybody can renew, somebody does so more often.
const BEATS_MAX: u64 = 4;

/// What the leader of the system group has collected.
#[derive(Debug, Default)]
pub(crate) struct Renewals {
    asked: Vec<(MachineId, Ask)>,
    renewals: Vec<Renewal>,
    /// Ticks as the leader since the last entry.
    beats: u64,
}

impl Renewals {
    /// Takes what a machine has asked for; it is answered when the entry is applied.
    pub(crate) fn take(&mut self, from: MachineId, ask: Ask, renewals: Vec<Renewal>) {
        self.asked.push((from, ask));
        self.renewals.extend(renewals);
    }

    /// Proposes what was collected. Wanted once a tick. If the replica here leads no more, all who asked are told so.
    pub(crate) fn tick(&mut self, system: GroupId, replicas: &mut Replicas) {
        self.beats = if replicas.is_leader(system) { BEATS_MAX.min(self.beats + 1) } else { 0 };
        if !self.asked.is_empty() {
            let (asked, renewals) = (std::mem::take(&mut self.asked), std::mem::take(&mut self.renewals));
            let change = Change::Renew { beats: std::mem::take(&mut self.beats), renewals };
            replicas.propose_for(asked, system, Command::Registry(change));
        }
    }
}
