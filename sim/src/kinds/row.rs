//! A row of the table: what is the same for all faults of a kind.

use std::fmt;

use reveille_model::history::{Scope, Takes};

use super::draw::{Alone, Draw};
use super::words::machines;

/// A kind of fault, or one of its forms that has a name of its own.
#[derive(Debug)]
pub struct Row {
    /// What it is called in histories and counts.
    pub name: &'static str,
    /// What it is called where it strikes a leader, by [`Role::ALL`]; none if that makes no difference.
    pub by_role: Option<[&'static str; 3]>,
    /// What it strikes.
    pub strikes: Strikes,
    /// All that it may take.
    pub takes: &'static [Takes],
    /// What it does, as a sentence.
    pub about: &'static str,
    /// What begins, as a clause.
    pub(super) begins: fn(&Struck<'_>) -> String,
    /// What is again as it was, as a clause.
    pub(super) ends: fn(&Struck<'_>) -> String,
    /// How it is drawn into plans where anything may break.
    pub draws: &'static [Draw],
    /// How it is drawn where it is all that breaks (L1).
    pub alone: Option<Alone>,
}

/// What a kind of fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strikes {
    /// A machine, or its process.
    Machine,
    /// Links between machines.
    Link,
    /// All machines of a datacenter, or all its links to others.
    Datacenter,
    /// A machine's disk.
    Disk,
    /// A machine's wall clock.
    Clock,
    /// The connections of a machine with its clients or with outside services.
    Connection,
    /// The outside services.
    OutsideService,
}

/// The role of a machine that a fault was aimed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It leads its datacenter (D4).
    Leader,
    /// Its replica leads a consensus group.
    GroupLeader,
    /// Its replica leads the system group.
    SystemLeader,
}

/// Whom a fault has struck, as a history says it.
#[derive(Clone, Copy, Debug)]
pub struct Struck<'a> {
    /// Whom.
    pub scope: &'a Scope,
    /// In which role, if the history tells one.
    pub role: Option<Role>,
}

/// The names of a kind where it strikes a leader, by [`Role::ALL`].
macro_rules! by_role {
    ($name:literal) => {
        Some([concat!("leader-", $name), concat!("group-leader-", $name), concat!("system-leader-", $name)])
    };
}

/// The method of a kind with one row.
macro_rules! one_row {
    () => {
        fn row(&self) -> &'static Row {
            &Self::ROWS[0]
        }
    };
}

/// The methods of a kind that lasts for the time in this field.
macro_rules! lasts {
    ($field:ident) => {
        fn length_field(&self) -> Option<&'static str> {
            Some(stringify!($field))
        }

        fn lasts_ms(&self) -> u64 {
            self.$field
        }

        fn last(&mut self, ms: u64) {
            self.$field = ms;
        }
    };
}

/// The methods of a kind that strikes the machine in its field `target`.
macro_rules! aimed {
    () => {
        fn target(&self) -> Option<&Target> {
            Some(&self.target)
        }

        fn target_mut(&mut self) -> Option<&mut Target> {
            Some(&mut self.target)
        }
    };
}

impl Row {
    /// What begins, as a clause: "the process of machine 3 crashes; what was in its memory is gone".
    pub fn begins(&self, whom: &Struck<'_>) -> String {
        (self.begins)(whom)
    }

    /// What is again as it was, as a clause: "machine 3 starts again".
    pub fn ends(&self, whom: &Struck<'_>) -> String {
        (self.ends)(whom)
    }

    /// All its names in histories, with the role that each tells.
    pub fn names(&self) -> impl Iterator<Item = (&'static str, Option<Role>)> {
        let by_role = self.by_role.into_iter().flatten().zip(Role::ALL.map(Some));
        std::iter::once((self.name, None)).chain(by_role)
    }

    /// Its name where it strikes somebody in this role.
    pub fn name_for(&self, role: Option<Role>) -> &'static str {
        let named = self.names().find(|(_, named)| *named == role);
        named.map_or(self.name, |(name, _)| name)
    }
}

impl Strikes {
    /// In a word or two.
    pub fn told(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::Link => "link",
            Self::Datacenter => "datacenter",
            Self::Disk => "disk",
            Self::Clock => "clock",
            Self::Connection => "connection",
            Self::OutsideService => "outside service",
        }
    }
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Leader, Self::GroupLeader, Self::SystemLeader];

    /// The role that a name tells, of a kind in the table or not.
    pub fn in_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| name.starts_with(role.prefix()))
    }

    fn prefix(self) -> &'static str {
        match self {
            Self::Leader => "leader-",
            Self::GroupLeader => "group-leader-",
            Self::SystemLeader => "system-leader-",
        }
    }

    pub(super) fn told(self) -> &'static str {
        match self {
            Self::Leader => "the leader of its datacenter",
            Self::GroupLeader => "the leader of a consensus group",
            Self::SystemLeader => "the leader of the system group",
        }
    }
}

impl fmt::Display for Struck<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.scope {
            Scope::Machine(machine) => write!(f, "machine {machine}")?,
            Scope::Datacenter(datacenter) => write!(f, "datacenter {datacenter}")?,
            Scope::Links { from, to } => {
                write!(f, "the links from {} to {}", machines(from), machines(to))?;
            }
            Scope::Network => f.write_str("the links between machines")?,
            Scope::Service(service) => f.write_str(service)?,
        }
        self.role.map_or(Ok(()), |role| write!(f, " ({})", role.told()))
    }
}
