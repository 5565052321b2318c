//! The consensus library behind [`super`]: one replica of one group on raft-rs. The only file that names the library.
//! It knows neither the disk nor what the entries mean. A panic of the library is a finding: nobody catches it.

use bytes::Bytes;
use protobuf::Message as _;
use raft::eraftpb::{ConfChangeV2, ConfState, EntryType, Message, MessageType};
use raft::{INVALID_ID, RawNode, SnapshotStatus, StateRole};

use super::{Entry, HardState, Members, NotLeader, Persist, Proposal, Ready, Snapshot};
use crate::config::{Config, TICK_MS};
use crate::ids::{DiskId, GroupId, MachineId, ReplicaId};

mod leadership;
mod letter;
mod membership;
mod memory;
mod snapshots;
mod timeouts;

use leadership::{Leadership, Next};
pub use letter::Letter;
use membership::Membership;
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
    me: ReplicaId,
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
    membership: Membership,
}

impl Node {
    /// The replica `me` of `group`, with what it has `recovered` from before, in order. All committed entries behind
    /// the last snapshot in it are given out anew. Without any history it is a voter from the begin if its disk is the
    /// first one of its machine, and else nobody until the group has taken it in (D8).
    ///
    /// # Panics
    ///
    /// If its machine has no place in the group, or `recovered` is no history of a replica.
    pub fn new(
        config: &Config,
        group: GroupId,
        me: ReplicaId,
        recovered: impl IntoIterator<Item = Persist>,
    ) -> Self {
        let replicas = config.replicas_of(group);
        let place = replicas.clone().position(|machine| machine == me.machine());
        let rank = place.expect("this machine has a replica");
        let is_founder = me.disk() == DiskId::FOUNDING;
        // Those who joined later begin with the same members: that is what the first entries of the log change.
        let mut memory = Memory::new(&Members::founding(replicas.clone()));
        for persist in recovered {
            memory.persist(&persist);
        }
        let is_system = group == config.system_group();
        let beat_ticks = usize::try_from(TICK_MS.div_ceil(config.tick_ms)).expect("a small number");
        let election_ticks = beat_ticks * if is_system { SYSTEM_ELECTION_BEATS } else { ELECTION_BEATS };
        let timeouts =
            Timeouts { group, rank, replicas: replicas.clone().count(), election_ticks, beat_ticks };
        let settings = raft::Config {
            id: me.as_u64(),
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
        let goes_first = is_founder && rank == usize::from(group.0 % config.datacenters);
        let mut node = Self {
            me,
            raw,
            timeouts,
            timeout: (0, false, timeouts.ticks(0, false)),
            goes_first,
            led_term: 0,
            installing: None,
            snapshots: Snapshots::default(),
            leadership: Leadership::new(config.tick_ms, is_system),
            membership: Membership::default(),
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
        let change = self.membership.tick(&self.raw.raft, self.leadership.committed_before());
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
            if let Some(change) = &change {
                // What is refused is tried again at the next tick.
                let _ = raw.propose_conf_change(Vec::new(), change.clone());
            }
            let busy = raw.tick();
            if campaigns {
                raw.campaign().expect("a campaign is never refused");
            }
            busy || campaigns || change.is_some() || next != Next::Stay
        })
    }

    /// Takes a message from another replica. What cannot be one is ignored.
    pub fn step(&mut self, from: MachineId, letter: Letter) {
        let Some(message) = letter.read(from, self.me) else { return };
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
        self.is_leader()
            && self.voter_on(machine).is_some_and(|id| self.leadership.can_lead(&self.raw.raft, id))
    }

    /// Transfers leadership to the replica on `machine`, if it takes it. Proposals are refused until it has, or an election
    /// timeout is over.
    pub fn transfer(&mut self, machine: MachineId) {
        if let Some(id) = self.voter_on(machine) {
            self.call(|raw| raw.transfer_leader(id));
        }
    }

    /// The library's name of the voter on a machine.
    fn voter_on(&self, machine: MachineId) -> Option<u64> {
        let members = self.members();
        members.voters.iter().find(|voter| voter.machine() == machine).map(|voter| voter.as_u64())
    }

    /// This replica.
    pub fn me(&self) -> ReplicaId {
        self.me
    }

    /// Who is in the group, as of the last entry that this replica has applied.
    pub fn members(&self) -> Members {
        self.raw.store().members()
    }

    /// Whether this replica votes, as far as it knows.
    pub fn is_voter(&self) -> bool {
        self.raw.raft.promotable()
    }

    /// A replica asks to be taken in, as one that is asked for again does (D8). Only a leader does something about it.
    pub fn asks_to_join(&mut self, replica: ReplicaId) {
        self.membership.asks(replica);
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
    for entry in committed.iter().filter(|entry| entry.is_change) {
        let change = ConfChangeV2::parse_from_bytes(&entry.data).expect("a change of the library's own");
        let members = raw.apply_conf_change(&change).expect("only changes that can be made are proposed");
        raw.mut_store().members_change(members);
    }
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
    let is_change = match entry.get_entry_type() {
        EntryType::EntryNormal => false,
        EntryType::EntryConfChangeV2 => true,
        EntryType::EntryConfChange => panic!("nobody proposes a change of this kind"),
    };
    Entry { term: entry.term, index: entry.index, is_change, data: entry.data }
}

fn snapshot_of(snapshot: &raft::eraftpb::Snapshot) -> Option<Snapshot> {
    let metadata = snapshot.get_metadata();
    let there = metadata.index > 0;
    let members = || members_of(metadata.get_conf_state());
    let (term, index) = (metadata.term, metadata.index);
    there.then(|| Snapshot { term, index, members: members(), data: snapshot.data.clone() })
}

fn hard_state_of(state: &raft::eraftpb::HardState) -> HardState {
    HardState { term: state.term, vote: ReplicaId::from_u64(state.vote), commit: state.commit }
}

/// The library keeps members in no order.
fn members_of(state: &ConfState) -> Members {
    let replicas = |ids: &[u64]| {
        let mut replicas: Vec<ReplicaId> = ids.iter().copied().filter_map(ReplicaId::from_u64).collect();
        replicas.sort_unstable();
        replicas
    };
    Members {
        voters: replicas(&state.voters),
        outgoing: replicas(&state.voters_outgoing),
        learners: replicas(&state.learners),
        learners_next: replicas(&state.learners_next),
        auto_leave: state.auto_leave,
    }
}

fn machine_of(raft_id: u64) -> Option<MachineId> {
    ReplicaId::from_u64(raft_id).map(ReplicaId::machine)
}
