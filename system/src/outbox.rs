//! Messages on their way out of a machine. All that one `handle` sends to one machine leaves as one datagram: what is
//! sent together is cheaper, and arrives or is lost together.

use crate::ids::MachineId;
use crate::io::Effects;
use crate::route::Route;
use crate::wire::{self, Message};

/// Collects messages by destination.
#[derive(Debug, Default)]
pub struct Outbox {
    /// By machine, ascending. An emptied list stays, so that its memory is used again.
    lists: Vec<(MachineId, Vec<Message>)>,
    /// For the encoder.
    scratch: Vec<u8>,
}

impl Outbox {
    /// Adds a message. To oneself is a destination like any other: see [`Outbox::take`].
    pub fn push(&mut self, to: MachineId, message: Message) {
        let found = self.lists.binary_search_by_key(&to, |(machine, _)| *machine);
        let place = found.unwrap_or_else(|place| {
            self.lists.insert(place, (to, Vec::new()));
            place
        });
        self.lists[place].1.push(message);
    }

    /// Adds a message that goes this way.
    pub fn push_by(&mut self, route: Route, message: Message) {
        match route.via {
            None => self.push(route.machine, message),
            Some(via) => {
                let cargo = wire::encode(&[message], &mut self.scratch);
                self.push(via, Message::Forward { to: route.machine, cargo });
            }
        }
    }

    /// Takes out what is for this machine, in the order in which it was pushed.
    pub fn take(&mut self, to: MachineId) -> Vec<Message> {
        match self.lists.binary_search_by_key(&to, |(machine, _)| *machine) {
            Ok(place) => std::mem::take(&mut self.lists[place].1),
            Err(_) => Vec::new(),
        }
    }

    /// Sends what was collected: one datagram to each machine, machines ascending, messages in the order in which they
    /// were pushed.
    pub fn drain_into(&mut self, out: &mut Effects) {
        for (to, messages) in &mut self.lists {
            if !messages.is_empty() {
                out.sends.push((*to, wire::encode(messages, &mut self.scratch)));
                messages.clear();
            }
        }
    }
}
