//! O1: a machine and the registry, with a network between them that loses, repeats, delays and reorders whatever it likes,
//! what incarnations have sent that are over too. Whenever the machine may let something out its session has not ended,
//! though somebody whose clock is fast ends it as soon as he may.

use proptest::prelude::*;

use super::*;
use crate::config::Config;
use crate::io::Effects;
use crate::outbox::Outbox;
use crate::registry::{Registry, Session};
use crate::words::time::Now;

const ME: MachineId = MachineId(0);

#[derive(Clone, Debug)]
enum Step {
    /// So many milliseconds pass. The leader sees the registry as it is then.
    Pass(u64),
    /// Of all that was ever sent the one so far back reaches the registry.
    Reach(usize),
    /// Of all answers to what the machine has asked for last the one so far back comes.
    Answer(usize),
    /// Of all rosters that there have been the one so far back comes, from somebody else.
    Hear(usize),
    /// The process dies, and the next one starts.
    Crash,
}

struct World {
    config: Config,
    now_ms: u64,
    machine: Membership,
    boot: u64,
    registry: Registry,
    leader: Watch,
    /// Everything ever sent to the registry; the number of the asking, for what the machine has asked for.
    sent: Vec<(u64, Change)>,
    asking: u64,
    /// What the registry has said after each change, and to which asking that was the answer.
    rosters: Vec<(u64, Roster)>,
    /// The machine's sessions that are over.
    ended: Vec<SessionId>,
}

impl World {
    fn new() -> Self {
        let config = Config::new(1, 2, 1, 2);
        let registry = Registry::new(&config);
        Self {
            now_ms: 0,
            machine: Membership::new(ME, 1),
            boot: 1,
            leader: Watch::default(),
            sent: Vec::new(),
            asking: 0,
            rosters: Vec::new(),
            ended: Vec::new(),
            registry,
            config,
        }
    }

    fn now_ns(&self) -> u64 {
        self.now_ms * NS_PER_MS
    }

    fn happens(&mut self, step: Step) {
        match step {
            Step::Pass(ms) => {
                self.now_ms += ms;
                self.looks();
            }
            Step::Reach(back) => self.reaches(back),
            Step::Answer(back) => {
                let answers = |at: &usize| self.rosters[*at].0 == self.asking;
                let answers: Vec<usize> = (0..self.rosters.len()).filter(answers).collect();
                if self.machine.asked.is_some() && !answers.is_empty() {
                    let at = *from_end(&answers, back);
                    self.hears(at, Membership::renewed);
                }
            }
            Step::Hear(back) => {
                if !self.rosters.is_empty() {
                    let at = self.rosters.len() - 1 - back % self.rosters.len();
                    self.hears(at, Membership::heard);
                }
            }
            Step::Crash => {
                self.boot += 1;
                self.machine = Membership::new(ME, self.boot);
                self.asking += 1;
            }
        }
        if let Some(change) = self.machine.ask(self.now_ns()) {
            self.asking += 1;
            self.sent.push((self.asking, change));
        }
    }

    /// The leader ends the session as soon as he may. His clock is fast by 1,000 ppm.
    fn looks(&mut self) {
        let fast_ns = self.now_ns() + self.now_ns() / 1_000;
        self.leader.see(&self.config, self.registry.roster(), fast_ns);
        if let Some(end) = self.leader.expired(ME, fast_ns) {
            self.sent.push((0, end.clone()));
            self.apply(0, &end);
        }
    }

    fn reaches(&mut self, back: usize) {
        if !self.sent.is_empty() {
            let (asking, change) = from_end(&self.sent, back).clone();
            self.apply(asking, &change);
        }
    }

    fn apply(&mut self, asking: u64, change: &Change) {
        let before = self.registry.roster().session_of(ME);
        self.registry.apply(change);
        let after = self.registry.roster().session_of(ME);
        if let (Some(before), Some(after)) = (before, after) {
            assert!(before.boot <= after.boot, "an opening of an incarnation that is over");
        }
        let ended = before.filter(|before| after.is_none_or(|after| after.id != before.id));
        self.ended.extend(ended.map(|ended| ended.id));
        let is_new = |live: Session| !self.ended.contains(&live.id);
        assert!(after.is_none_or(is_new), "a session that has ended is back");
        self.rosters.push((asking, self.registry.roster().clone()));
    }

    /// The roster after the change at this place reaches the machine.
    fn hears(&mut self, at: usize, hear: impl FnOnce(&mut Membership, u64, Roster, &Cx<'_>) -> News) {
        let (mut outbox, mut out) = (Outbox::default(), Effects::default());
        let now = Now { mono_ns: self.now_ns(), wall_ns: 0 };
        let cx = Cx { now, config: &self.config, outbox: &mut outbox, out: &mut out };
        hear(&mut self.machine, at as u64 + 1, self.rosters[at].1.clone(), &cx);
    }

    fn holds(&self) {
        if self.machine.may_emit(self.now_ns()) {
            let live = self.registry.roster().session_of(ME);
            assert_eq!(live.map(|live| live.id), self.machine.session(), "at {} ms", self.now_ms);
        }
    }
}

fn from_end<T>(list: &[T], back: usize) -> &T {
    &list[list.len() - 1 - back % list.len()]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1_u64..900).prop_map(Step::Pass),
        2 => (0_usize..100).prop_map(Step::Reach),
        // What was sent last is the most likely to arrive.
        6 => (0_usize..3).prop_map(Step::Reach),
        6 => (0_usize..3).prop_map(Step::Answer),
        1 => (0_usize..100).prop_map(Step::Hear),
        1 => Just(Step::Crash),
    ]
}

proptest! {
    #[test]
    fn o1_nothing_leaves_a_machine_whose_session_has_ended(steps in prop::collection::vec(step(), 1..300)) {
        let mut world = World::new();
        for step in steps {
            world.happens(step);
            world.holds();
        }
    }
}
