//! A holder's way to the datastore: finds leaders and replicas, and asks again until there is an answer.
//!
//! Every question may be asked twice without harm: commands are known by their nonce or batch number (see
//! [`crate::store::command`]), reads change nothing.

use std::collections::BTreeMap;

use crate::config::{Config, NS_PER_MS};
use crate::cx::Cx;
use crate::ids::{Epoch, GroupId, MachineId, ObjectName, OpId, SliceId, Stamp};
use crate::store::command::{Answer, Applied, Command, Query};
use crate::wire::{Ask, Message, Proposed};

/// A question without an answer is asked again after this, at the next tick.
const ASK_AGAIN_MS: u64 = 400;
/// The same for a renewal, which waits for a tick of the system group's leader before it is proposed.
const RENEW_AGAIN_MS: u64 = 800;

/// What a question is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The machine's own session.
    Session,
    /// A decision about other machines.
    Decision,
    /// Who holds a slice.
    Holder(SliceId),
    /// The claim of a slice.
    Claim(SliceId),
    /// The batch of a slice that is in flight.
    Commit(SliceId),
    /// The release of a slice.
    Release(SliceId),
    /// A page of the due index of a slice, for whoever claimed it under this epoch.
    Due(SliceId, Epoch),
    /// A read of an instance.
    Read(SliceId, ObjectName, Stamp, OpId),
}

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
}

#[derive(Debug)]
struct Open {
    purpose: Purpose,
    group: GroupId,
    question: Question,
    sent_ns: u64,
    /// How often it was asked before.
    tries: usize,
}

#[derive(Clone, Debug)]
enum Question {
    Propose(Command),
    Read { at_least: u64, query: Query },
}

impl Client {
    pub(crate) fn new(config: &Config, me: MachineId, boot: u64) -> Self {
        let leaders = vec![None; config.all_groups().count()];
        Self { me, boot, last: 0, open: BTreeMap::new(), leaders }
    }

    /// Proposes a command to its group's leader.
    pub(crate) fn propose(&mut self, purpose: Purpose, command: Command, cx: &mut Cx<'_>) {
        let group = command.group(cx.config);
        self.ask(purpose, group, Question::Propose(command), cx);
    }

    /// Asks a replica that has applied its log at least to `at_least`.
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
        self.open.insert(self.last, Open { purpose, group, question, sent_ns: cx.now.mono_ns, tries: 0 });
        self.send(self.last, cx);
    }

    fn send(&mut self, number: u64, cx: &mut Cx<'_>) {
        let open = self.open.get_mut(&number).expect("only an open question is asked");
        open.sent_ns = cx.now.mono_ns;
        let ask = Ask { boot: self.boot, number };
        let group = open.group;
        let leader = self.leaders[usize::from(group.0)];
        let to = match &open.question {
            Question::Propose(_) => leader.unwrap_or_else(|| replica(cx.config, self.me, group, open.tries)),
            Question::Read { .. } => replica(cx.config, self.me, group, open.tries),
        };
        let message = match open.question.clone() {
            Question::Propose(command) => Message::Propose { group, ask, command },
            Question::Read { at_least, query } => Message::Read { group, ask, at_least, query },
        };
        cx.outbox.push(to, message);
    }

    /// Asks again what has waited long enough. Called once a tick.
    pub(crate) fn tick(&mut self, cx: &mut Cx<'_>) {
        let leaders = &self.leaders;
        let patience_ms = |open: &Open| {
            let waits_for_leader = leaders[usize::from(open.group.0)].is_some();
            if open.purpose == Purpose::Session && waits_for_leader { RENEW_AGAIN_MS } else { ASK_AGAIN_MS }
        };
        let waited = |open: &Open| cx.now.mono_ns - open.sent_ns >= patience_ms(open) * NS_PER_MS;
        let again: Vec<u64> =
            self.open.iter().filter(|(_, open)| waited(open)).map(|(number, _)| *number).collect();
        for number in again {
            let open = self.open.get_mut(&number).expect("it was open a moment ago");
            open.tries += 1;
            // Whoever was taken for the leader did not answer.
            self.leaders[usize::from(open.group.0)] = None;
            self.send(number, cx);
        }
    }

    /// What became of a proposal: what it was for, if it is decided.
    pub(crate) fn proposed(
        &mut self,
        from: MachineId,
        ask: Ask,
        result: Proposed,
        cx: &mut Cx<'_>,
    ) -> Option<(Purpose, Applied, u64)> {
        let open = self.open.get_mut(&ask.number).filter(|_| ask.boot == self.boot)?;
        match result {
            Proposed::Applied { applied, index } => {
                self.leaders[usize::from(open.group.0)] = Some(from);
                let open = self.open.remove(&ask.number).expect("it is open");
                Some((open.purpose, applied, index))
            }
            Proposed::NotLeader { leader } => {
                let known = &mut self.leaders[usize::from(open.group.0)];
                *known = leader.filter(|leader| *leader != from);
                if known.is_some() {
                    self.send(ask.number, cx);
                }
                None
            }
        }
    }

    /// The answer to a read: what it was for.
    pub(crate) fn read_done(&mut self, ask: Ask, answer: Answer) -> Option<(Purpose, Answer)> {
        if ask.boot != self.boot {
            return None;
        }
        let open = self.open.remove(&ask.number)?;
        Some((open.purpose, answer))
    }

    /// Nobody waits for the answers of this slice any more.
    pub(crate) fn forget(&mut self, slice: SliceId) {
        self.open.retain(|_, open| match &open.purpose {
            Purpose::Session | Purpose::Decision => true,
            Purpose::Holder(of) | Purpose::Claim(of) | Purpose::Commit(of) | Purpose::Release(of) => {
                *of != slice
            }
            Purpose::Due(of, _) | Purpose::Read(of, ..) => *of != slice,
        });
    }
}

/// The replica to ask at the `tries`-th time: the one at home first, then the others in turn.
fn replica(config: &Config, me: MachineId, group: GroupId, tries: usize) -> MachineId {
    let home = usize::from(config.datacenter_of(me).0);
    let replicas = usize::from(config.datacenters);
    config
        .replicas_of(group)
        .nth((home + tries) % replicas)
        .expect("a group has a replica in each datacenter")
}
