//! The consensus library behind [`super`]: one replica of one group on raft-rs. The only file that names the library.
//! It knows neither the disk nor what the entries mean. A panic of the library is a finding: nobody catches it.

use bytes::Bytes;
use raft::eraftpb::{EntryType, Message, MessageType};
use raft::{INVALID_ID, RawNode, SnapshotStatus, StateRole};

use super::{Entry, HardState, NotLeader, Persist, Proposal, Ready, Snapshot};
use crate::config::{Config, TICK_MS};
use crate::ids::{GroupId, MachineId};

mod leadership;
mod letter;
mod memory;
mod snapshots;
mod timeouts;

use leadership::{Leadership, Next};
pub use letter::Letter;
use memory::Memory;
use snapshots::Snapshots;
use timeouts::Timeouts;

/// Ticks between heartbeats.
const HEARTBEAT_TICKS: usize = 1;
/// For so many beats a follower that hears its leader refuses to vote for anybody else, and a leader that hears no majority
/// goes on. Without a leader a replica waits longer before it asks for votes: see [`Timeouts`]. A beat is a tick, or as many as
/// are [`TICK_MS`]: however short ticks are, a timeout is longer than the round trips of links that count as connected (L2).
const ELECTION_BEATS: usize = 4;
/// How many in the system group: while it has no leader nobody can be found dead, so all that fails with its leader waits
/// for this first (L1).
const SYSTEM_ELECTION_BEATS: usize = 3;
/// The most messages with entries on their way to one follower.
const APPENDS_INFLIGHT_MAX: usize = 64;
/// The most bytes of committed entries that one step gives out.
const COMMITTED_BYTES_MAX: u64 = 4 << 20;

/// One replica of a group.
pub struct Node {
    raw: RawNode<Memory>,
    timeouts: Timeouts,
    /// The election timeout in ticks, and what it is for: the term, and whether the replica is reluctant.
    timeout: (u64, bool, usize),
    /// Whether it asks for votes at once while the group has had no leader yet.
    goes_first: bool,
    /// The last term of which it was told to be the leader.
    led_term: u64,
    /// Number of the step that brought a snapshot, and the snapshot's index, until it is durable.
    installing: Option<(u64, u64)>,
    snapshots: Snapshots,
    leadership: Leadership,
}

impl Node {
    /// The replica of `group` on `me`, with what it has `recovered` from before, in order. All committed entries behind
    /// the last snapshot in it are given out anew.
    ///
    /// # Panics
    ///
    /// If `me` has no replica of the group, or `recovered` is no history of a replica.
    pub fn new(
        config: &Config,
        group: GroupId,
        me: MachineId,
        recovered: impl IntoIterator<Item = Persist>,
    ) -> Self {
        let replicas = config.replicas_of(group);
        let rank = replicas.clone().position(|machine| machine == me).expect("this machine has a replica");
        let mut memory = Memory::new(replicas.clone().map(raft_id).collect());
        for persist in recovered {
            memory.persist(&persist);
        }
        let is_system = group == config.system_group();
        let beat_ticks = usize::try_from(TICK_MS.div_ceil(config.tick_ms)).expect("a small number");
        let election_ticks = beat_ticks * if is_system { SYSTEM_ELECTION_BEATS } else { ELECTION_BEATS };
        let timeouts =
            Timeouts { group, rank, replicas: replicas.clone().count(), election_ticks, beat_ticks };
        let settings = raft::Config {
            id: raft_id(me),
            heartbeat_tick: HEARTBEAT_TICKS,
            election_tick: election_ticks,
            max_election_tick: timeouts.longest() + 1,
            // The state machine is built anew at each boot, so every entry behind the snapshot is applied again.
            applied: memory.before(),
            max_size_per_msg: config.tuning.append_bytes,
            max_inflight_msgs: APPENDS_INFLIGHT_MAX,
            max_committed_size_per_ready: COMMITTED_BYTES_MAX,
            check_quorum: true,
            pre_vote: true,
            // The next entries or the next heartbeat tell what is committed: nobody waits for a follower to know it.
            skip_bcast_commit: true,
            // raft-rs 0.7.0 joins entries to an empty message that is older than a rejection, whose index is then not
            // the one before them: the follower acknowledges more than it has.
            batch_append: false,
            // A lease counted in ticks does not notice that its machine was paused.
            read_only_option: raft::ReadOnlyOption::Safe,
            ..raft::Config::default()
        };
        let quiet = slog::Logger::root(slog::Discard, slog::o!());
        let raw = RawNode::new(&settings, memory, &quiet).expect("our settings are valid");
        // Leaders of the groups begin spread over the datacenters.
        let goes_first = rank == usize::from(group.0 % config.datacenters);
        let others = replicas.filter(|machine| *machine != me).map(raft_id);
        let mut node = Self {
            raw,
            timeouts,
            timeout: (0, false, timeouts.ticks(0, false)),
            goes_first,
            led_term: 0,
            installing: None,
            snapshots: Snapshots::new(others.clone()),
            leadership: Leadership::new(config.tick_ms, is_system, others),
        };
        node.call(|_| ());
        node
    }

