//! The network: directed links between machines with latency by pair of datacenters, jitter and loss. Jitter larger
//! than the gap between two messages reorders them. What a link does depends on what passes over it alone: each message
//! costs exactly one draw from the link's own stream, whether or not loss is switched on.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use reveille_system::config::Config;
use reveille_system::ids::MachineId;

use crate::plan;
use crate::streams::{Concern, Streams};

const NS_PER_US: u64 = 1_000;
const PPM: u64 = 1_000_000;

/// All links between machines.
#[derive(Debug)]
pub struct Net {
    machines: usize,
    /// The link from machine `a` to machine `b` is entry `a * machines + b`.
    links: Vec<Link>,
    /// What loses messages now, with how many of a million. The most lossy decides; of equals the first.
    losses: Vec<(LossId, u32)>,
}

/// Whatever switched a loss on: comes back with each message that was lost to it.
pub type LossId = u32;

#[derive(Debug)]
struct Link {
    latency_ns: u64,
    jitter_ns: u64,
    lossless: bool,
    rng: ChaCha8Rng,
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It arrives after this time.
    Arrives {
        /// In nanoseconds.
        after_ns: u64,
    },
    /// It is lost.
    Lost {
        /// To what.
        to: LossId,
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
                lossless: from == to,
                rng: streams.stream(Concern::Network, (u64::from(from) << 16) | u64::from(to)),
            }
        });
        Self { machines: usize::from(machines), links: links.collect(), losses: Vec::new() }
    }

    /// Switches a loss on: `ppm` of a million messages are lost, those of a machine to itself excepted.
    pub fn begin_loss(&mut self, id: LossId, ppm: u32) {
        self.losses.push((id, ppm));
    }

    /// Switches a loss off.
    pub fn end_loss(&mut self, id: LossId) {
        self.losses.retain(|(loss, _)| *loss != id);
    }

    /// Decides about one message.
    pub fn send(&mut self, from: MachineId, to: MachineId) -> Fate {
        let link = &mut self.links[usize::from(from.0) * self.machines + usize::from(to.0)];
        let draw = link.rng.next_u64();
        let (luck, jitter) = (draw >> 32, draw & u64::from(u32::MAX));
        if !link.lossless && !self.losses.is_empty() {
            let (id, ppm) = worst(&self.losses);
            if (luck * PPM) >> 32 < u64::from(ppm) {
                return Fate::Lost { to: id };
            }
        }
        Fate::Arrives { after_ns: link.latency_ns + ((jitter * (link.jitter_ns + 1)) >> 32) }
    }
}

fn worst(losses: &[(LossId, u32)]) -> (LossId, u32) {
    losses.iter().copied().reduce(|worst, loss| if loss.1 > worst.1 { loss } else { worst }).unwrap_or((0, 0))
}
