//! The registry: which machines are alive, who leads each datacenter, and which machine is to hold each slice. The state
//! machine of the system group, a consensus group of its own.
//!
//! Every decision is a compare-and-set: it names what was known when it was made, and has no effect once that is no longer
//! so. So it does not matter who asks twice, too late, or in another order:
//!
//! - A *session* is a machine's lease. Whoever opens one names how many the machine has opened before. That number only
//!   rises, so what an incarnation that is over has sent cannot replace a session that was opened after it (O1).
//! - A *renewal* names the renewal number that it follows, as the machine has heard it in an answer. So the number of a
//!   machine that is heard and hears nothing stands still, and a renewal that comes twice or late counts once. Whoever wants
//!   to end the session names the number that he saw unchanged for longer than the lease. A session that has ended never
//!   comes back.
//! - A *leader* of a datacenter has a term (D4). What it decides names the term, and is refused in any other.
//! - A *yield* names the epoch up to which a slice is given up: repeated or late it gives up nothing more.
//! - An *assignment* only says who is to hold a slice. Who holds it is decided in the slice's own group, by its epoch. It
//!   names how many assignments its leader has seen: one that was made before the last one moves nothing.

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::ids::{DatacenterId, MachineId, SessionId, SliceId};

mod health;
mod roster;
mod yields;

use health::Health;
pub use roster::{Lead, Roster, Session};
pub use yields::{Yield, Yields};

/// A change of the registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// A machine that has booted, or lost its session, opens one. A session that it had before has ended.
    Open {
        /// The machine.
        machine: MachineId,
        /// Which boot of it: different each time.
        boot: u64,
        /// How many sessions the machine has opened before.
        over: u64,
    },
    /// Machines renew their sessions: all that have asked since the last tick of the system group's leader.
    Renew {
        /// So many of its ticks have passed.
        beats: u64,
        /// The sessions.
        renewals: Vec<Renewal>,
    },
    /// Somebody has seen a session's renewal number unchanged for longer than the lease.
    End {
        /// The session.
        session: SessionId,
        /// The number.
        renewal: u64,
    },
    /// A machine wants to lead its datacenter, whose leader is not alive, or frail.
    Lead {
        /// The datacenter.
        datacenter: DatacenterId,
        /// The candidate's session.
        session: SessionId,
        /// The term that is over.
        over: u64,
    },
    /// A machine gives up slices whose groups it does not reach.
    Yield {
        /// Its session.
        session: SessionId,
        /// What it gives up.
        what: Vec<Yield>,
    },
    /// A leader says who is to hold slices.
    Assign {
        /// The leader's datacenter.
        datacenter: DatacenterId,
        /// Its term.
        term: u64,
        /// How many assignments it has seen.
        over: u64,
        /// Slices and machines.
        moves: Vec<(SliceId, MachineId)>,
    },
}

/// A machine renews its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renewal {
    /// The session.
    pub session: SessionId,
    /// The number of the last renewal that the machine knows of.
    pub over: u64,
    /// Whether its lease had run out before that one came.
    pub ran_out: bool,
}

/// The state of the registry: what machines are told, and by what it judges them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registry {
    roster: Roster,
    /// How many beats have passed.
    beat: u64,
    /// By machine.
    health: Vec<Health>,
}

impl Registry {
    /// The registry of a cluster that has never run.
    pub fn new(config: &Config) -> Self {
        let health = vec![Health::default(); usize::from(config.machines())];
        Self { roster: Roster::new(config), beat: 0, health }
    }