    /// Time passes, on a machine that is fit to lead or not. Returns whether there may be something [`Node::ready`].
    pub fn tick(&mut self, is_fit: bool) -> bool {
        let next = self.leadership.tick(&self.raw.raft, is_fit);
        // The library panics at a campaign while entries that count as not applied are gone.
        if self.installing.is_some() {
            return false;
        }
        let campaigns = self.goes_first && self.raw.raft.term == 0 && !self.leadership.is_reluctant();
        let lost = self.snapshots.tick(&self.raw.raft);
        self.call(|raw| {
            match next {
                Next::Stay => {}
                Next::Transfer(to) => raw.transfer_leader(to),
                // Before the library sends another heartbeat, which would keep the others from an election.
                Next::StepDown => raw.raft.become_follower(raw.raft.term, INVALID_ID),
            }
            for peer in lost {
                raw.report_snapshot(peer, SnapshotStatus::Failure);
            }
            let busy = raw.tick();
            if campaigns {
                raw.campaign().expect("a campaign is never refused");
            }
            busy || campaigns || next != Next::Stay
        })
    }

    /// Takes a message from another replica. What cannot be one is ignored.
    pub fn step(&mut self, from: MachineId, letter: Letter) {
        let Some(message) = letter.read(from, self.raw.raft.id) else { return };
        // L2: whoever cannot lead well does not take over; the leader goes on when its transfer has timed out.
        if message.msg_type == MessageType::MsgTimeoutNow && self.leadership.is_reluctant() {
            return;
        }
        let answers =
            matches!(message.msg_type, MessageType::MsgAppendResponse | MessageType::MsgHeartbeatResponse);
        if answers && message.term == self.raw.raft.term {
            self.leadership.heard(message.from);
        }
        // An error says that the message is of no use to this replica, which is what loss is like.
        let _ = self.call(|raw| raw.step(message));
    }

    /// Whether the replica on `machine` is a follower that could lead at once: it answers, and has all that was committed
    /// two ticks ago.
    pub fn can_lead(&self, machine: MachineId) -> bool {
        self.is_leader() && self.leadership.can_lead(&self.raw.raft, raft_id(machine))
    }

    /// Transfers leadership to the replica on `machine`, if it takes it. Proposals are refused until it has, or an election
    /// timeout is over.
    pub fn transfer(&mut self, machine: MachineId) {
        self.call(|raw| raw.transfer_leader(raft_id(machine)));
    }

    /// Puts `data` into the group's log. Whether it will be committed is not known yet.
    ///
    /// # Errors
    ///
    /// If this replica is not the leader.
    pub fn propose(&mut self, data: Vec<u8>) -> Result<Proposal, NotLeader> {
        if !self.is_leader() {
            return Err(NotLeader { leader: self.leader() });
        }
        let context = Vec::new();
        // A leader that is about to hand over drops proposals.
        self.call(|raw| raw.propose(context, data)).map_err(|_| NotLeader { leader: None })?;
        Ok(Proposal { term: self.raw.raft.term, index: self.raw.raft.raft_log.last_index() })
    }

    /// What is to be done next, if anything. The committed entries count as applied.
    pub fn ready(&mut self) -> Option<Ready> {
        if !self.raw.has_ready() {
            return None;
        }
        let led_term = self.led_term;
        let ready = self.call(|raw| take_ready(raw, led_term));
        self.led_term = ready.elected.unwrap_or(led_term);
        if let Some(snapshot) = &ready.persist.snapshot {
            self.installing = Some((ready.number, snapshot.index));
        }
        Some(ready)
    }

    /// All steps up to this number are durable, as far as they must be.
    pub fn persisted(&mut self, number: u64) {
        let installed = self.installing.take_if(|(step, _)| *step <= number);
        self.call(|raw| {
            raw.on_persist_ready(number);
            if let Some((_, index)) = installed {
                raw.advance_apply_to(index);
            }
        });
    }

