//! Which rules a history gave occasion to judge, and how often; and which it cannot be judged by, because a field or a
//! kind of event is missing that judging takes. Knows what each rule needs, not what it says.
//!
//! Counting is one addition. What is missing is found from the kinds of events that were seen at all.

use std::collections::BTreeMap;

use crate::history::{Phase, StorageCall, What};
use crate::reference::maybe::GivenUp;
use crate::rules::{COUNT, Id, RULES};
use crate::verdict::{Coverage, RuleId};

/// What was seen of a history, as far as coverage needs to know.
#[derive(Debug)]
pub(super) struct Tally {
    occasions: [u64; COUNT],
    /// Which rules the event that was seen last has given an occasion: one bit for each.
    seen_now: u64,
    kinds: Kinds,
    /// R1: whether a run failed and the history does not say how.
    any_untold_failure: bool,
    /// Where commits are not told: whether more lost turns than can be told apart have left keys, or an alarm's slot, open.
    any_key_given_up: bool,
    any_slot_given_up: bool,
}

const _: () = assert!(COUNT <= u64::BITS as usize, "`Tally::seen_now` has a bit for each rule");

/// A set of kinds of events, and of fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kinds(u64);

impl Kinds {
    pub(super) const NONE: Kinds = Kinds(0);
    const CALL: Kinds = Kinds(1);
    pub(super) const INSTANCE_START: Kinds = Kinds(1 << 1);
    pub(super) const CONSTRUCTOR_END: Kinds = Kinds(1 << 2);
    pub(super) const INSTANCE_END: Kinds = Kinds(1 << 3);
    pub(super) const DELIVER: Kinds = Kinds(1 << 4);
    const OP: Kinds = Kinds(1 << 5);
    pub(super) const OP_RESULT: Kinds = Kinds(1 << 6);
    const RUN_START: Kinds = Kinds(1 << 7);
    const RUN_END: Kinds = Kinds(1 << 8);
    const COMMIT: Kinds = Kinds(1 << 9);
    pub(super) const RESPOND: Kinds = Kinds(1 << 10);
    pub(super) const OUTBOUND: Kinds = Kinds(1 << 11);
    const FAULT: Kinds = Kinds(1 << 12);
    pub(super) const MAJORITY: Kinds = Kinds(1 << 13);
    const HOLDER: Kinds = Kinds(1 << 14);
    const LEADER: Kinds = Kinds(1 << 15);
    const GROUP_LEADER: Kinds = Kinds(1 << 16);
    const REPLICA: Kinds = Kinds(1 << 17);
    const END: Kinds = Kinds(1 << 18);
    const AT_REST: Kinds = Kinds(1 << 19);
    const DISK_DAMAGED: Kinds = Kinds(1 << 20);
    /// A machine and its wall clock.
    const PLACE: Kinds = Kinds(1 << 21);
    /// The header says which classes declare `alarm()`.
    const ALARM_CLASSES: Kinds = Kinds(1 << 22);
    pub(super) const GATE: Kinds = Kinds(1 << 23);
    const COMMITTED: Kinds = Kinds(1 << 24);
    /// An alarm's own identity.
    const ALARM_ID: Kinds = Kinds(1 << 25);
    pub(super) const REQUEST_ARRIVE: Kinds = Kinds(1 << 26);
    pub(super) const ANSWER_LEAVE: Kinds = Kinds(1 << 27);
    pub(super) const OUTBOUND_LEAVE: Kinds = Kinds(1 << 28);
    pub(super) const OUTBOUND_RETURN: Kinds = Kinds(1 << 29);
    pub(super) const OUTBOUND_ARRIVE: Kinds = Kinds(1 << 32);
    pub(super) const RETURN: Kinds = Kinds(1 << 33);
    pub(super) const OUTBOUND_ANSWER: Kinds = Kinds(1 << 34);
    const ON_DISK: Kinds = Kinds(1 << 30);
    const PROCESS: Kinds = Kinds(1 << 31);
    pub(super) const AWAIT: Kinds = Kinds(1 << 35);
    /// What an instance was made for.
    const CAUSE: Kinds = Kinds(1 << 36);
    /// What a client's request says.
    pub(super) const CALL_BODY: Kinds = Kinds(1 << 37);
    const REQUEST_END: Kinds = Kinds(1 << 38);

