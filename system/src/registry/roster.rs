//! What the registry tells machines: who is alive, who leads each datacenter, and which machine is to hold each slice. How
//! it comes to say so is decided in [`super`] alone.

use serde::{Deserialize, Serialize};

use super::Yields;
use crate::config::Config;
use crate::ids::{DatacenterId, MachineId, SessionId, SliceId};

/// The registry as it is sent to machines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roster {
    /// By machine.
    pub(super) members: Vec<Member>,
    /// Every session below this number is live or has ended.
    pub(super) next_session: SessionId,
    /// The leader of each datacenter.
    pub(super) leaders: Vec<Lead>,
    /// Who is to hold each slice.
    pub(super) assigned: Vec<MachineId>,
    /// How often that has changed.
    pub(super) assignments: u64,
    /// What was given up by machines that cannot serve it.
    pub(super) yields: Yields,
}

/// A machine in the registry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Member {
    /// How many sessions it has ever opened.
    pub(super) opened: u64,
    /// The last of them, if it is live.
    pub(super) session: Option<Session>,
    /// Whether it loses its lease again and again.
    pub(super) frail: bool,
}

/// A machine's live session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its number.
    pub id: SessionId,
    /// The boot of the machine that opened it.
    pub boot: u64,
    /// How often it was renewed.
    pub renewal: u64,
}

/// Who leads a datacenter, or did last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lead {
    /// The term; 0 before the first.
    pub term: u64,
    /// The leader and its session.
    pub by: Option<(MachineId, SessionId)>,
}

impl Roster {
    /// That of a cluster that has never run: no sessions, no leaders, every slice to its home.
    pub(super) fn new(config: &Config) -> Self {
        Self {
            members: vec![Member::default(); usize::from(config.machines())],
            next_session: SessionId(1),
            leaders: vec![Lead { term: 0, by: None }; usize::from(config.datacenters)],
            assigned: (0..config.slices).map(|slice| config.home_of(SliceId(slice))).collect(),
            assignments: 0,
            yields: Yields::default(),
        }
    }

    /// The machines that have a live session, ascending.
    pub fn live(&self) -> impl Iterator<Item = (MachineId, Session)> + '_ {
        let machines = (0..).map(MachineId);
        machines.zip(&self.members).filter_map(|(machine, member)| Some((machine, member.session?)))
    }

    /// A machine's live session.
    pub fn session_of(&self, machine: MachineId) -> Option<Session> {
        self.member(machine).session
    }

    /// How many sessions a machine has ever opened: its next one follows that many.
    pub fn opened(&self, machine: MachineId) -> u64 {
        self.member(machine).opened
    }

    /// Whether a machine has lost its lease again and again of late, so that it is given nothing that another can take.
    pub fn is_frail(&self, machine: MachineId) -> bool {
        self.member(machine).frail
    }

    /// Whether a session has ended. One that is not known yet has not.
    pub fn has_ended(&self, session: SessionId) -> bool {
        session < self.next_session && self.live().all(|(_, live)| live.id != session)
    }

    /// The live leader of a datacenter: machine, session and term.
    pub fn leader_of(&self, datacenter: DatacenterId) -> Option<(MachineId, SessionId, u64)> {
        let Lead { term, by } = self.leaders[usize::from(datacenter.0)];
        let (machine, session) = by?;
        (!self.has_ended(session)).then_some((machine, session, term))
    }

    /// The latest term of a datacenter; 0 before the first.
    pub fn term_of(&self, datacenter: DatacenterId) -> u64 {
        self.leaders[usize::from(datacenter.0)].term
    }

    /// D6: whether `candidate` may lead a datacenter in the next term: nobody alive does, or a frail machine does and the
    /// candidate is none.
    pub fn may_lead(&self, datacenter: DatacenterId, candidate: MachineId) -> bool {
        let leader = self.leader_of(datacenter);
        leader.is_none_or(|(leader, ..)| self.is_frail(leader) && !self.is_frail(candidate))
    }

    /// The machine that is to hold a slice.
    pub fn assigned(&self, slice: SliceId) -> MachineId {
        self.assigned[usize::from(slice.0)]
    }

    /// The slices that a machine is to hold, ascending.
    pub fn assigned_to(&self, machine: MachineId) -> impl Iterator<Item = SliceId> + '_ {
        let slices = (0..).map(SliceId);
        slices.zip(&self.assigned).filter(move |(_, to)| **to == machine).map(|(slice, _)| slice)
    }

    /// How often assignments have changed: the next change follows that many.
    pub fn assignments(&self) -> u64 {
        self.assignments
    }

    /// What was given up by machines that cannot serve it.
    pub fn yields(&self) -> &Yields {
        &self.yields
    }

    fn member(&self, machine: MachineId) -> &Member {
        &self.members[usize::from(machine.0)]
    }

    pub(super) fn member_mut(&mut self, machine: MachineId) -> &mut Member {
        &mut self.members[usize::from(machine.0)]
    }
}
