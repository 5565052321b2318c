//! A machine's way to the datastore: finds leaders and replicas, and asks again until there is an answer.
//!
//! Every question may be asked twice without harm: commands are known by their nonce or batch number (see
//! [`crate::store::command`]), reads change nothing. An answer names its question, and the question what it was for
//! ([`Purpose`]): what does not answer an open question of this boot is dropped here.

mod purpose;

use std::collections::BTreeMap;

use crate::config::{Config, NS_PER_MS};
use crate::cx::Cx;
use crate::ids::{Batch, GroupId, MachineId, SliceId};
use crate::route::{Route, Ways};
use crate::store::command::{Answer, Applied, Command, Query};
use crate::wire::{Ask, Message, Proposed};
use crate::words::time::Now;

pub(crate) use purpose::{About, Purpose, Tenure};

/// A question without an answer is asked again after this, at the next tick.
const ASK_AGAIN_MS: u64 = 400;
/// The same for a renewal, which waits for a tick of the system group's leader before it is proposed.
const RENEW_AGAIN_MS: u64 = 800;
/// So many times in a row it is asked in vain before the time to the next one doubles: each replica has had its turn.
const ASKED_FAST: u32 = 2;
/// The time doubles so often at most: to 1.6 s.
const DOUBLED_MAX: u32 = 2;
/// A batch whose keys and values have more bytes than this is not sent again unless the leader does not know it.
const LARGE_BYTES: usize = 4_096;
/// Replicas may name each other as the leader: so often in a row a question follows them before it waits for a tick.
const REDIRECTS_MAX: u8 = 3;

/// The questions of one machine.
#[derive(Debug)]
pub(crate) struct Client {
    me: MachineId,
    /// Different for each boot: an answer to a former life is none to this one.
    boot: u64,
    last: u64,
    open: BTreeMap<u64, Open>,
    /// Who leads each group, as far as is known.
    leaders: Vec<Option<MachineId>>,
    /// How the machine reaches the others.
    pub(crate) ways: Ways,
}

#[derive(Debug)]
struct Open {
    purpose: Purpose,
    group: GroupId,
    question: Question,
    /// How it was asked last.
    asked: Route,
    /// When it was asked first.
    first_ns: u64,
    sent_ns: u64,
    /// Which replica is asked while the leader is not known.
    turn: usize,
    /// How often in a row nobody has answered.
    silences: u32,
    /// How often the leader has said that it is under way.
    pendings: u32,
    /// What the last answer was.
    heard: Heard,
    redirects: u8,
}

/// What there is to a question since it was asked last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    Nothing,
    /// It is under way.
    Pending,
    /// The replica is not the leader and does not know him.
    NoLeader,
}

#[derive(Clone, Debug)]
enum Question {
    Propose(Command),
    /// A batch that is not sent without need, and the machine that was sent it last.
    ProposeLarge {
        batch: Batch,
        command: Command,
        sent_to: Option<MachineId>,
    },
    Read {
        at_least: u64,
        query: Query,
    },
}

impl Client {
    pub(crate) fn new(config: &Config, me: MachineId, boot: u64) -> Self {
        let leaders = vec![None; config.all_groups().count()];
        Self { me, boot, last: 0, open: BTreeMap::new(), leaders, ways: Ways::new(me) }
    }

    /// Proposes a command to its group's leader.
    pub(crate) fn propose(&mut self, purpose: Purpose, command: Command, cx: &mut Cx<'_>) {
        let group = command.group(cx.config);
        let question = match large(&command) {
            Some(batch) => Question::ProposeLarge { batch, command, sent_to: None },
            None => Question::Propose(command),
        };
        self.ask(purpose, group, question, cx);
    }

    /// Asks a replica that has applied its log at least to `at_least`: the leader, who has, and then the others in turn.
    pub(crate) fn read(
        &mut self,
        purpose: Purpose,
        slice: SliceId,
        at_least: u64,
        query: Query,
        cx: &mut Cx<'_>,
    ) {
        let group = cx.config.group_of(slice);
        self.ask(purpose, group, Question::Read { at_least, query }, cx);
    }

    fn ask(&mut self, purpose: Purpose, group: GroupId, question: Question, cx: &mut Cx<'_>) {
        self.last += 1;
        let open = Open {
            purpose,
            group,
            question,
            asked: Route::direct(self.me),
            first_ns: cx.now.mono_ns,
            sent_ns: cx.now.mono_ns,
            turn: 0,
            silences: 0,
            pendings: 0,
            heard: Heard::Nothing,
            redirects: 0,
        };
        self.open.insert(self.last, open);
        self.send(self.last, cx);
    }

    /// Asks the group's leader, or a replica while that is not known.
    fn send(&mut self, number: u64, cx: &mut Cx<'_>) {
        let open = self.open.get_mut(&number).expect("only an open question is asked");
        let leader = self.leaders[usize::from(open.group.0)];
        let to = leader.unwrap_or_else(|| replica(cx.config, self.me, open.group, open.turn));
        let (route, probe) = self.ways.to(to, cx.config, cx.now.mono_ns);
        open.asked = route;
        open.sent_ns = cx.now.mono_ns;
        open.heard = Heard::Nothing;
        let message = open.message(Ask { boot: self.boot, number }, leader);
        if let Some(probe) = probe {
            cx.outbox.push_by(probe, message.clone());
        }
        cx.outbox.push_by(route, message);
    }

    /// The tenures in which something was asked longer ago than this and has no answer.
    pub(crate) fn waiting_for(&self, ns: u64, now: Now) -> Vec<Tenure> {
        let late = self.open.values().filter(|open| now.mono_ns - open.first_ns > ns);
        late.filter_map(|open| open.purpose.tenure()).collect()
    }

