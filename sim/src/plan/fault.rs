//! When something breaks, and whom it strikes, as a plan says it. What breaks stands in [`crate::kinds`]; that a role may
//! have nobody in it, or a machine be down already, shows only in the run.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::kinds::{FaultKind, Role};

/// Something that breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// When it begins, in milliseconds from the begin of the fault phase.
    pub at_ms: u64,
    /// What.
    pub kind: FaultKind,
}

/// Whom a fault strikes: a machine by name, or by the role it has when the fault begins. A fault aimed at a role that
/// nobody has is skipped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Target {
    /// This machine.
    Machine(u16),
    /// The machine that serves this object.
    HolderOf(String),
    /// The machine that leads this datacenter (D4).
    LeaderOfDatacenter(u16),
    /// The machine whose replica leads this consensus group. The group behind the last one is the system group, too.
    LeaderOfGroup(u16),
    /// The machine whose replica leads the system group, however many other groups there are.
    LeaderOfSystemGroup,
    /// The first machine at which this moment comes. From its time on the fault waits for it and begins right behind the
    /// step in which it comes; if it does not come in the fault phase, the fault is skipped.
    Next(Moment),
}

/// A moment in which something is in progress on a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// Its claim of a slice is on its way.
    ClaimSlice,
    /// It asks for a page of a slice's due alarms.
    AskForDue,
    /// The log is synced and its end mark is not: what was appended counts only with the mark.
    WriteMark,
    /// It hands a slice over: it has begun to leave it and has not released it.
    LeaveSlice,
    /// A run of `alarm()` has ended and its commit is in flight.
    EndRun,
    /// Its replica has become the leader of a group.
    LeadGroup,
    /// Its replica installs a snapshot.
    InstallSnapshot,
}

/// Links of a machine, or of a datacenter to the others, by the way that messages take over them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// All.
    #[default]
    Both,
    /// Those that lead in: it sends and hears nothing.
    In,
    /// Those that lead out: it hears and nothing that it sends arrives.
    Out,
}

impl Direction {
    /// Whether it is what a plan means that does not say it.
    pub(crate) fn is_both(&self) -> bool {
        *self == Self::Both
    }
}

/// How a cut comes and goes: it begins cut, and is open and cut by turns until it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flap {
    /// How long it is cut each time, in milliseconds: from [`Flap::TURN_MIN_MS`] to [`Flap::CUT_MAX_MS`].
    pub cut_ms: u32,
    /// How long it is open in between, in milliseconds: from [`Flap::TURN_MIN_MS`] to [`Flap::OPEN_MAX_MS`].
    pub open_ms: u32,
}

/// Links by where they begin or end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum LinksOf {
    /// Between this machine and all others.
    Machine(Target),
    /// Between this datacenter and the others, and within it.
    Datacenter(u16),
    /// From each of some machines to each of others; those back are no part of it.
    Between {
        /// Senders.
        from: Vec<u16>,
        /// Receivers; none of the senders.
        to: Vec<u16>,
    },
    /// Between any two machines.
    All,
}

/// Connections of a machine by who is at their other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionsOf {
    /// Its clients.
    Clients,
    /// The outside services that it calls.
    Services,
    /// Both.
    Both,
}

impl fmt::Display for ConnectionsOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Clients => "its clients",
            Self::Services => "the outside services",
            Self::Both => "its clients and the outside services",
        })
    }
}

impl Target {
    /// The role that is struck, if it is a leader's.
    pub(crate) fn role(&self) -> Option<Role> {
        match self {
            Self::Machine(_) | Self::HolderOf(_) | Self::Next(_) => None,
            Self::LeaderOfDatacenter(_) => Some(Role::Leader),
            Self::LeaderOfGroup(_) => Some(Role::GroupLeader),
            Self::LeaderOfSystemGroup => Some(Role::SystemLeader),
        }
    }

    /// Whether whoever is struck has something in hand that ends with its process, whatever is in its memory.
    pub(crate) fn is_at_something(&self) -> bool {
        self.role().is_some() || matches!(self, Self::Next(_))
    }
}

impl Moment {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::ClaimSlice,
        Self::AskForDue,
        Self::WriteMark,
        Self::LeaveSlice,
        Self::EndRun,
        Self::LeadGroup,
        Self::InstallSnapshot,
    ];
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Machine(machine) => write!(f, "machine {machine}"),
            Self::HolderOf(object) => write!(f, "the machine that holds {object}"),
            Self::LeaderOfDatacenter(datacenter) => write!(f, "the leader of datacenter {datacenter}"),
            Self::LeaderOfGroup(group) => write!(f, "the leader of consensus group {group}"),
            Self::LeaderOfSystemGroup => write!(f, "the leader of the system group"),
            Self::Next(moment) => write!(f, "the first machine to {moment} from then on"),
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ClaimSlice => "claim a slice",
            Self::AskForDue => "ask for a page of due alarms",
            Self::WriteMark => "write the end mark of its synced log",
            Self::LeaveSlice => "hand over a slice",
            Self::EndRun => "end a run of alarm()",
            Self::LeadGroup => "become the leader of a group",
            Self::InstallSnapshot => "install a snapshot",
        })
    }
}
