//! Messages from machine to machine: what the network does with each is decided as it leaves, and once more as it arrives.

use bytes::Bytes;
use reveille_system::ids::MachineId;
use reveille_system::io::Input;

use super::{Event, World};
use crate::net::Fate;
use crate::trace::Kind;

impl World<'_> {
    pub(super) fn send(&mut self, from: MachineId, to: MachineId, bytes: Bytes) {
        let len = bytes.len() as u64;
        self.record.counts.messages_sent += 1;
        self.note(Some(from), Kind::Sent, u64::from(to.0), len);
        self.record.trace.bytes(&bytes);
        match self.net.send(self.now_ns, from, to) {
            Fate::Arrives { after_ns, slowed_by, delayed_by, again } => {
                let bytes = self.corrupted(from, to, bytes);
                slowed_by.into_iter().chain(delayed_by).for_each(|fault| self.took_effect(fault));
                if let Some(again) = again {
                    self.took_effect(again.by);
                    let event = Event::Deliver { from, to, bytes: bytes.clone() };
                    self.queue.push(self.now_ns + again.after_ns, event);
                }
                self.queue.push(self.now_ns + after_ns, Event::Deliver { from, to, bytes });
            }
            Fate::Lost { to: fault } => {
                self.message_lost_to(fault, to);
                self.note(Some(from), Kind::Lost, u64::from(to.0), len);
            }
        }
    }

    /// The message as it arrives.
    fn corrupted(&mut self, from: MachineId, to: MachineId, bytes: Bytes) -> Bytes {
        let Some((fault, bit)) = self.net.corrupted(from, to, bytes.len()) else { return bytes };
        self.took_effect(fault);
        let mut corrupted = bytes.to_vec();
        corrupted[bit / 8] ^= 1 << (bit % 8);
        corrupted.into()
    }

    /// A message arrives. The network knows no incarnations: whichever runs now gets it.
    pub(super) fn deliver(&mut self, from: MachineId, to: MachineId, bytes: Bytes) {
        let len = bytes.len() as u64;
        if !self.is_up(to) {
            self.record.counts.messages_lost += 1;
            self.note(Some(to), Kind::Undelivered, u64::from(from.0), len);
            return;
        }
        if let Some(fault) = self.net.closed_by(self.now_ns, from, to) {
            self.message_lost_to(fault, to);
            self.note(Some(to), Kind::CutOff, u64::from(from.0), len);
            return;
        }
        self.reach(to, Kind::Delivered, u64::from(from.0), len, Input::Message { from, bytes });
    }
}