    /// Asks again what has waited long enough. Called once a tick.
    pub(crate) fn tick(&mut self, cx: &mut Cx<'_>) {
        let leaders = &self.leaders;
        let waited = |open: &Open| {
            let has_leader = leaders[usize::from(open.group.0)].is_some();
            cx.now.mono_ns - open.sent_ns >= open.patience_ms(has_leader) * NS_PER_MS
        };
        let again: Vec<u64> =
            self.open.iter().filter(|(_, open)| waited(open)).map(|(number, _)| *number).collect();
        for number in again {
            let open = self.open.get_mut(&number).expect("it was open a moment ago");
            open.redirects = 0;
            if open.heard != Heard::Pending {
                open.turn += 1;
                // Whoever was taken for the leader did not answer.
                self.leaders[usize::from(open.group.0)] = None;
            }
            if open.heard == Heard::Nothing {
                open.silences += 1;
                self.ways.silent(open.asked, cx.config, cx.now.mono_ns);
            }
            self.send(number, cx);
        }
    }

    /// What became of a proposal: what it was for, if it is decided.
    pub(crate) fn proposed(
        &mut self,
        from: Route,
        ask: Ask,
        result: Proposed,
        cx: &mut Cx<'_>,
    ) -> Option<(Purpose, Applied, u64)> {
        let open = self.open.get_mut(&ask.number).filter(|_| ask.boot == self.boot)?;
        let leader = &mut self.leaders[usize::from(open.group.0)];
        // What is no answer yet counts only if it comes from whom it was asked of last: it may be late or doubled.
        let is_awaited = open.heard == Heard::Nothing && open.asked.machine == from.machine;
        match result {
            Proposed::Applied { applied, index } if open.purpose.is_decided_by(&applied) => {
                *leader = Some(from.machine);
                self.ways.answered(from, cx.config);
                let open = self.open.remove(&ask.number).expect("it is open");
                return Some((open.purpose, applied, index));
            }
            Proposed::Pending if is_awaited => {
                *leader = Some(from.machine);
                (open.heard, open.silences) = (Heard::Pending, 0);
                open.pendings += 1;
                self.ways.answered(from, cx.config);
            }
            Proposed::Unknown if is_awaited => {
                *leader = Some(from.machine);
                open.silences = 0;
                self.ways.answered(from, cx.config);
                if let Question::ProposeLarge { sent_to, .. } = &mut open.question {
                    *sent_to = None;
                    self.send(ask.number, cx);
                }
            }
            Proposed::NotLeader { leader: named } if is_awaited => {
                *leader = named.filter(|named| *named != from.machine);
                (open.heard, open.silences) = (Heard::NoLeader, 0);
                open.redirects += 1;
                self.ways.answered(from, cx.config);
                if leader.is_some() && open.redirects <= REDIRECTS_MAX {
                    self.send(ask.number, cx);
                }
            }
            _ => {}
        }
        None
    }

    /// The answer to a read: what it was for.
    pub(crate) fn read_done(
        &mut self,
        from: Route,
        ask: Ask,
        answer: Answer,
        config: &Config,
    ) -> Option<(Purpose, Answer)> {
        let open = self.open.get(&ask.number).filter(|_| ask.boot == self.boot)?;
        if !open.purpose.is_answered_by(&answer) {
            return None;
        }
        self.ways.answered(from, config);
        let open = self.open.remove(&ask.number).expect("it is open");
        Some((open.purpose, answer))
    }

    /// A tenure is over: nobody waits for the answers to its questions any more.
    pub(crate) fn forget(&mut self, tenure: Tenure) {
        self.open.retain(|_, open| open.purpose.tenure() != Some(tenure));
    }
}

impl Open {
    fn message(&mut self, ask: Ask, leader: Option<MachineId>) -> Message {
        let group = self.group;
        match &mut self.question {
            Question::Propose(command) => Message::Propose { group, ask, command: command.clone() },
            // Whoever leads is asked whether he knows it, if he was sent it before or it is not sure that he leads.
            Question::ProposeLarge { batch, sent_to, .. }
                if leader.is_none() || *sent_to == Some(self.asked.machine) =>
            {
                Message::Inquire { group, ask, batch: *batch }
            }
            Question::ProposeLarge { command, sent_to, .. } => {
                *sent_to = Some(self.asked.machine);
                Message::Propose { group, ask, command: command.clone() }
            }
            Question::Read { at_least, query } => {
                Message::Read { group, ask, at_least: *at_least, query: query.clone() }
            }
        }
    }

    fn patience_ms(&self, has_leader: bool) -> u64 {
        if self.purpose == Purpose::Session {
            return if has_leader { RENEW_AGAIN_MS } else { ASK_AGAIN_MS };
        }
        let doubled = self.pendings + self.silences.saturating_sub(ASKED_FAST);
        ASK_AGAIN_MS << doubled.min(DOUBLED_MAX)
    }
}

/// Which batch a command is, if it is a large one.
fn large(command: &Command) -> Option<Batch> {
    let Command::Commit(commit) = command else { return None };
    let keys = commit.turns.iter().flat_map(|turn| &turn.keys);
    let bytes: usize =
        keys.map(|(key, value)| key.len() + value.as_ref().map_or(0, |value| value.len())).sum();
    (bytes > LARGE_BYTES).then_some(commit.id())
}

/// The replica to ask at the `turn`-th time: the one at home first, then the others in turn.
fn replica(config: &Config, me: MachineId, group: GroupId, turn: usize) -> MachineId {
    let home = usize::from(config.datacenter_of(me).0);
    let replicas = usize::from(config.datacenters);
    config.replicas_of(group).nth((home + turn) % replicas).expect("a group has a replica in each datacenter")
}
