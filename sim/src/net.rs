//! The network: directed links between machines with latency by pair of datacenters, jitter, loss, slowness and cuts.
//! Jitter larger than the gap between two messages reorders them. What a link does depends on what passes over it alone:
//! each message costs exactly one draw from the link's own stream, whatever troubles the network.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use reveille_system::config::Config;
use reveille_system::ids::MachineId;

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
}

/// Whatever troubles the network: comes back with each message that it harmed.
pub type TroubleId = u32;

#[derive(Debug)]
struct Link {
    latency_ns: u64,
    jitter_ns: u64,
    /// From a machine to itself: nothing ever troubles it.
    inner: bool,
    /// What cuts the link now. It is open when nothing does.
    cuts: Vec<TroubleId>,
    /// What slows it down now, with the factor in percent. The worst decides; of equals the first.
    slow: Vec<(TroubleId, u32)>,
    rng: ChaCha8Rng,
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It arrives after this time, unless the link is cut then.
    Arrives {
        /// In nanoseconds.
        after_ns: u64,
        /// What made it take longer.
        slowed_by: Option<TroubleId>,
    },
    /// It is lost.
    Lost {
        /// To what.
        to: TroubleId,
    },
}

impl Net {
    /// The network of a cluster. `shape` is validated: it has a latency for each pair of datacenters.
    pub fn new(config: &Config, shape: &plan::Network, streams: Streams) -> Self {
        let machines = config.machines();
        let pairs = (0..machines).flat_map(|from| (0..machines).map(move |to| (from, to)));
        let links = pairs.map(|(from, to)| {
            let place = |machine| usize::from(config.datacenter_of(MachineId(machine)).0);
            let latency_us = shape.latency_us(place(from), place(to));
            let latency_ns = u64::from(latency_us) * NS_PER_US;
            Link {
                latency_ns,
                jitter_ns: latency_ns * u64::from(shape.jitter_percent) / 100,
                inner: from == to,
                cuts: Vec::new(),
                slow: Vec::new(),
                rng: streams.stream(Concern::Network, (u64::from(from) << 16) | u64::from(to)),
            }
        });
        Self { machines: usize::from(machines), links: links.collect(), losses: Vec::new() }
    }

    /// Loses `ppm` of a million messages from now on, those of a machine to itself excepted.
    pub fn lose(&mut self, id: TroubleId, ppm: u32) {
        self.losses.push((id, ppm));
    }

    /// Cuts the link from one machine to another. That of a machine to itself is never cut.
    pub fn cut(&mut self, id: TroubleId, from: MachineId, to: MachineId) {
        let link = self.link_mut(from, to);
        if !link.inner {
            link.cuts.push(id);
        }
    }

    /// Slows the link from one machine to another down: messages take `percent` of their time.
    pub fn slow_down(&mut self, id: TroubleId, from: MachineId, to: MachineId, percent: u32) {
        let link = self.link_mut(from, to);
        if !link.inner {
            link.slow.push((id, percent));
        }
    }

    /// Ends whatever this one does to the network.
    pub fn mend(&mut self, id: TroubleId) {
        self.losses.retain(|(loss, _)| *loss != id);
        for link in &mut self.links {
            link.cuts.retain(|cut| *cut != id);
            link.slow.retain(|(slow, _)| *slow != id);
        }
    }

    /// What cuts the link from one machine to another, if anything does: that which began first.
    pub fn cut_by(&self, from: MachineId, to: MachineId) -> Option<TroubleId> {
        self.links[self.index(from, to)].cuts.first().copied()
    }

    /// L2: whether the link from one machine to another loses or delays too much to count as connected, cut or not: more than a
    /// tenth of what passes is lost, or something may take longer than half a second.
    pub(crate) fn is_impaired(&self, from: MachineId, to: MachineId) -> bool {
        let link = &self.links[self.index(from, to)];
        if link.inner {
            return false;
        }
        let percent = worst(&link.slow).map_or(100, |(_, percent)| percent);
        let longest_ns = (link.latency_ns + link.jitter_ns) * u64::from(percent) / 100;
        let is_lossy = worst(&self.losses).is_some_and(|(_, ppm)| u64::from(ppm) > PPM / 10);
        is_lossy || longest_ns > DELAYED_WITHIN_NS
    }

    /// Decides about one message as it leaves. As it arrives, ask [`Net::cut_by`] once more.
    pub fn send(&mut self, from: MachineId, to: MachineId) -> Fate {
        let index = self.index(from, to);
        let link = &mut self.links[index];
        let draw = link.rng.next_u64();
        let (luck, jitter) = (draw >> 32, draw & u64::from(u32::MAX));
        if let Some(cut) = link.cuts.first() {
            return Fate::Lost { to: *cut };
        }
        if let (false, Some((id, ppm))) = (link.inner, worst(&self.losses))
            && (luck * PPM) >> 32 < u64::from(ppm)
        {
            return Fate::Lost { to: id };
        }
        let after_ns = link.latency_ns + ((jitter * (link.jitter_ns + 1)) >> 32);
        match worst(&link.slow) {
            None => Fate::Arrives { after_ns, slowed_by: None },
            Some((id, percent)) => {
                Fate::Arrives { after_ns: after_ns * u64::from(percent) / 100, slowed_by: Some(id) }
            }
        }
    }

    fn link_mut(&mut self, from: MachineId, to: MachineId) -> &mut Link {
        let index = self.index(from, to);
        &mut self.links[index]
    }

    fn index(&self, from: MachineId, to: MachineId) -> usize {
        usize::from(from.0) * self.machines + usize::from(to.0)
    }
}

/// The worst of several troubles of a kind, of equals the first.
fn worst(troubles: &[(TroubleId, u32)]) -> Option<(TroubleId, u32)> {
    troubles.iter().copied().reduce(|worst, other| if other.1 > worst.1 { other } else { worst })
}
