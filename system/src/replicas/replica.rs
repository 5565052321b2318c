//! One replica of one group: consensus, what waits for the disk, the state machine, and who waits for it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::placement::Placement;
use crate::config::Config;
use crate::consensus::{Entry, Letter, Members, Node, NotLeader, Persist, Ready, Snapshot};
use crate::ids::{Batch, GroupId, MachineId, ReplicaId};
use crate::io::Effects;
use crate::log::{Log, Record};
use crate::observe::Observation;
use crate::outbox::Outbox;
use crate::route::Route;
use crate::store::Store;
use crate::store::command::{Applied, Command, Query};
use crate::wire::{Ask, Message, Proposed};

/// A replica that does not vote asks to be taken in once in so many ticks.
const ASK_TICKS: u32 = 2;

/// A replica.
pub(super) struct Replica {
    group: GroupId,
    /// The machines that have a place in the group.
    places: Vec<MachineId>,
    node: Node,
    placement: Placement,
    /// The position in the log behind the last thing of this replica that must be durable before it says more.
    must_be_durable: u64,
    /// Steps that wait for the log, oldest first.
    held: VecDeque<Held>,
    store: Store,
    /// Everything up to this index is applied to `store`.
    applied: u64,
    /// Who waits for the entry at an index.
    askers: BTreeMap<u64, Askers>,
    /// Where the proposals of the askers stand: one that comes again is under way already.
    under_way: BTreeMap<Ask, u64>,
    /// The last term that this replica was elected in, and the term of the last entry applied.
    led_term: u64,
    applied_term: u64,
    /// Questions by the index that they wait for, then by arrival.
    parked: BTreeMap<(u64, u64), Parked>,
    parked_ever: u64,
    /// The questions in `parked`: one that comes again is there already.
    parked_asks: BTreeSet<Ask>,
    /// [`crate::config::Bounds::entries_kept`].
    entries_kept: u64,
    /// [`crate::config::Tuning::parked_reads`].
    parked_reads_max: usize,
    /// Ticks until it asks to be taken in, while it does not vote.
    asks_in_ticks: u32,
    /// Made since the last settling.
    messages: Vec<(Route, Message)>,
    /// Batches of stale epochs that were refused without an entry since the last settling.
    refused: Vec<Batch>,
}

/// A step of consensus that is not durable yet.
struct Held {
    number: u64,
    /// The log has to be durable up to here.
    position: u64,
    messages: Vec<(MachineId, Letter)>,
}

/// Who waits for a proposal.
struct Askers {
    /// The term in which it was proposed: an entry of another term in its place is not it.
    term: u64,
    asked: Vec<(Route, Ask)>,
}

/// A question that came before its answer was known.
struct Parked {
    from: Route,
    ask: Ask,
    query: Query,
}

impl Replica {
    /// The replica with what it has recovered. The log ends at `log_end`.
    pub(super) fn new(
        config: &Config,
        group: GroupId,
        me: ReplicaId,
        recovered: Vec<Persist>,
        log_end: u64,
    ) -> Self {
        let snapshot = recovered.iter().rev().find_map(|persist| persist.snapshot.as_ref());
        let (store, applied) = match snapshot {
            Some(snapshot) => (Store::from_bytes(&snapshot.data), snapshot.index),
            None => (Store::new(config, group), 0),
        };
        Self {
            group,
            places: config.replicas_of(group).collect(),
            node: Node::new(config, group, me, recovered),
            placement: Placement::new(config, group, me.machine()),
            // D8: what was recovered may stand in a page cache only, and must not be told before it is durable.
            must_be_durable: log_end,
            held: VecDeque::new(),
            store,
            applied,
            askers: BTreeMap::new(),
            under_way: BTreeMap::new(),
            led_term: 0,
            applied_term: 0,
            parked: BTreeMap::new(),
            parked_ever: 0,
            parked_asks: BTreeSet::new(),
            entries_kept: config.bounds.entries_kept,
            parked_reads_max: config.tuning.parked_reads as usize,
            asks_in_ticks: 0,
            messages: Vec::new(),
            refused: Vec::new(),
        }
    }

    /// Time passes, on a machine that is fit to lead or not. Returns whether it has to settle.
    pub(super) fn tick(&mut self, is_fit: bool) -> bool {
        let has_ticked = self.node.tick(is_fit);
        if !self.node.is_leader() {
            self.placement.follower_ticks();
            return self.ask_to_join() || has_ticked;
        }
        let node = &self.node;
        let better = self.placement.leader_ticks(self.store.holders(), |machine| node.can_lead(machine));
        if let Some(machine) = better {
            self.node.transfer(machine);
        }
        has_ticked || better.is_some()
    }

    /// D8: a replica whose predecessor's disk is gone asks to be taken in, until it votes. Returns whether it has just asked.
    fn ask_to_join(&mut self) -> bool {
        if self.node.is_voter() {
            return false;
        }
        let is_time = self.asks_in_ticks == 0;
        self.asks_in_ticks = if is_time { ASK_TICKS } else { self.asks_in_ticks } - 1;
        if is_time {
            let (group, replica) = (self.group, self.node.me());
            // Whoever leads may not be known here, and may change.
            let others = self.places.iter().filter(|place| **place != replica.machine());
            let asks = others.map(|place| (Route::direct(*place), Message::Join { group, replica }));
            self.messages.extend(asks);
        }
        is_time
    }

