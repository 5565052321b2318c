//! Messages on their way out of a machine. All that one `handle` sends to one machine leaves as one datagram: what is
//! sent together is cheaper, and arrives or is lost together.

use std::collections::BTreeMap;

use crate::ids::MachineId;
use crate::io::Effects;
use crate::wire::{self, Message};

/// Collects messages by destination.
#[derive(Debug, Default)]
pub struct Outbox {
    /// An emptied list stays, so that its memory is used again.
    by_machine: BTreeMap<MachineId, Vec<Message>>,
}

impl Outbox {
    /// Adds a message. To oneself is a destination like any other: the caller of the machine loops it back.
    pub fn push(&mut self, to: MachineId, message: Message) {
        self.by_machine.entry(to).or_default().push(message);
    }

    /// Sends what was collected: one datagram to each machine, machines ascending, messages in the order in which they
    /// were pushed.
    pub fn drain_into(&mut self, out: &mut Effects) {
        for (to, messages) in &mut self.by_machine {
            if !messages.is_empty() {
                out.sends.push((*to, wire::encode(messages)));
                messages.clear();
            }
        }
    }
}