    const fn or(self, other: Kinds) -> Kinds {
        Kinds(self.0 | other.0)
    }

    const fn meets(self, other: Kinds) -> bool {
        self.0 & other.0 != 0
    }

    fn of(what: &What) -> Kinds {
        match what {
            What::Call { body, .. } if !body.0.is_empty() => Kinds::CALL.or(Kinds::CALL_BODY),
            What::Call { .. } => Kinds::CALL,
            What::RequestEnd { .. } => Kinds::REQUEST_END,
            What::InstanceStart { cause: Some(_), .. } => Kinds::INSTANCE_START.or(Kinds::CAUSE),
            What::InstanceStart { .. } => Kinds::INSTANCE_START,
            What::ConstructorEnd { .. } => Kinds::CONSTRUCTOR_END,
            What::InstanceEnd { .. } => Kinds::INSTANCE_END,
            What::Deliver { .. } => Kinds::DELIVER,
            What::Op { call: StorageCall::SetAlarm { alarm: Some(_), .. }, .. } => {
                Kinds::OP.or(Kinds::ALARM_ID)
            }
            What::Op { .. } => Kinds::OP,
            What::OpResult { .. } => Kinds::OP_RESULT,
            What::RunStart { .. } => Kinds::RUN_START,
            What::RunEnd { .. } => Kinds::RUN_END,
            What::Commit { .. } => Kinds::COMMIT,
            What::Respond { .. } => Kinds::RESPOND,
            What::Outbound { .. } => Kinds::OUTBOUND,
            What::FaultBegin { .. } => Kinds::FAULT,
            What::Majority { .. } => Kinds::MAJORITY,
            What::Holder { .. } => Kinds::HOLDER,
            What::Leader { .. } => Kinds::LEADER,
            What::GroupLeader { .. } => Kinds::GROUP_LEADER,
            What::Replica { .. } => Kinds::REPLICA,
            What::Committed { .. } => Kinds::COMMITTED,
            What::Phase { phase: Phase::End } => Kinds::END,
            What::AtRest { .. } => Kinds::AT_REST,
            What::DiskDamaged => Kinds::DISK_DAMAGED,
            What::Gate { .. } => Kinds::GATE,
            What::RequestArrive { .. } => Kinds::REQUEST_ARRIVE,
            What::AnswerLeave { .. } => Kinds::ANSWER_LEAVE,
            What::OutboundLeave { .. } => Kinds::OUTBOUND_LEAVE,
            What::OutboundReturn { .. } => Kinds::OUTBOUND_RETURN,
            What::OnDisk { .. } => Kinds::ON_DISK,
            What::Process { .. } => Kinds::PROCESS,
            What::Await { .. } => Kinds::AWAIT,
            What::OutboundArrive { .. } => Kinds::OUTBOUND_ARRIVE,
            What::OutboundAnswer { .. } => Kinds::OUTBOUND_ANSWER,
            What::Return { .. } => Kinds::RETURN,
            What::AnswerLost { .. }
            | What::OutboundLost { .. }
            | What::RequestStart { .. }
            | What::Timer { .. }
            | What::Promise { .. }
            | What::Phase { .. }
            | What::FaultEnd { .. } => Kinds::default(),
        }
    }
}

/// Something that judging a rule takes: any of these kinds.
struct Need {
    any_of: Kinds,
    lack: &'static str,
}

const fn need(any_of: Kinds, lack: &'static str) -> Need {
    Need { any_of, lack }
}

const CALL: Need = need(Kinds::CALL, "no `call` says what was asked of whom");
const START: Need = need(Kinds::INSTANCE_START, "no `instance_start` says when an instance was made");
const CONSTRUCTOR: Need = need(Kinds::CONSTRUCTOR_END, "no `constructor_end` says when a constructor ended");
const END: Need = need(Kinds::INSTANCE_END, "no `instance_end` says why an instance ended");
const DELIVER: Need = need(Kinds::DELIVER, "no `deliver` says when an event reached its instance");
const DELIVERY: Need = need(
    Kinds::DELIVER.or(Kinds::RUN_START),
    "neither `deliver` nor `run_start` says when an event reached its instance",
);
const OP: Need = need(Kinds::OP, "no `op` says what object code called");
const RESULT: Need = need(Kinds::OP_RESULT, "no `op_result` says what a call gave");
const RUN: Need = need(Kinds::RUN_START, "no `run_start` says when alarm() ran");
const ALARM: Need = need(
    Kinds::RUN_START.or(Kinds::AT_REST),
    "neither `run_start` nor `at_rest` shows which alarms there are",
);
const RUN_END: Need = need(Kinds::RUN_END, "no `run_end` says how a run ended");
const COMMIT: Need = need(Kinds::COMMIT, "no `commit` says what is durable");
const MESSAGE: Need =
    need(Kinds::RESPOND.or(Kinds::OUTBOUND), "neither `respond` nor `outbound` says what left a machine");