    /// A replica asks to be taken in.
    pub(super) fn asks_to_join(&mut self, replica: ReplicaId) {
        self.node.asks_to_join(replica);
    }

    /// D8: whether what it holds is the group's: it has been a member from the begin, or was told the group's state.
    fn is_whole(&self) -> bool {
        self.applied > 0 || self.node.is_voter()
    }

    pub(super) fn step(&mut self, from: MachineId, letter: Letter) {
        self.node.step(from, letter);
    }

    /// Proposes a command for all who have asked for it, or for a part of it, and do not have it under way already.
    pub(super) fn propose(&mut self, mut asked: Vec<(Route, Ask)>, command: &Command) {
        let batch = batch_of(command);
        asked.retain(|(from, ask)| !self.is_known(*from, *ask, batch));
        if asked.is_empty() {
            return;
        }
        let data = postcard::to_stdvec(command).expect("our own commands can be encoded");
        match self.node.propose(data) {
            Ok(proposal) => {
                self.under_way.extend(asked.iter().map(|(_, ask)| (*ask, proposal.index)));
                self.askers.insert(proposal.index, Askers { term: proposal.term, asked });
            }
            Err(NotLeader { leader }) => self.tell_all(asked, &Proposed::NotLeader { leader }),
        }
    }

    /// Somebody waits for the end of a proposal and does not want to send it again.
    pub(super) fn inquire(&mut self, from: Route, ask: Ask, batch: Batch) {
        if self.is_known(from, ask, Some(batch)) {
            return;
        }
        let result = if !self.node.is_leader() {
            Proposed::NotLeader { leader: self.node.leader() }
        } else if self.applied_term < self.led_term {
            // It may stand among the entries that former leaders have left.
            Proposed::Pending
        } else {
            Proposed::Unknown
        };
        self.tell(from, ask, result);
    }

    /// Whether a proposal is under way here, or its batch decided before. Then whoever asks is told.
    fn is_known(&mut self, from: Route, ask: Ask, batch: Option<Batch>) -> bool {
        let askers = self.under_way.get(&ask).and_then(|index| self.askers.get_mut(index));
        let asker = askers.and_then(|askers| askers.asked.iter_mut().find(|(_, known)| *known == ask));
        if let Some((route, _)) = asker {
            // The way that works now.
            *route = from;
            self.tell(from, ask, Proposed::Pending);
            return true;
        }
        let batch = batch.filter(|_| self.node.is_leader());
        let Some((batch, applied)) = batch.and_then(|batch| Some((batch, self.store.decided(batch)?))) else {
            return false;
        };
        if matches!(applied, Applied::Stale(_)) {
            self.refused.push(batch);
        }
        self.tell(from, ask, Proposed::Applied { applied, index: self.applied });
        true
    }

    fn tell(&mut self, to: Route, ask: Ask, result: Proposed) {
        self.messages.push((to, Message::Proposed { ask, result }));
    }

    fn tell_all(&mut self, asked: Vec<(Route, Ask)>, result: &Proposed) {
        asked.into_iter().for_each(|(to, ask)| self.tell(to, ask, result.clone()));
    }

    pub(super) fn read(&mut self, from: Route, ask: Ask, at_least: u64, query: Query) {
        if !self.is_whole() {
            return;
        }
        if at_least <= self.applied {
            let answer = self.store.read(&query);
            self.messages.push((from, Message::ReadDone { ask, answer }));
        } else if self.parked.len() < self.parked_reads_max && self.parked_asks.insert(ask) {
            self.parked_ever += 1;
            self.parked.insert((at_least, self.parked_ever), Parked { from, ask, query });
        }
    }

    /// The log is durable up to `durable`. Returns whether this replica has to settle.
    pub(super) fn release(&mut self, durable: u64) -> bool {
        let mut last = None;
        while let Some(held) = self.held.pop_front_if(|held| held.position <= durable) {
            last = Some(held.number);
            self.queue(held.messages);
        }
        if let Some(number) = last {
            self.node.persisted(number);
        }
        last.is_some()
    }

    /// Goes on until there is nothing more to do without the disk or the network.
    pub(super) fn settle(&mut self, log: &mut Log, post: &mut Outbox, out: &mut Effects) {
        while let Some(ready) = self.node.ready() {
            self.take(ready, log, out);
        }
        if !self.node.is_leader() {
            // Whether their proposals survive is for the next leader to decide.
            self.askers.clear();
            self.under_way.clear();
        }
        if self.node.wants_snapshot() {
            self.node.offer_snapshot(self.applied, self.store.to_bytes());
        }
        self.node.compact(self.applied, self.entries_kept);
        self.answer_parked();
        for Batch { slice, epoch, .. } in std::mem::take(&mut self.refused) {
            out.observed.push(Observation::StaleEpoch { slice, epoch });
        }
        for (to, message) in self.messages.drain(..) {
            post.push_by(to, message);
        }
    }

