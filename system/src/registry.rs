//! The registry: which machines are alive, who leads each datacenter, and which machine is to hold each slice. The state
//! machine of the system group, a consensus group of its own.
//!
//! Every decision is a compare-and-set, so that it does not matter who asks twice, or too late:
//!
//! - A *session* is a machine's lease. Each renewal raises its number; whoever wants to end it names the number that he
//!   saw unchanged for longer than the lease. A session that has ended never comes back.
//! - A *leader* of a datacenter has a term (D4). What it decides names the term, and is refused in any other.
//! - An *assignment* only says who is to hold a slice. Who holds it is decided in the slice's own group, by its epoch.

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::ids::{DatacenterId, MachineId, SessionId, SliceId};

/// A change of the registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// A machine that has booted, or lost its session, opens one. A session that it had before has ended.
    Open {
        /// The machine.
        machine: MachineId,
        /// Different each time; the same again is the same session.
        nonce: u64,
    },
    /// A machine renews its session.
    Renew {
        /// The session.
        session: SessionId,
    },
    /// Somebody has seen a session's renewal number unchanged for longer than the lease.
    End {
        /// The session.
        session: SessionId,
        /// The number.
        renewal: u64,
    },
    /// A machine wants to lead its datacenter, which has no leader alive.
    Lead {
        /// The datacenter.
        datacenter: DatacenterId,
        /// The candidate's session.
        session: SessionId,
        /// The term that is over.
        over: u64,
    },
    /// A leader says who is to hold slices.
    Assign {
        /// The leader's datacenter.
        datacenter: DatacenterId,
        /// Its term.
        term: u64,
        /// Slices and machines.
        moves: Vec<(SliceId, MachineId)>,
    },
}

/// The state of the registry, as it is also sent to machines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roster {
    /// The live session of each machine.
    sessions: Vec<Option<Session>>,
    /// Every session below this number is live or has ended.
    next_session: SessionId,
    /// The leader of each datacenter.
    leaders: Vec<Lead>,
    /// Who is to hold each slice.
    assigned: Vec<MachineId>,
}

/// A machine's live session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its number.
    pub id: SessionId,
    /// What the machine opened it with.
    pub nonce: u64,
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
    /// The registry of a cluster that has never run: no sessions, no leaders, every slice to its home.
    pub fn new(config: &Config) -> Self {
        Self {
            sessions: vec![None; usize::from(config.machines())],
            next_session: SessionId(1),
            leaders: vec![Lead { term: 0, by: None }; usize::from(config.datacenters)],
            assigned: (0..config.slices).map(|slice| config.home_of(SliceId(slice))).collect(),
        }
    }

    /// Applies a change. One that comes too late changes nothing.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::Open { machine, nonce } => self.open(*machine, *nonce),
            Change::Renew { session } => {
                if let Some(session) = self.session_mut(*session) {
                    session.renewal += 1;
                }
            }
            Change::End { session, renewal } => {
                let is_it = |live: &Session| live.id == *session && live.renewal == *renewal;
                for live in self.sessions.iter_mut().filter(|live| live.as_ref().is_some_and(is_it)) {
                    *live = None;
                }
            }
            Change::Lead { datacenter, session, over } => self.lead(*datacenter, *session, *over),
            Change::Assign { datacenter, term, moves } => {
                // D4: what a deposed leader decides has no effect.
                let lead = self.leaders[usize::from(datacenter.0)];
                if lead.term == *term && self.leader_of(*datacenter).is_some() {
                    for (slice, machine) in moves {
                        self.assigned[usize::from(slice.0)] = *machine;
                    }
                }
            }
        }
    }

    fn open(&mut self, machine: MachineId, nonce: u64) {
        let live = &mut self.sessions[usize::from(machine.0)];
        if live.is_none_or(|live| live.nonce != nonce) {
            *live = Some(Session { id: self.next_session, nonce, renewal: 0 });
            self.next_session.0 += 1;
        }
    }

    /// D6: a datacenter without a leader gets one; D4: one for each term.
    fn lead(&mut self, datacenter: DatacenterId, session: SessionId, over: u64) {
        let Some((machine, _)) = self.live().find(|(_, live)| live.id == session) else { return };
        if self.leader_of(datacenter).is_none() && self.leaders[usize::from(datacenter.0)].term == over {
            self.leaders[usize::from(datacenter.0)] = Lead { term: over + 1, by: Some((machine, session)) };
        }
    }

    fn session_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        self.sessions.iter_mut().flatten().find(|live| live.id == id)
    }

    /// The machines that have a live session, ascending.
    pub fn live(&self) -> impl Iterator<Item = (MachineId, Session)> + '_ {
        let machines = (0..).map(MachineId);
        machines.zip(&self.sessions).filter_map(|(machine, session)| Some((machine, (*session)?)))
    }

    /// A machine's live session.
    pub fn session_of(&self, machine: MachineId) -> Option<Session> {
        self.sessions[usize::from(machine.0)]
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

    /// The machine that is to hold a slice.
    pub fn assigned(&self, slice: SliceId) -> MachineId {
        self.assigned[usize::from(slice.0)]
    }

    /// The slices that a machine is to hold, ascending.
    pub fn assigned_to(&self, machine: MachineId) -> impl Iterator<Item = SliceId> + '_ {
        let slices = (0..).map(SliceId);
        slices.zip(&self.assigned).filter(move |(_, to)| **to == machine).map(|(slice, _)| slice)
    }
}