    /// What machines are told.
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    /// Applies a change. One that comes too late changes nothing.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::Open { machine, boot, over } => self.open(*machine, *boot, *over),
            Change::Renew { beats, renewals } => {
                self.beat += beats;
                for renewal in renewals {
                    self.renew(*renewal);
                }
                self.forgive();
                self.roster.yields.see(self.beat);
            }
            Change::End { session, renewal } => self.end(*session, *renewal),
            Change::Lead { datacenter, session, over } => self.lead(*datacenter, *session, *over),
            Change::Yield { session, what } => self.yield_slices(*session, what),
            Change::Assign { datacenter, term, over, moves } => {
                self.assign(*datacenter, *term, *over, moves);
            }
        }
    }

    /// O1: one of an incarnation that is over comes too late. Of two that come in time the first one is opened, and the
    /// other machine hears of it and asks again.
    fn open(&mut self, machine: MachineId, boot: u64, over: u64) {
        let next = self.roster.next_session;
        let member = self.roster.member_mut(machine);
        if member.opened != over {
            return;
        }
        member.opened += 1;
        let former = member.session.replace(Session { id: next, boot, renewal: 0 });
        self.roster.yields.forget(machine);
        self.roster.next_session = SessionId(next.0 + 1);
        if former.is_some() {
            self.lapse(machine);
        }
        self.health[usize::from(machine.0)].opened(self.beat);
    }

    fn renew(&mut self, renewal: Renewal) {
        let Some(machine) = self.holder_of(renewal.session, renewal.over) else { return };
        if let Some(session) = &mut self.roster.member_mut(machine).session {
            session.renewal += 1;
        }
        if self.health[usize::from(machine.0)].renewed(self.beat, renewal.ran_out) {
            self.lapse(machine);
        }
    }

    fn end(&mut self, session: SessionId, renewal: u64) {
        let Some(machine) = self.holder_of(session, renewal) else { return };
        self.roster.member_mut(machine).session = None;
        self.roster.yields.forget(machine);
        self.lapse(machine);
    }

    /// L2: what a machine cannot serve others get. A session that is over has given up everything.
    fn yield_slices(&mut self, session: SessionId, what: &[Yield]) {
        let Some((machine, _)) = self.roster.live().find(|(_, live)| live.id == session) else { return };
        for what in what {
            self.roster.yields.add(machine, session, *what, self.beat);
        }
    }

    /// D6: a datacenter without a leader gets one; D4: one for each term.
    fn lead(&mut self, datacenter: DatacenterId, session: SessionId, over: u64) {
        let Some((machine, _)) = self.roster.live().find(|(_, live)| live.id == session) else { return };
        let lead = &self.roster.leaders[usize::from(datacenter.0)];
        if lead.term == over && self.roster.may_lead(datacenter, machine) {
            let lead = Lead { term: over + 1, by: Some((machine, session)) };
            self.roster.leaders[usize::from(datacenter.0)] = lead;
        }
    }

    /// D4: what a deposed leader decides has no effect, nor what one decided before it saw the last assignment.
    fn assign(&mut self, datacenter: DatacenterId, term: u64, over: u64, moves: &[(SliceId, MachineId)]) {
        let leads = self.roster.leader_of(datacenter).is_some_and(|(_, _, of)| of == term);
        if leads && self.roster.assignments == over {
            self.roster.assignments += 1;
            for (slice, machine) in moves {
                self.roster.assigned[usize::from(slice.0)] = *machine;
            }
        }
    }

    /// The machine whose live session this is, if it was renewed so often.
    fn holder_of(&self, session: SessionId, renewal: u64) -> Option<MachineId> {
        let is_it = |live: &Session| live.id == session && live.renewal == renewal;
        self.roster.live().find(|(_, live)| is_it(live)).map(|(machine, _)| machine)
    }

    /// L2: a machine has lost its lease.
    fn lapse(&mut self, machine: MachineId) {
        let is_frail = self.health[usize::from(machine.0)].lapsed(self.beat);
        self.roster.member_mut(machine).frail |= is_frail;
    }

    /// Who has kept its lease for long enough is not frail any more.
    fn forgive(&mut self) {
        for (member, health) in self.roster.members.iter_mut().zip(&mut self.health) {
            if member.frail && member.session.is_some() && health.is_steady(self.beat) {
                member.frail = false;
                health.forgive();
            }
        }
    }
}