const EFFECT: Need = need(
    Kinds::COMMIT.or(Kinds::RESPOND).or(Kinds::OUTBOUND),
    "no `commit`, `respond` or `outbound` shows an effect",
);
const DURABLE: Need =
    need(Kinds::COMMIT.or(Kinds::AT_REST), "neither `commit` nor `at_rest` says what is durable");
const AFTERMATH: Need = need(
    Kinds::RUN_START.or(Kinds::AT_REST).or(Kinds::OP_RESULT),
    "no `run_start`, `at_rest` or `op_result` shows what became of it",
);
const REST: Need =
    need(Kinds::AT_REST.or(Kinds::END), "neither `at_rest` nor the phase `end` shows how the run ended");
const RUN_OVER: Need = need(Kinds::END, "no phase `end` says that the run is over");
const FAULT: Need = need(Kinds::FAULT, "no `fault_begin` says what failed");
const HOLDER: Need = need(Kinds::HOLDER, "no `holder` says who serves a slice");
const LEADER: Need = need(Kinds::LEADER, "no `leader` says who leads a datacenter");
const CLOCK: Need = need(Kinds::PLACE, "no event has a `machine` and its `wall_ns`");
const GROUPS: Need = need(
    Kinds::GROUP_LEADER.or(Kinds::REPLICA),
    "neither `group_leader` nor `replica` tells of the datastore",
);
const DISKS: Need =
    need(Kinds::FAULT.or(Kinds::DISK_DAMAGED), "neither `fault_begin` nor `disk_damaged` tells of disks");
const WITNESS: Need = need(
    Kinds::ANSWER_LEAVE.or(Kinds::OUTBOUND_LEAVE).or(Kinds::ON_DISK).or(Kinds::PROCESS),
    "no `answer_leave`, `outbound_leave`, `on_disk` or `process` says what the world saw of what the system tells",
);
const ARRIVAL: Need =
    need(Kinds::REQUEST_ARRIVE, "no `request_arrive` says when a request reached a machine");
const ALARM_CLASSES: Need =
    need(Kinds::ALARM_CLASSES, "the header's `alarm_classes` does not say which classes declare alarm()");

/// What judging a rule takes.
fn needs(rule: Id) -> &'static [Need] {
    match rule {
        Id::O1 => &[START, EFFECT],
        Id::O2 => &[CALL, DELIVER],
        Id::O3 => &[DELIVERY],
        Id::O4 => &[START, CONSTRUCTOR],
        Id::O5 => &[COMMIT, MESSAGE],
        Id::O6 => &[START, CLOCK, FAULT, RUN_OVER],
        Id::O7 => &[START, END],
        Id::S1 | Id::S4 | Id::S6 | Id::S7 | Id::A7 => &[OP, RESULT],
        Id::S2 | Id::S3 => &[OP, DURABLE],
        Id::S5 | Id::S8 | Id::A2 | Id::A5 => &[OP, AFTERMATH],
        Id::A3 => &[OP, RESULT],
        Id::A6 => &[OP, RESULT, CLOCK],
        Id::A8 => &[ALARM_CLASSES, OP, RESULT],
        Id::A1 => &[ALARM],
        Id::F3 | Id::F7 | Id::R2 => &[RUN],
        Id::A4 => &[RUN, OP, RESULT],
        Id::A9 => &[START, CONSTRUCTOR, OP, RUN],
        Id::A10 | Id::F5 => &[OP, RUN],
        Id::F1 => &[OP, REST],
        Id::F2 => &[RUN, CLOCK],
        Id::F4 => &[RUN, RUN_END, COMMIT],
        Id::F6 | Id::F8 => &[START, RUN],
        Id::R1 | Id::R3 | Id::R4 | Id::R5 | Id::R7 => &[RUN, RUN_END],
        Id::R6 => &[RUN, RUN_END, OP],
        Id::R8 => &[RUN, RUN_END, OP, AFTERMATH],
        Id::D1 => &[GROUPS],
        Id::D2 | Id::D7 => &[FAULT, RUN, RUN_OVER],
        Id::D3 => &[HOLDER, FAULT],
        Id::D4 => &[LEADER],
        Id::D5 => &[HOLDER],
        Id::D6 => &[LEADER, FAULT],
        Id::D8 => &[DISKS],
        Id::L1 | Id::L2 | Id::L3 | Id::L4 => &[RUN, CLOCK],
        Id::W1 => &[WITNESS],
        Id::W2 => &[CALL, ARRIVAL],
    }
}

