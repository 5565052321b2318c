//! One group of replicas, message by message: what is sent for an entry, and what when a message is lost.

use std::collections::VecDeque;

use reveille_system::config::Config;
use reveille_system::consensus::{Letter, Node};
use reveille_system::ids::{DiskId, GroupId, MachineId, ReplicaId};

/// Three replicas whose disks are always done. Messages wait in one queue.
struct Group {
    nodes: Vec<Node>,
    queue: VecDeque<(MachineId, MachineId, Letter)>,
    /// Messages that were put into the queue.
    sent: usize,
    /// The last index that each replica has applied.
    applied: [u64; 3],
}

const LEADER: MachineId = MachineId(0);
const NEAR: MachineId = MachineId(1);
const FAR: MachineId = MachineId(2);

impl Group {
    /// The first replica leads, and all is quiet.
    fn new() -> Self {
        Self::of(&Config::new(3, 1, 1, 1))
    }

    fn of(config: &Config) -> Self {
        let node =
            |machine| Node::new(config, GroupId(0), ReplicaId::new(MachineId(machine), DiskId::FOUNDING), []);
        let mut group =
            Self { nodes: (0..3).map(node).collect(), queue: VecDeque::new(), sent: 0, applied: [0; 3] };
        group.tick();
        group.deliver(|_, _| true);
        assert!(group.nodes[0].is_leader());
        group
    }

    fn tick(&mut self) {
        for machine in [LEADER, NEAR, FAR] {
            self.nodes[usize::from(machine.0)].tick(true);
            self.settle(machine);
        }
    }

    fn propose(&mut self) -> u64 {
        let proposal = self.nodes[0].propose(b"entry".to_vec()).expect("it leads");
        self.settle(LEADER);
        proposal.index
    }

    /// Delivers until nothing more is said. What `arrives` refuses is lost.
    fn deliver(&mut self, arrives: impl Fn(MachineId, MachineId) -> bool) {
        while let Some((from, to, letter)) = self.queue.pop_front() {
            if arrives(from, to) {
                self.nodes[usize::from(to.0)].step(from, letter);
                self.settle(to);
            }
        }
    }

    fn settle(&mut self, machine: MachineId) {
        let place = usize::from(machine.0);
        while let Some(ready) = self.nodes[place].ready() {
            self.nodes[place].persisted(ready.number);
            let letters = ready.send.into_iter().chain(ready.send_persisted);
            let before = self.queue.len();
            self.queue.extend(letters.map(|(to, letter)| (machine, to, letter)));
            self.sent += self.queue.len() - before;
            if let Some(entry) = ready.committed.last() {
                self.applied[place] = entry.index;
            }
        }
    }
}

#[test]
fn an_entry_costs_four_messages_and_the_next_heartbeat_tells_that_it_is_committed() {
    let mut group = Group::new();
    let before = group.sent;
    let index = group.propose();
    group.deliver(|_, _| true);
    assert_eq!(group.sent - before, 4, "the entry and its acknowledgement, for each of two followers");
    assert_eq!(group.applied, [index, index - 1, index - 1]);
    group.tick();
    group.deliver(|_, _| true);
    assert_eq!(group.applied, [index; 3]);
    assert_eq!(group.sent - before, 8, "the heartbeat and its answer, for each of two followers");
}

#[test]
fn an_entry_tells_that_the_one_before_is_committed() {
    let mut group = Group::new();
    group.propose();
    group.deliver(|_, _| true);
    let index = group.propose();
    group.deliver(|_, _| true);
    assert_eq!(group.applied, [index, index - 1, index - 1]);
}

#[test]
fn d2_an_acknowledgement_that_was_lost_is_given_again_with_the_next_heartbeat() {
    let mut group = Group::new();
    // The far follower knows nothing of this entry, and the near one's acknowledgement is lost.
    let index = group.propose();
    group.deliver(|from, to| from != NEAR && to != FAR);
    assert_eq!(group.applied[0], index - 1);
    group.tick();
    group.deliver(|from, to| from != FAR && to != FAR);
    assert_eq!(group.applied[0], index);
}

#[test]
fn d2_a_follower_whose_acknowledgements_are_lost_is_no_hindrance_later() {
    let mut group = Group::new();
    for _ in 0..10 {
        group.propose();
        group.deliver(|from, _| from != NEAR);
    }
    // Now the far one is lost, and the near one is needed.
    let index = group.propose();
    for _ in 0..2 {
        group.deliver(|from, to| from != FAR && to != FAR);
        group.tick();
    }
    group.deliver(|from, to| from != FAR && to != FAR);
    assert_eq!(group.applied[..2], [index; 2]);
}

#[test]
fn a_message_to_a_follower_has_no_more_entries_than_it_may() {
    let messages = |append_bytes| {
        let mut config = Config::new(3, 1, 1, 1);
        config.tuning.append_bytes = append_bytes;
        let mut group = Group::of(&config);
        for _ in 0..10 {
            group.propose();
            group.deliver(|from, to| from != FAR && to != FAR);
        }
        let before = group.sent;
        group.tick();
        group.deliver(|_, _| true);
        assert_eq!(group.applied[0], group.applied[2], "it has caught up");
        group.sent - before
    };
    assert!(messages(1) >= messages(1 << 20) + 9, "an entry a message, and all in one");
}