    /// Whether a follower waits for [`Node::offer_snapshot`].
    pub fn wants_snapshot(&self) -> bool {
        self.raw.store().wants_snapshot()
    }

    /// `data` is what the entries up to `applied`, the last one applied, add up to. It is sent to followers that lag
    /// too far behind.
    pub fn offer_snapshot(&mut self, applied: u64, data: Bytes) {
        self.call(|raw| raw.mut_store().offer(applied, data));
    }

    /// Drops entries up to `applied`, the last one applied, but keeps the last `kept`, so that a follower that lags
    /// behind a little needs no snapshot. Does nothing until twice as many are there: dropping is paid for by what it
    /// drops.
    pub fn compact(&mut self, applied: u64, kept: u64) {
        if self.raw.store().kept(applied) > 2 * kept {
            self.call(|raw| raw.mut_store().compact(applied - kept));
        }
    }

    /// All that this replica has to remember, in one: what it was given to persist so far is not needed beside it.
    /// `data` is what the entries up to `applied`, the last one applied, add up to.
    pub fn base(&self, applied: u64, data: Bytes) -> Persist {
        self.raw.store().base(applied, data)
    }

    /// The leader of the group, as far as this replica knows.
    pub fn leader(&self) -> Option<MachineId> {
        machine_of(self.raw.raft.leader_id)
    }

    /// Whether this replica believes to be the leader.
    pub fn is_leader(&self) -> bool {
        self.raw.raft.state == StateRole::Leader
    }

    /// Every change of the library's state goes through here: whenever it changes roles it draws an election timeout
    /// from the operating system's entropy, and that must never be used.
    fn call<R>(&mut self, change: impl FnOnce(&mut RawNode<Memory>) -> R) -> R {
        let result = change(&mut self.raw);
        let (term, is_reluctant) = (self.raw.raft.term, self.leadership.is_reluctant());
        if (self.timeout.0, self.timeout.1) != (term, is_reluctant) {
            self.timeout = (term, is_reluctant, self.timeouts.ticks(term, is_reluctant));
        }
        self.raw.raft.set_randomized_election_timeout(self.timeout.2);
        result
    }
}

fn take_ready(raw: &mut RawNode<Memory>, led_term: u64) -> Ready {
    let mut ready = raw.ready();
    let (number, must_sync) = (ready.number(), ready.must_sync());
    let (send, send_persisted) = (ready.take_messages(), ready.take_persisted_messages());
    let committed: Vec<_> = ready.take_committed_entries().into_iter().map(entry_of).collect();
    let entries = ready.take_entries().into_iter().map(entry_of).collect();
    let hard_state = ready.hs().map(hard_state_of);
    let snapshot = snapshot_of(ready.snapshot());
    // What is committed the group knows, whatever a replica forgets: a commit index alone is not worth a record.
    let mut persist = Persist { snapshot, entries, hard_state };
    raw.mut_store().persist(&persist);
    persist.hard_state = must_sync.then(|| raw.store().hard_state());
    raw.advance_append_async(ready);
    if let Some(last) = committed.last() {
        raw.advance_apply_to(last.index);
    }
    let leads = raw.raft.state == StateRole::Leader && raw.raft.term != led_term;
    Ready {
        number,
        persist,
        send: write(send),
        send_persisted: write(send_persisted),
        committed,
        elected: leads.then_some(raw.raft.term),
    }
}

fn write(messages: Vec<Message>) -> Vec<(MachineId, Letter)> {
    messages.into_iter().map(Letter::write).collect()
}

fn entry_of(entry: raft::eraftpb::Entry) -> Entry {
    assert_eq!(entry.get_entry_type(), EntryType::EntryNormal, "nobody proposes a change of membership");
    Entry { term: entry.term, index: entry.index, data: entry.data }
}

fn snapshot_of(snapshot: &raft::eraftpb::Snapshot) -> Option<Snapshot> {
    let metadata = snapshot.get_metadata();
    let there = metadata.index > 0;
    there.then(|| Snapshot { term: metadata.term, index: metadata.index, data: snapshot.data.clone() })
}

fn hard_state_of(state: &raft::eraftpb::HardState) -> HardState {
    HardState { term: state.term, vote: machine_of(state.vote), commit: state.commit }
}

/// The library's name of a machine's replica; zero means none to it.
fn raft_id(machine: MachineId) -> u64 {
    u64::from(machine.0) + 1
}

fn machine_of(raft_id: u64) -> Option<MachineId> {
    let machine = raft_id.checked_sub(1)?;
    Some(MachineId(u16::try_from(machine).expect("raft ids are made from machines")))
}
