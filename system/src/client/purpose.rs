//! What a question is for. It stands with the question, at whoever asks, and never travels: so an answer can only be taken for
//! what was asked.

use crate::ids::{ObjectName, OpId, SliceId, Stamp};
use crate::store::command::{Answer, Applied};

/// One stay of a slice on this machine, from its first question to its end. A later stay of the same slice is another one:
/// what was asked in one is no answer in the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tenure {
    pub(crate) slice: SliceId,
    /// Unique in this boot.
    pub(crate) number: u64,
}

/// What a question is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The machine's own session.
    Session,
    /// A decision about other machines.
    Decision,
    /// A slice, in this tenure of it.
    Slice(Tenure, About),
}

/// What is asked about a slice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum About {
    /// Who holds it.
    Holder,
    /// Its claim.
    Claim,
    /// The batch in flight.
    Commit,
    /// Its release.
    Release,
    /// A page of the due index.
    Due,
    /// A read of an instance.
    Read(ObjectName, Stamp, OpId),
}

impl Purpose {
    /// The tenure in which it is asked.
    pub(crate) fn tenure(&self) -> Option<Tenure> {
        match self {
            Purpose::Session | Purpose::Decision => None,
            Purpose::Slice(tenure, _) => Some(*tenure),
        }
    }

    /// Whether a command for this can have this result.
    pub(crate) fn is_decided_by(&self, applied: &Applied) -> bool {
        matches!(
            (self, applied),
            (Purpose::Session | Purpose::Decision, Applied::Registry(_))
                | (Purpose::Slice(_, About::Claim), Applied::Claimed(_) | Applied::Stale(_))
                | (Purpose::Slice(_, About::Commit), Applied::Committed | Applied::Stale(_))
                | (Purpose::Slice(_, About::Release), Applied::Released | Applied::Stale(_))
        )
    }

    /// Whether a read for this can have this answer.
    pub(crate) fn is_answered_by(&self, answer: &Answer) -> bool {
        matches!(
            (self, answer),
            (Purpose::Slice(_, About::Holder), Answer::Holder(..))
                | (Purpose::Slice(_, About::Due), Answer::Due(_))
                | (Purpose::Slice(_, About::Read(..)), Answer::Value(_) | Answer::Entries(_))
        )
    }
}
