//! The concerns that a log is filtered by, and the level of each thing that is recorded. `tracing` wants target and level
//! of an event in its code, so each pair that there is stands here once.

use std::fmt::Display;

use reveille_model::history::What;
use reveille_sim::trace::Kind;
use tracing::{debug, info, trace, warn};

/// What a log line is about: the target of its event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Concern {
    /// An object in memory and what is delivered to it.
    Object,
    /// Keys and values; what is durable.
    Storage,
    /// The alarm slot and the runs of `alarm()`.
    Alarm,
    /// Clients.
    Request,
    /// Outside services.
    Outside,
    /// Consensus, holders of slices, leaders.
    Cluster,
    /// Messages between machines.
    Network,
    /// Syncs.
    Disk,
    /// Machines as a whole.
    Machine,
    /// What is broken on purpose; the phases of the run.
    Fault,
}

/// The level of a thing that is recorded in the history.
enum Level {
    Warn,
    Info,
    Debug,
}

macro_rules! emit {
    ($concern:expr, $level:ident, $at_ns:expr, $place:expr, $text:expr) => {
        match $concern {
            Concern::Object => $level!(target: "object", at_ns = $at_ns, place = $place, "{}", $text),
            Concern::Storage => $level!(target: "storage", at_ns = $at_ns, place = $place, "{}", $text),
            Concern::Alarm => $level!(target: "alarm", at_ns = $at_ns, place = $place, "{}", $text),
            Concern::Request => $level!(target: "request", at_ns = $at_ns, place = $place, "{}", $text),
            Concern::Outside => $level!(target: "outside", at_ns = $at_ns, place = $place, "{}", $text),
            Concern::Cluster => $level!(target: "cluster", at_ns = $at_ns, place = $place, "{}", $text),
            Concern::Network => $level!(target: "network", at_ns = $at_ns, place = $place, "{}", $text),
            Concern::Disk => $level!(target: "disk", at_ns = $at_ns, place = $place, "{}", $text),
            Concern::Machine => $level!(target: "machine", at_ns = $at_ns, place = $place, "{}", $text),
            Concern::Fault => $level!(target: "fault", at_ns = $at_ns, place = $place, "{}", $text),
        }
    };
}

impl Concern {
    /// All of them, in the order in which they are listed.
    pub(super) const ALL: [Concern; 10] = [
        Concern::Object,
        Concern::Storage,
        Concern::Alarm,
        Concern::Request,
        Concern::Outside,
        Concern::Cluster,
        Concern::Network,
        Concern::Disk,
        Concern::Machine,
        Concern::Fault,
    ];

    /// As it is written in a filter.
    pub(super) fn name(self) -> &'static str {
        match self {
            Concern::Object => "object",
            Concern::Storage => "storage",
            Concern::Alarm => "alarm",
            Concern::Request => "request",
            Concern::Outside => "outside",
            Concern::Cluster => "cluster",
            Concern::Network => "network",
            Concern::Disk => "disk",
            Concern::Machine => "machine",
            Concern::Fault => "fault",
        }
    }

    pub(super) fn of_event(what: &What) -> Concern {
        match what {
            What::Call { .. }
            | What::Return { .. }
            | What::Respond { .. }
            | What::RequestArrive { .. }
            | What::RequestStart { .. }
            | What::RequestEnd { .. }
            | What::AnswerLeave { .. }
            | What::AnswerLost { .. } => Concern::Request,
            What::InstanceStart { .. }
            | What::ConstructorEnd { .. }
            | What::InstanceEnd { .. }
            | What::Deliver { .. }
            | What::Gate { .. }
            | What::Await { .. }
            | What::Timer { .. }
            | What::Promise { .. } => Concern::Object,
            What::Op { .. } | What::OpResult { .. } | What::Commit { .. } | What::AtRest { .. } => {
                Concern::Storage
            }
            What::RunStart { .. } | What::RunEnd { .. } => Concern::Alarm,
            What::Outbound { .. }
            | What::OutboundLeave { .. }
            | What::OutboundArrive { .. }
            | What::OutboundAnswer { .. }
            | What::OutboundReturn { .. }
            | What::OutboundLost { .. } => Concern::Outside,
            What::Majority { .. }
            | What::Holder { .. }
            | What::Leader { .. }
            | What::GroupLeader { .. }
            | What::Committed { .. }
            | What::Replica { .. } => Concern::Cluster,
            What::DiskDamaged | What::OnDisk { .. } => Concern::Disk,
            What::Process { .. } => Concern::Machine,
            What::FaultBegin { .. } | What::FaultEnd { .. } | What::Phase { .. } => Concern::Fault,
        }
    }

    pub(super) fn of_step(kind: Kind) -> Concern {
        match kind {
            Kind::Sent | Kind::Lost | Kind::Delivered | Kind::Undelivered => Concern::Network,
            Kind::SyncAsked | Kind::Synced | Kind::Damaged => Concern::Disk,
            Kind::Request | Kind::Answer => Concern::Request,
            Kind::CalledOut | Kind::OutsideAnswered => Concern::Outside,
            Kind::Elected
            | Kind::Leads
            | Kind::Serving
            | Kind::StaleEpoch
            | Kind::Applied
            | Kind::Installed => Concern::Cluster,
            Kind::FaultBegin | Kind::FaultEnd | Kind::FaultSkipped | Kind::Phase => Concern::Fault,
            _ => Concern::Machine,
        }
    }

    /// Emits an event of the history at the level that it has.
    pub(super) fn emit(self, what: &What, at_ns: u64, place: &str, text: impl Display) {
        match level(what) {
            Level::Warn => emit!(self, warn, at_ns, place, text),
            Level::Info => emit!(self, info, at_ns, place, text),
            Level::Debug => emit!(self, debug, at_ns, place, text),
        }
    }

    /// Emits a step of the inner world.
    pub(super) fn emit_step(self, at_ns: u64, place: &str, text: impl Display) {
        emit!(self, trace, at_ns, place, text);
    }
}

fn level(what: &What) -> Level {
    match what {
        What::FaultBegin { .. } | What::FaultEnd { .. } | What::DiskDamaged => Level::Warn,
        What::Deliver { .. }
        | What::Gate { .. }
        | What::Await { .. }
        | What::Timer { .. }
        | What::Promise { held: true, .. }
        | What::Op { .. }
        | What::OpResult { .. }
        | What::ConstructorEnd { failed: None }
        | What::RequestArrive { .. }
        | What::RequestStart { .. }
        | What::RequestEnd { .. }
        | What::AnswerLeave { .. }
        | What::OutboundLeave { .. }
        | What::OutboundArrive { .. }
        | What::OutboundReturn { .. }
        | What::OnDisk { .. }
        | What::Process { .. }
        | What::Committed { .. }
        | What::Replica { .. } => Level::Debug,
        _ => Level::Info,
    }
}
