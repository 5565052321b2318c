//! O1: a machine and the registry, with a network between them that loses, repeats, delays and reorders whatever it
//! likes, for incarnations that are over too. Whenever the machine may let something out its session has not ended, though somebody whose
//! clock is fast ends it as soon as he may.

use proptest::prelude::*;

use super::*;
use crate::config::Config;
use crate::io::{Effects, Now};
use crate::outbox::Outbox;
use crate::registry::Registry;

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
    /// What the registry has answered, by asking.
    answers: Vec<(u64, Roster)>,
    /// The registry after each change.
    rosters: Vec<Roster>,
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
            answers: Vec::new(),
            rosters: vec![registry.roster().clone()],
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
                let to_last: Vec<_> =
                    self.answers.iter().filter(|(asking, _)| *asking == self.asking).collect();
                if self.machine.asked.is_some() && !to_last.is_empty() {
                    let roster = from_end(&to_last, back).1.clone();
                    self.hears(roster, true);
                }
            }
            Step::Hear(back) => {
                let roster = from_end(&self.rosters, back).clone();
                self.hears(roster, false);
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
            self.apply(&end);
        }
    }

    fn reaches(&mut self, back: usize) {
        if !self.sent.is_empty() {
            let (asking, change) = from_end(&self.sent, back).clone();
            let roster = self.apply(&change);
            self.answers.push((asking, roster));
        }
    }

    fn apply(&mut self, change: &Change) -> Roster {
        let before = self.registry.roster().session_of(ME);
        self.registry.apply(change);
        let after = self.registry.roster().clone();
        let boots = [before, after.session_of(ME)].map(|live| live.map_or(0, |live| live.boot));
        assert!(boots[1] == 0 || boots[0] <= boots[1], "a session of an incarnation that is over came late");
        self.rosters.push(after.clone());
        after
    }

    fn hears(&mut self, roster: Roster, answers: bool) {
        let (mut outbox, mut out) = (Outbox::default(), Effects::default());
        let now = Now { mono_ns: self.now_ns(), wall_ns: 0 };
        let cx = Cx { now, config: &self.config, outbox: &mut outbox, out: &mut out };
        let index = self.rosters.iter().position(|known| *known == roster).expect("it was one") as u64 + 1;
        if answers {
            self.machine.renewed(index, roster, &cx);
        } else {
            self.machine.heard(index, roster, &cx);
        }
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
