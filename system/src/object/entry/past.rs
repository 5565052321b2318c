//! What is left of an instance that was reset: turns on their way to the datastore, and messages that wait for them (O5).
//!
//! No code of it runs any more, and the object may have its next instance by now, which goes on from it ([`Past::turns`]). What
//! it wrote is kept (R8); if the datastore refuses it, the slice is lost, and with it all that lives there.

use super::life::Output;
use super::{Host, Inbox};
use crate::ids::Stamp;
use crate::object::port::{Core, Turns};
use crate::store::command::{AlarmRow, TurnWrites};

/// An instance that was reset.
pub(super) struct Past {
    core: Core,
    output: Output,
}

impl Past {
    pub(super) fn new(core: Core, output: Output) -> Self {
        Self { core, output }
    }

    pub(super) fn id(&self) -> Stamp {
        self.core.instance
    }

    /// The scheduled alarm as the instance has left it.
    pub(super) fn scheduled(&self) -> Option<AlarmRow> {
        self.core.view.scheduled()
    }

    /// What the next instance goes on from.
    pub(super) fn turns(&self) -> Turns {
        self.core.turns()
    }

    /// A turn's writes are durable: its own, or those of an instance before it.
    pub(super) fn saved(&mut self, writes: &TurnWrites) {
        self.core.saved(writes);
    }

    /// O5: lets out what waits for nothing any more.
    pub(super) fn open_output_gate(&mut self, inbox: &mut Inbox, host: &mut Host<'_, '_>) {
        self.output.open(&mut self.core, inbox, host);
    }

    /// Whether everything it wrote is durable and everything it sent has left.
    pub(super) fn is_drained(&self) -> bool {
        self.core.is_saved() && self.output.is_empty()
    }
}