    /// All that the log has to hold of this replica. Wanted only while there is nothing to settle.
    pub(super) fn base(&self) -> Record {
        Record { group: self.group, persist: self.node.base(self.applied, self.store.to_bytes()) }
    }

    pub(super) fn store(&self) -> (&Store, u64) {
        (&self.store, self.applied)
    }

    pub(super) fn members(&self) -> Members {
        self.node.members()
    }

    pub(super) fn leader(&self) -> Option<MachineId> {
        self.node.leader()
    }

    pub(super) fn is_leader(&self) -> bool {
        self.node.is_leader()
    }

    fn take(&mut self, ready: Ready, log: &mut Log, out: &mut Effects) {
        if let Some(term) = ready.elected {
            self.led_term = term;
            out.observed.push(Observation::Elected { group: self.group, term });
        }
        self.queue(ready.send);
        if let Some(snapshot) = &ready.persist.snapshot {
            self.install(snapshot);
            out.observed.push(Observation::Installed { group: self.group, index: snapshot.index });
        }
        if !ready.persist.is_empty() {
            log.append(&Record { group: self.group, persist: ready.persist });
            self.must_be_durable = log.end();
        }
        let position = self.must_be_durable;
        self.held.push_back(Held { number: ready.number, position, messages: ready.send_persisted });
        self.release(log.durable());
        for entry in ready.committed {
            self.apply(&entry, out);
        }
    }

    /// D2: a replica that has lagged too far behind takes over the state of its leader. Nothing is observed of the
    /// entries that it skips: a replica that had applied each of them before has made the snapshot.
    fn install(&mut self, snapshot: &Snapshot) {
        assert!(snapshot.index > self.applied, "{:?} never goes back", self.group);
        self.store = Store::from_bytes(&snapshot.data);
        self.applied = snapshot.index;
    }

    fn apply(&mut self, entry: &Entry, out: &mut Effects) {
        assert_eq!(entry.index, self.applied + 1, "{:?} applies its log without a gap", self.group);
        (self.applied, self.applied_term) = (entry.index, entry.term);
        let askers = self.askers.remove(&entry.index);
        for (_, ask) in askers.iter().flat_map(|askers| &askers.asked) {
            self.under_way.remove(ask);
        }
        let askers = askers.filter(|askers| askers.term == entry.term);
        if entry.data.is_empty() || entry.is_change {
            return;
        }
        let command: Command = postcard::from_bytes(&entry.data).expect("entries are commands of ours");
        let commit = match &command {
            Command::Commit(commit) => Some((commit.slice, commit.epoch)),
            Command::Claim(_) | Command::Release(_) | Command::Registry(_) => None,
        };
        let outcome = self.store.apply(command);
        if !outcome.turns.is_empty() {
            let (group, index) = (self.group, entry.index);
            out.observed.push(Observation::Applied { group, index, turns: outcome.turns });
        }
        // A claim that comes too late is how machines find out the epoch, and nothing to tell.
        if let (Applied::Stale(_), Some((slice, epoch))) = (&outcome.applied, commit) {
            out.observed.push(Observation::StaleEpoch { slice, epoch });
        }
        if let Some(Askers { asked, .. }) = askers {
            self.tell_all(asked, &Proposed::Applied { applied: outcome.applied, index: entry.index });
        }
    }

    fn answer_parked(&mut self) {
        while let Some(first) = self.parked.first_entry() {
            if first.key().0 > self.applied {
                return;
            }
            let Parked { from, ask, query } = first.remove();
            self.parked_asks.remove(&ask);
            let answer = self.store.read(&query);
            self.messages.push((from, Message::ReadDone { ask, answer }));
        }
    }

    fn queue(&mut self, messages: Vec<(MachineId, Letter)>) {
        let group = self.group;
        let wrap = |(to, letter)| (Route::direct(to), Message::Consensus { group, letter });
        self.messages.extend(messages.into_iter().map(wrap));
    }
}

/// Which batch a command is, if it is one.
fn batch_of(command: &Command) -> Option<Batch> {
    match command {
        Command::Commit(commit) => Some(commit.id()),
        Command::Claim(_) | Command::Release(_) | Command::Registry(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{DiskId, SliceId};

    #[test]
    fn no_more_questions_wait_than_may() {
        let mut config = Config::new(1, 1, 1, 1);
        config.tuning.parked_reads = 2;
        let me = ReplicaId::new(MachineId(0), DiskId::FOUNDING);
        let mut replica = Replica::new(&config, GroupId(0), me, Vec::new(), 0);
        for number in 0..5 {
            let query = Query::Holder { slice: SliceId(0) };
            replica.read(Route::direct(MachineId(0)), Ask { boot: 1, number }, 7, query);
        }
        let waiting: Vec<u64> = replica.parked.values().map(|parked| parked.ask.number).collect();
        assert_eq!(waiting, [0, 1]);
    }
}
