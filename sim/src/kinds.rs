//! The table of what can break. A kind of fault stands in one file here, and with two lines in this one: its name, whom
//! it strikes and what it takes, its parameters and their bounds, how it begins in the world, how it is drawn, how it
//! shrinks, and its sentences. Plans, generators, reports, stories and logs read the table and name no kind.
//!
//! A fault has no code for its end: each part of the world knows by which faults it is held, and a fault that is over
//! lets go of all of them (`fault.rs`).

#[macro_use]
mod row;

mod clock_step;
mod corrupt_messages;
mod crash;
mod cut;
mod datacenter_cut;
mod datacenter_down;
mod disk_replaced;
mod disk_rot;
pub mod draw;
mod flap;
mod links;
mod message_loss;
pub mod outside;
mod panic;
mod partition;
mod pause;
mod power_loss;
mod rough_connections;
mod rough_links;
mod shrink;
mod slow_disk;
mod slow_links;
mod sync_stall;
mod words;

use reveille_model::history::Takes;
use serde::{Deserialize, Serialize};

pub(crate) use self::message_loss::BACKGROUND;
pub(crate) use self::panic::PANIC;
pub use self::row::{Role, Row, Strikes, Struck};
pub(crate) use self::shrink::Numbers;
use crate::plan::{Check, PlanError, Target};
use crate::world::World;

/// What a kind of fault does. Its row of the table says the rest.
pub(crate) trait Kind {
    /// The row that it stands in.
    fn row(&self) -> &'static Row;

    /// Whom it is aimed at, if that is a machine.
    fn target(&self) -> Option<&Target> {
        None
    }

    /// Whom it is aimed at, to be changed.
    fn target_mut(&mut self) -> Option<&mut Target> {
        None
    }

    /// How long it lasts, in milliseconds.
    fn lasts_ms(&self) -> u64;

    /// Makes it last so long; what lasts no time stays as it is.
    fn last(&mut self, ms: u64);

    /// What it takes, if not all of what its kind may take.
    fn takes(&self) -> &'static [Takes] {
        self.row().takes
    }

    /// By how much it may step the wall clock of this machine.
    fn steps_clock_ms(&self, _machine: u16) -> Option<i32> {
        None
    }

    /// The field of its length, if it lasts some time.
    fn length_field(&self) -> Option<&'static str> {
        None
    }

    /// Whether its other parameters, beside length and target, can be in this plan; if not, the first thing that is wrong.
    fn validate(&self, _check: &Check<'_>) -> Result<(), PlanError> {
        Ok(())
    }

    /// What the plan says will happen, as a clause.
    fn told(&self) -> String;

    /// Simpler in other ways than that it is over sooner, simplest first.
    fn plainer(&self) -> Vec<FaultKind> {
        Vec::new()
    }

    /// Gives whom it strikes other numbers; none if that is gone.
    fn renumber(&mut self, numbers: &Numbers<'_>) -> Option<()> {
        self.target_mut().map_or(Some(()), |target| numbers.target(target))
    }

    /// Begins it, unless there is nothing to strike. Returns its number.
    fn begin(&self, world: &mut World<'_>) -> Option<u32>;
}

/// The list of kinds: module and parameters.
macro_rules! kinds {
    ($($module:ident: $kind:ident,)*) => {
        $(pub use self::$module::$kind;)*

        /// What can break. Faults may overlap: a machine is back, a link open, once no fault holds it any more.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum FaultKind {
            $(
                #[doc = concat!("Of the kind [`", stringify!($kind), "`].")]
                $kind($kind),
            )*
        }

        $(
            impl From<$kind> for FaultKind {
                fn from(kind: $kind) -> Self {
                    Self::$kind(kind)
                }
            }
        )*

        impl FaultKind {
            pub(crate) fn kind(&self) -> &dyn Kind {
                match self {
                    $(Self::$kind(kind) => kind,)*
                }
            }

            fn kind_mut(&mut self) -> &mut dyn Kind {
                match self {
                    $(Self::$kind(kind) => kind,)*
                }
            }
        }

        const OF_FAULTS: &[&[Row]] = &[$($kind::ROWS,)*];
    };
}

kinds! {
    crash: Crash,
    power_loss: PowerLoss,
    pause: Pause,
    cut: MachineCut,
    datacenter_down: DatacenterDown,
    datacenter_cut: DatacenterCut,
    slow_links: SlowLinks,
    partition: Partition,
    message_loss: MessageLoss,
    clock_step: ClockStep,
    slow_disk: SlowDisk,
    sync_stall: SyncStall,
    rough_links: RoughLinks,
    rough_connections: RoughConnections,
    disk_replaced: DiskReplaced,
    disk_rot: DiskRot,
    corrupt_messages: CorruptMessages,
}

/// All that can break: faults, then outages of outside services.
pub fn table() -> impl Iterator<Item = &'static Row> {
    OF_FAULTS.iter().copied().chain([outside::ROWS]).flatten()
}

/// What stands in the table, or beside it, under a name of the history, and the role that its machine has if the name tells
/// one.
pub fn named(name: &str) -> Option<(&'static Row, Option<Role>)> {
    table()
        .chain([PANIC])
        .find_map(|row| row.names().find(|(known, _)| *known == name).map(|(_, role)| (row, role)))
}

impl dyn Kind + '_ {
    /// Whether it can happen in this plan; if not, the first thing that is wrong.
    pub(crate) fn check(&self, check: &Check<'_>) -> Result<(), PlanError> {
        if let Some(field) = self.length_field() {
            check.length(field, self.lasts_ms())?;
        }
        if let Some(target) = self.target() {
            check.target("target", target)?;
        }
        self.validate(check)
    }

    /// What it is called in histories and counts.
    pub(crate) fn name(&self) -> &'static str {
        self.row().name_for(self.target().and_then(Target::role))
    }
}

impl FaultKind {
    /// What the fault is called in histories and counts. Faults that are aimed at a leader are named apart.
    pub fn name(&self) -> &'static str {
        self.kind().name()
    }

    /// The row of the table that it stands in.
    pub fn row(&self) -> &'static Row {
        self.kind().row()
    }

    /// How long the fault lasts in milliseconds, unless the fault phase ends before. A step of a clock lasts no time: it
    /// stays.
    pub fn lasts_ms(&self) -> u64 {
        self.kind().lasts_ms()
    }

    /// The same fault, lasting so long.
    pub fn lasting(&self, ms: u64) -> Self {
        let mut kind = self.clone();
        kind.kind_mut().last(ms);
        kind
    }

    /// Whom the fault is aimed at, if that is a machine.
    pub fn target(&self) -> Option<&Target> {
        self.kind().target()
    }

    /// What the plan says will happen, as a clause for a sentence: "machine 3 crashes and is down for 5 s".
    pub fn told(&self) -> String {
        self.kind().told()
    }
}
