//! The network: directed links between machines with latency by pair of datacenters, jitter, loss, slowness and cuts. It
//! carries datagrams: it may lose them, carry them twice, late and out of order, and it knows no incarnations of machines.
//! Jitter larger than the gap between two messages reorders them. What a link does depends on what passes over it alone:
//! each message costs exactly one draw from the link's own stream, whatever troubles the network; only while a link is
//! rough it draws from a second one.

mod link;

use std::collections::BTreeMap;

use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;
use reveille_system::config::Config;
use reveille_system::ids::MachineId;

use self::link::Link;
pub use self::link::{Flapping, Rough};
use crate::plan;
use crate::streams::{Concern, Streams};

const NS_PER_US: u64 = 1_000;
const PPM: u64 = 1_000_000;

/// L2: a link counts as connected that delays nothing longer.
const DELAYED_WITHIN_NS: u64 = 500_000_000;

/// All links between machines.
#[derive(Debug)]
pub struct Net {
    machines: usize,
    /// The link from machine `a` to machine `b` is entry `a * machines + b`.
    links: Vec<Link>,
    /// What loses messages now, with how many of a million. The most lossy decides; of equals the first.
    losses: Vec<(TroubleId, u32)>,
    /// What corrupts messages now, with how many of a million. The most harmful decides; of equals the first.
    corruptions: Vec<(TroubleId, u32)>,
    /// For that, by link; from the first time on that there is any.
    corrupt_rngs: BTreeMap<(MachineId, MachineId), ChaCha8Rng>,
    streams: Streams,
}

/// Whatever troubles the network: comes back with each message that it harmed.
pub type TroubleId = u32;

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It arrives after this time, unless the link is cut then.
    Arrives {
        /// In nanoseconds.
        after_ns: u64,
        /// What made the link slow.
        slowed_by: Option<TroubleId>,
        /// What kept this message back beside that.
        delayed_by: Option<TroubleId>,
        /// It arrives once more.
        again: Option<Again>,
    },
    /// It is lost.
    Lost {
        /// To what.
        to: TroubleId,
    },
}

/// A message arrives a second time, before or after the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Again {
    /// After it was sent, in nanoseconds.
    pub after_ns: u64,
    /// What carried it twice.
    pub by: TroubleId,
}

/// The worst that a link does to messages now, cuts left aside (L2: whether it counts as connected).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Worst {
    /// Of a million messages so many are lost.
    pub lost_ppm: u32,
    /// A message takes so long at most, in nanoseconds.
    pub takes_ns: u64,
}

impl Net {
    /// The network of a cluster. `shape` is validated: it has a latency for each pair of datacenters.
    pub fn new(config: &Config, shape: &plan::Network, streams: Streams) -> Self {
        let machines = config.machines();
        let pairs = (0..machines).flat_map(|from| (0..machines).map(move |to| (from, to)));
        let links = pairs.map(|(from, to)| {
            let place = |machine| usize::from(config.datacenter_of(MachineId(machine)).0);
            let latency_ns = u64::from(shape.latency_us(place(from), place(to))) * NS_PER_US;
            let jitter_ns = latency_ns * u64::from(shape.jitter_percent) / 100;
            let rng = streams.stream(Concern::Network, name(MachineId(from), MachineId(to)));
            Link::new(latency_ns, jitter_ns, from == to, rng)
        });
        Self {
            machines: usize::from(machines),
            links: links.collect(),
            losses: Vec::new(),
            corruptions: Vec::new(),
            corrupt_rngs: BTreeMap::new(),
            streams,
        }
    }

    /// Loses `ppm` of a million messages from now on, those of a machine to itself excepted.
    pub fn lose(&mut self, id: TroubleId, ppm: u32) {
        self.losses.push((id, ppm));
    }

    /// Corrupts `ppm` of a million messages from now on, those of a machine to itself excepted.
    pub fn corrupt(&mut self, id: TroubleId, ppm: u32) {
        self.corruptions.push((id, ppm));
    }