const NO_DELIVERIES: &str = "no `deliver` says which instance was given a request: whether one was given more than once is not judged";
const NO_PLACES: &str =
    "no `machine` says where an instance was: whether an epoch of an object is on one machine is not judged";
const NO_HOW: &str =
    "a run failed and no `how` says in which way: whether that had to reset its instance is not judged";
const NO_CAUSE: &str = "no `cause` says what an instance was made for: whether its constructor replaced the alarm that woke it is not judged";
const NO_IDENTITIES: &str =
    "no `alarm` names an alarm: one that is set for the time of another is not told from it";
const NO_REST: &str = "no `at_rest` says what the datastore holds in the end: that is not judged";
const NO_END: &str = "no phase `end` says that the run is over: runs that never started are not judged";
const NO_MAJORITIES: &str = "no `majority` says who has a quorum: nothing is judged while half of the machines or datacenters are out";
const NO_LEADERS: &str = "no `leader` says who leads a datacenter: that each has one leader is not judged";
const NO_REPLICAS: &str =
    "no `replica` says what a machine has applied: whether replicas agree is not judged";
const NO_COMMITTED: &str =
    "no `committed` says what a group had committed: whether its replicas keep up is not judged";
const NO_STARTS: &str = "no `instance_start` says when a constructor kept a request waiting: when one reached its object is not judged";
const NO_RETURNS: &str =
    "no `return` says which client still waits: a request without an answer is not judged";
const NO_REQUEST_ENDS: &str = "no `request_end` says when an answer was made: one that never leaves an instance that lives on is not judged";
const NO_ENDS: &str =
    "no `instance_end` says which instance is gone: what one was still owed in the end is not judged";
const MANY_LOSSES: &str =
    "so many turns were lost that what they may have written cannot be told apart: it is not judged";
const LET_PASS: &str = "the profile lets every breach of it pass";

/// Whether what keys are read to hold shows that a rule was broken.
fn is_about_keys(rule: Id) -> bool {
    matches!(rule, Id::S2 | Id::S3 | Id::S4 | Id::S5 | Id::S6 | Id::S8 | Id::R8)
}

/// Whether what the alarm's slot holds, and which alarms run, shows that a rule was broken.
fn is_about_alarm(rule: Id) -> bool {
    matches!(rule, Id::S2 | Id::S3 | Id::S5 | Id::S8 | Id::A1 | Id::A2 | Id::A3 | Id::A5 | Id::A9 | Id::A10)
        || matches!(
            rule,
            Id::F1 | Id::F4 | Id::F5 | Id::F6 | Id::F8 | Id::R2 | Id::R4 | Id::R5 | Id::R6 | Id::R7
        )
}

impl Tally {
    pub(super) fn new() -> Self {
        Tally {
            occasions: [0; COUNT],
            seen_now: 0,
            kinds: Kinds::default(),
            any_untold_failure: false,
            any_key_given_up: false,
            any_slot_given_up: false,
        }
    }

    /// The history gave occasion to break a rule.
    pub(super) fn saw(&mut self, rule: Id) {
        self.occasions[rule as usize] += 1;
        self.seen_now |= 1 << rule as u32;
    }

    /// A rule was found broken: that is an occasion too, if the event has not been counted as one.
    pub(super) fn broke(&mut self, rule: Id) {
        if self.seen_now & (1 << rule as u32) == 0 {
            self.saw(rule);
        }
    }

