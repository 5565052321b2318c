//! Renewals of sessions on their way into the log of the system group. Its leader collects them until its next tick and
//! proposes them as one entry: together they cost hardly more than one of them.
//!
//! The entry says how many ticks have passed: the beats by which the registry tells time.

use crate::ids::GroupId;
use crate::registry::{Change, Renewal};
use crate::replicas::Replicas;
use crate::route::Route;
use crate::store::command::Command;
use crate::wire::Ask;

/// The most beats of one entry, 2 s: while anybody can renew, somebody does so more often.
const BEATS_MAX: u64 = 4;

/// What the leader of the system group has collected.
#[derive(Debug, Default)]
pub(crate) struct Renewals {
    asked: Vec<(Route, Ask)>,
    renewals: Vec<Renewal>,
    /// Ticks as the leader since the last entry.
    beats: u64,
}

impl Renewals {
    /// Takes what a machine has asked for; it is answered when the entry is applied.
    pub(crate) fn take(&mut self, from: Route, ask: Ask, renewals: Vec<Renewal>) {
        self.asked.push((from, ask));
        self.renewals.extend(renewals);
    }

    /// Proposes what was collected. Wanted once a tick. If the replica here leads no more, all who asked are told so.
    pub(crate) fn tick(&mut self, system: GroupId, replicas: &mut Replicas) {
        self.beats = if replicas.is_leader(system) { BEATS_MAX.min(self.beats + 1) } else { 0 };
        if !self.asked.is_empty() {
            let (asked, renewals) = (std::mem::take(&mut self.asked), std::mem::take(&mut self.renewals));
            let change = Change::Renew { beats: std::mem::take(&mut self.beats), renewals };
            replicas.propose_for(asked, system, Command::Registry(change));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::ids::{MachineId, SessionId};
    use crate::io::{DiskOp, Effects};
    use crate::log::Formatted;
    use crate::outbox::Outbox;
    use crate::wire::{self, Message, Proposed};

    /// Does what follows, with a disk that needs no time. Returns what is sent.
    fn settle(replicas: &mut Replicas, mut out: Effects) -> Vec<(MachineId, Message)> {
        let mut sent = Vec::new();
        loop {
            let mut outbox = Outbox::default();
            replicas.settle(&mut outbox, &mut out);
            outbox.drain_into(&mut out);
            for (to, bytes) in out.sends.drain(..) {
                let messages = wire::decode(&bytes).expect("our own datagram");
                sent.extend(messages.into_iter().map(|message| (to, message)));
            }
            let syncs = std::mem::take(&mut out.disk);
            if syncs.is_empty() {
                return sent;
            }
            for sync in syncs {
                if let DiskOp::Sync { ticket, .. } = sync {
                    replicas.synced(ticket, &mut out);
                }
            }
        }
    }

    #[test]
    fn all_renewals_of_a_tick_are_one_entry_and_everybody_is_answered() {
        let config = Config::new(1, 1, 1, 1);
        let system = config.system_group();
        let mut out = Effects::default();
        let mut replicas = Replicas::boot(&config, MachineId(0), 1, &Formatted, &mut out);
        settle(&mut replicas, out);
        while !replicas.is_leader(system) {
            replicas.tick();
            settle(&mut replicas, Effects::default());
        }
        let applied = |replicas: &Replicas| replicas.store(system).map(|(_, index)| index);
        let before = applied(&replicas);

        let mut renewals = Renewals::default();
        let ask = |number| Ask { boot: 1, number };
        let renewal = |session| Renewal { session: SessionId(session), over: 0, ran_out: false };
        renewals.take(Route::direct(MachineId(1)), ask(7), vec![renewal(1)]);
        renewals.take(Route::direct(MachineId(2)), ask(8), vec![renewal(2)]);
        renewals.tick(system, &mut replicas);
        let sent = settle(&mut replicas, Effects::default());

        assert_eq!(applied(&replicas), before.map(|index| index + 1));
        let answered = |(to, message): &(MachineId, Message)| match message {
            Message::Proposed { ask, result: Proposed::Applied { .. } } => Some((*to, *ask)),
            _ => None,
        };
        let answered: Vec<_> = sent.iter().filter_map(answered).collect();
        assert_eq!(answered, [(MachineId(1), ask(7)), (MachineId(2), ask(8))]);
    }
}