    /// Which bit of a message of so many bytes is another one when it arrives, and what makes it so.
    pub fn corrupted(&mut self, from: MachineId, to: MachineId, bytes: usize) -> Option<(TroubleId, usize)> {
        let (id, ppm) = link::worst(self.corruptions.iter().copied()).filter(|_| from != to)?;
        let streams = self.streams;
        let stream = || streams.stream(Concern::Corruption, name(from, to));
        let rng = self.corrupt_rngs.entry((from, to)).or_insert_with(stream);
        let (luck, bit) = (rng.next_u64() >> 32, rng.random_range(0..bytes * 8));
        link::strikes(luck, ppm).then_some((id, bit))
    }

    /// Cuts the link from one machine to another, all the time or by turns. That of a machine to itself is never cut.
    pub fn cut(&mut self, id: TroubleId, from: MachineId, to: MachineId, flapping: Option<Flapping>) {
        self.link_mut(from, to).cut(id, flapping);
    }

    /// Slows the link from one machine to another down: messages take `percent` of their time.
    pub fn slow_down(&mut self, id: TroubleId, from: MachineId, to: MachineId, percent: u32) {
        self.link_mut(from, to).slow_down(id, percent);
    }

    /// Makes the link from one machine to another lose, repeat and delay single messages.
    pub fn roughen(&mut self, id: TroubleId, from: MachineId, to: MachineId, rough: Rough) {
        let streams = self.streams;
        let stream = || streams.stream(Concern::RoughLinks, name(from, to));
        self.link_mut(from, to).roughen(id, rough, stream);
    }

    /// Ends whatever this one does to the network.
    pub fn mend(&mut self, id: TroubleId) {
        self.losses.retain(|(loss, _)| *loss != id);
        self.corruptions.retain(|(corruption, _)| *corruption != id);
        self.links.iter_mut().for_each(|link| link.mend(id));
    }

    /// What cuts the link from one machine to another, if anything does: that which began first. What cuts it by turns
    /// cuts it here all the time (L2: cuts less than 10 s apart are one).
    pub fn cut_by(&self, from: MachineId, to: MachineId) -> Option<TroubleId> {
        self.links[self.index(from, to)].cut_by()
    }

    /// What lets no message pass over the link from one machine to another at this moment, if anything does.
    pub fn closed_by(&self, at_ns: u64, from: MachineId, to: MachineId) -> Option<TroubleId> {
        self.links[self.index(from, to)].closed_by(at_ns)
    }

    /// The worst that the link from one machine to another does to messages now, cuts left aside.
    pub fn worst(&self, from: MachineId, to: MachineId) -> Worst {
        self.links[self.index(from, to)].worst(&self.losses)
    }

    /// L2: whether the link from one machine to another loses or delays too much to count as connected, cut or not: more than a
    /// tenth of what passes is lost, or something may take longer than half a second.
    pub(crate) fn is_impaired(&self, from: MachineId, to: MachineId) -> bool {
        let Worst { lost_ppm, takes_ns } = self.worst(from, to);
        // What arrives corrupted is lost.
        let corrupted = link::worst(self.corruptions.iter().copied()).filter(|_| from != to);
        let arrive = PPM - corrupted.map_or(0, |(_, ppm)| u64::from(ppm));
        let lost_ppm = PPM - (PPM - u64::from(lost_ppm)) * arrive / PPM;
        lost_ppm > PPM / 10 || takes_ns > DELAYED_WITHIN_NS
    }

    /// Decides about one message as it leaves. As it arrives, ask [`Net::closed_by`] once more.
    pub fn send(&mut self, at_ns: u64, from: MachineId, to: MachineId) -> Fate {
        let index = self.index(from, to);
        self.links[index].send(at_ns, &self.losses)
    }

    fn link_mut(&mut self, from: MachineId, to: MachineId) -> &mut Link {
        let index = self.index(from, to);
        &mut self.links[index]
    }

    fn index(&self, from: MachineId, to: MachineId) -> usize {
        usize::from(from.0) * self.machines + usize::from(to.0)
    }
}

/// Which of all streams of its concern is that of a link.
fn name(from: MachineId, to: MachineId) -> u64 {
    (u64::from(from.0) << 16) | u64::from(to.0)
}