    pub(super) fn see(&mut self, what: &What, has_place: bool) {
        self.seen_now = 0;
        let place = if has_place { Kinds::PLACE } else { Kinds::default() };
        self.kinds = self.kinds.or(Kinds::of(what)).or(place);
    }

    pub(super) fn see_alarm_classes(&mut self) {
        self.kinds = self.kinds.or(Kinds::ALARM_CLASSES);
    }

    /// R1: a run failed and the history does not say how.
    pub(super) fn see_untold_failure(&mut self) {
        self.any_untold_failure = true;
    }

    /// More lost turns than can be told apart have left this open.
    pub(super) fn give_up(&mut self, given_up: &GivenUp) {
        self.any_key_given_up |= !given_up.keys.is_empty();
        self.any_slot_given_up |= given_up.slot;
    }

    /// What of a rule was not judged, each with its reason.
    fn except(&self, rule: Id) -> Vec<&'static str> {
        let lacks = |kinds| !self.has(kinds);
        let over = self.has(Kinds::END);
        let is_blind = (self.any_key_given_up && is_about_keys(rule))
            || (self.any_slot_given_up && is_about_alarm(rule));
        let mut reasons: Vec<(bool, &'static str)> = match rule {
            Id::O1 => vec![(lacks(Kinds::DELIVER), NO_DELIVERIES), (lacks(Kinds::PLACE), NO_PLACES)],
            Id::R1 => vec![(self.any_untold_failure, NO_HOW)],
            Id::A9 => vec![(lacks(Kinds::CAUSE), NO_CAUSE)],
            Id::A10 => vec![(lacks(Kinds::ALARM_ID), NO_IDENTITIES)],
            Id::S2 | Id::S3 => vec![(over && lacks(Kinds::AT_REST), NO_REST)],
            Id::L1 | Id::L3 => vec![(!over, NO_END)],
            Id::L2 => {
                vec![(!over, NO_END), (self.has(Kinds::FAULT) && lacks(Kinds::MAJORITY), NO_MAJORITIES)]
            }
            Id::L4 => vec![
                (!over, NO_END),
                (lacks(Kinds::LEADER), NO_LEADERS),
                (lacks(Kinds::REPLICA), NO_REPLICAS),
                (self.has(Kinds::REPLICA) && lacks(Kinds::COMMITTED), NO_COMMITTED),
            ],
            Id::W1 => vec![(lacks(Kinds::INSTANCE_END), NO_ENDS)],
            Id::W2 => vec![
                (lacks(Kinds::INSTANCE_START), NO_STARTS),
                (lacks(Kinds::RETURN), NO_RETURNS),
                (lacks(Kinds::INSTANCE_END), NO_ENDS),
                (lacks(Kinds::REQUEST_END), NO_REQUEST_ENDS),
            ],
            _ => vec![],
        };
        reasons.push((is_blind, MANY_LOSSES));
        reasons.into_iter().filter(|(is_so, _)| *is_so).map(|(_, why)| why).collect()
    }

    /// Whether an event of one of these kinds was seen.
    pub(super) fn has(&self, kinds: Kinds) -> bool {
        self.kinds.meets(kinds)
    }

    /// What became of every rule. One that was found broken was judged, whatever is missing; one of which the profile lets
    /// every breach pass was not.
    pub(super) fn coverage(
        &self,
        broken: &BTreeMap<Id, u64>,
        is_let_pass: impl Fn(Id) -> bool,
    ) -> BTreeMap<RuleId, Coverage> {
        let of = |rule: Id| {
            if is_let_pass(rule) {
                return Coverage::NotChecked { why: LET_PASS };
            }
            let times = broken.get(&rule).copied().unwrap_or_default();
            let lack = needs(rule).iter().find(|need| !self.has(need.any_of)).map(|need| need.lack);
            if let Some(why) = lack.filter(|_| times == 0) {
                return Coverage::NotChecked { why };
            }
            // One event can break a rule for several objects: what is judged at the end.
            let occasions = self.occasions[rule as usize].max(times);
            let except = self.except(rule);
            if except.is_empty() {
                Coverage::Judged { occasions }
            } else {
                Coverage::InPart { occasions, except }
            }
        };
        Id::ALL.iter().zip(&RULES).map(|(id, rule)| (rule.id, of(*id))).collect()
    }
}
