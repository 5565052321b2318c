//! The connections of clients to the machines that they ask, and of machines to the outside services that they call. What
//! passes over one arrives once and in the order in which it was sent, or the connection breaks: nothing is repeated and
//! nothing overtakes. All that passes one way between a machine and its clients, or its services, is in one order.
//!
//! While nothing troubles them all of it takes the same time, without a draw. A way that is in trouble draws from a stream
//! of its own.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use reveille_system::ids::MachineId;

use crate::streams::{Concern, Streams};

const PPM: u32 = 1_000_000;

/// A way over the connections of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    FromClients,
    ToClients,
    ToServices,
    FromServices,
}

/// What troubles a way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trouble {
    pub(crate) fault: u32,
    /// Of a million things that pass so many find the connection broken.
    pub(crate) break_ppm: u32,
    /// All others take longer by up to this.
    pub(crate) delay_ns_max: u64,
}

/// What becomes of something that passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Passage {
    /// When it arrives, or when it is noticed that the connection is broken.
    pub(crate) at_ns: u64,
    /// Whether the connection breaks instead.
    pub(crate) breaks: bool,
    /// What had a part in it.
    pub(crate) fault: Option<u32>,
}

#[derive(Debug)]
pub(crate) struct Connections {
    latency_ns: u64,
    /// By machine, then by [`Way::ALL`].
    lanes: Vec<Lane>,
    streams: Streams,
}

/// One way of one machine.
#[derive(Debug, Default)]
struct Lane {
    /// The one that began last decides.
    troubles: Vec<Trouble>,
    /// When the last thing that was sent arrives: nothing arrives before it.
    last_at_ns: u64,
    /// From the first trouble on.
    rng: Option<Box<ChaCha8Rng>>,
}

impl Way {
    const ALL: [Self; 4] = [Self::FromClients, Self::ToClients, Self::ToServices, Self::FromServices];
}

impl Connections {
    pub(crate) fn new(machines: u16, latency_ns: u64, streams: Streams) -> Self {
        let lanes = usize::from(machines) * Way::ALL.len();
        Self { latency_ns, lanes: (0..lanes).map(|_| Lane::default()).collect(), streams }
    }

    pub(crate) fn trouble(&mut self, machine: MachineId, way: Way, trouble: Trouble) {
        let index = index(machine, way);
        let streams = self.streams;
        let lane = &mut self.lanes[index];
        lane.troubles.push(trouble);
        lane.rng.get_or_insert_with(|| Box::new(streams.stream(Concern::Connections, index as u64)));
    }

    pub(crate) fn mend(&mut self, fault: u32) {
        for lane in &mut self.lanes {
            lane.troubles.retain(|trouble| trouble.fault != fault);
        }
    }

    /// Something sets out now.
    pub(crate) fn pass(&mut self, at_ns: u64, machine: MachineId, way: Way) -> Passage {
        let soonest_ns = at_ns + self.latency_ns;
        self.lanes[index(machine, way)].pass(soonest_ns)
    }
}

impl Lane {
    fn pass(&mut self, soonest_ns: u64) -> Passage {
        let (mut at_ns, mut breaks, mut fault) = (soonest_ns, false, None);
        if let (Some(trouble), Some(rng)) = (self.troubles.last(), &mut self.rng) {
            // Always the same number of draws.
            let (luck, delay_ns) = (rng.random_range(0..PPM), rng.random_range(0..=trouble.delay_ns_max));
            breaks = luck < trouble.break_ppm;
            at_ns += if breaks { 0 } else { delay_ns };
            fault = (breaks || delay_ns > 0).then_some(trouble.fault);
        }
        if !breaks {
            at_ns = at_ns.max(self.last_at_ns);
            self.last_at_ns = at_ns;
        }
        Passage { at_ns, breaks, fault }
    }
}

fn index(machine: MachineId, way: Way) -> usize {
    usize::from(machine.0) * Way::ALL.len() + way as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const MACHINE: MachineId = MachineId(1);

    fn connections() -> Connections {
        Connections::new(3, 100, Streams::new(7))
    }

    #[test]
    fn without_trouble_all_takes_equally_long() {
        let mut calm = connections();
        for at_ns in [0, 5, 5, 900] {
            let passage = Passage { at_ns: at_ns + 100, breaks: false, fault: None };
            assert_eq!(calm.pass(at_ns, MACHINE, Way::ToClients), passage);
        }
    }

    #[test]
    fn what_is_late_is_overtaken_by_nothing_and_only_on_its_way() {
        let mut slow = connections();
        let trouble = Trouble { fault: 4, break_ppm: 0, delay_ns_max: 10_000 };
        slow.trouble(MACHINE, Way::ToClients, trouble);
        let mut before_ns = 0;
        for at_ns in 0..200 {
            let Passage { at_ns: arrives_ns, breaks, .. } = slow.pass(at_ns, MACHINE, Way::ToClients);
            assert!(arrives_ns >= before_ns && arrives_ns <= at_ns + 10_100 && !breaks);
            before_ns = arrives_ns;
        }
        assert!(before_ns > 9_000, "the whole range is used");
        slow.mend(4);
        let next = slow.pass(200, MACHINE, Way::ToClients);
        assert_eq!(next, Passage { at_ns: before_ns, breaks: false, fault: None }, "nor when it is over");
        for (machine, way) in [(MACHINE, Way::FromClients), (MachineId(0), Way::ToClients)] {
            assert_eq!(slow.pass(200, machine, way).at_ns, 300);
        }
    }

    #[test]
    fn connections_break_in_their_share_of_cases() {
        let mut rough = connections();
        let trouble = Trouble { fault: 4, break_ppm: 300_000, delay_ns_max: 0 };
        rough.trouble(MACHINE, Way::ToServices, trouble);
        let passed: Vec<Passage> =
            (0..1_000).map(|at_ns| rough.pass(at_ns, MACHINE, Way::ToServices)).collect();
        let broken = passed.iter().filter(|passage| passage.breaks).count();
        assert!((250..350).contains(&broken), "{broken} of 1,000");
        assert!(passed.iter().all(|passage| passage.fault == passage.breaks.then_some(4)));
    }
}
