//! What the writer of a history may leave out of it.

use reveille_model::history::{EndReason, History, Omission, RunOutcome, StorageCall, What};

/// Something that a writer may leave out. Whoever tells neither of starts nor of ends of instances can hide a constructor that
/// failed without a trace (R3): so rare that none of these histories has one.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Omits {
    Commits,
    /// Events of this kind.
    Kind(fn(&What) -> bool),
    /// `machine` and `wall_ns`.
    Places,
    /// The identities of alarms.
    Identities,
    /// How runs failed, and what instances were reset for.
    Ways,
}

pub(crate) const OMISSIONS: [Omits; 22] = [
    Omits::Commits,
    Omits::Kind(|what| matches!(what, What::InstanceStart { .. })),
    Omits::Kind(|what| matches!(what, What::ConstructorEnd { .. })),
    Omits::Kind(|what| matches!(what, What::InstanceEnd { .. })),
    Omits::Kind(|what| matches!(what, What::Deliver { .. })),
    Omits::Kind(|what| matches!(what, What::Respond { .. })),
    Omits::Kind(|what| matches!(what, What::Call { .. })),
    Omits::Kind(|what| matches!(what, What::Await { .. })),
    Omits::Kind(|what| matches!(what, What::Return { .. })),
    Omits::Kind(|what| matches!(what, What::Outbound { .. })),
    Omits::Kind(|what| matches!(what, What::RequestArrive { .. })),
    Omits::Kind(|what| matches!(what, What::AnswerLeave { .. } | What::AnswerLost { .. })),
    Omits::Kind(|what| matches!(what, What::OutboundLeave { .. })),
    Omits::Kind(|what| matches!(what, What::OutboundArrive { .. })),
    Omits::Kind(|what| matches!(what, What::OutboundAnswer { .. })),
    Omits::Kind(|what| matches!(what, What::OutboundReturn { .. })),
    Omits::Kind(|what| matches!(what, What::Process { .. })),
    Omits::Kind(|what| matches!(what, What::RequestStart { .. })),
    Omits::Kind(|what| matches!(what, What::RequestEnd { .. })),
    Omits::Places,
    Omits::Identities,
    Omits::Ways,
];

pub(crate) fn leave_out(history: &mut History, omits: Omits) {
    if let Omits::Commits = omits {
        history.header.omits = vec![Omission::Commits];
    }
    history.events.retain(|event| match omits {
        Omits::Commits => !matches!(event.what, What::Commit { .. }),
        Omits::Kind(is_it) => !is_it(&event.what),
        _ => true,
    });
    for event in &mut history.events {
        match (omits, &mut event.what) {
            (Omits::Places, _) => event.place = None,
            (Omits::Identities, What::RunStart { alarm, .. }) => *alarm = None,
            (Omits::Identities, What::Op { call: StorageCall::SetAlarm { alarm, .. }, .. }) => *alarm = None,
            (Omits::Identities, What::AtRest { alarm: Some(row), .. }) => row.alarm = None,
            (Omits::Ways, What::RunEnd { outcome: RunOutcome::Failed { how, .. }, .. }) => *how = None,
            (Omits::Ways, What::InstanceEnd { reason: EndReason::Reset { cause, .. } }) => *cause = None,
            _ => {}
        }
    }
}
