//! One machine of the world: the incarnation that runs on it now, if any, and what outlives incarnations: its disk, its
//! clocks, its random streams.

use std::collections::VecDeque;

use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;
use reveille_system::ids::MachineId;
use reveille_system::io::{FileId, Input};
use reveille_system::machine::Machine;
use reveille_system::words::time::Now;

use crate::clock::Clock;
use crate::disk::{Disk, PowerLoss, Sync};
use crate::plan;
use crate::readout::Readout;
use crate::record::Spot;
use crate::streams::{Concern, Streams};
use crate::trace::Kind;

const NS_PER_US: u64 = 1_000;

/// No moment: later than every run.
const NEVER_NS: u64 = u64::MAX;

pub(crate) struct Host {
    pub(crate) id: MachineId,
    /// None while the machine is down.
    pub(crate) machine: Option<Machine>,
    /// Counts boots. Wakes, syncs and the answers of outside services never reach another incarnation than the one that
    /// asked for them; messages do.
    pub(crate) life: u32,
    pub(crate) disk: Disk,
    /// The faults that have taken what the disk had promised to keep, while its replicas are not built anew (D8).
    pub(crate) harms: Vec<u32>,
    /// How far the world has read the disk.
    pub(crate) readout: Readout,
    pub(crate) clock: Clock,
    /// The faults that hold the machine down.
    pub(crate) downs: Vec<u32>,
    /// The faults that make its process stand still.
    pub(crate) pauses: Vec<u32>,
    /// The faults that make its disk stall.
    pub(crate) stalls: Vec<u32>,
    /// The syncs that would have ended meanwhile, with the incarnation that asked for them.
    stalled: Vec<(u32, Sync)>,
    /// What has come for the process while it stood still.
    pub(crate) held: VecDeque<Held>,
    wake: Wake,
    sync_ns: std::ops::RangeInclusive<u64>,
    /// The faults that make its disk slow, with what each adds to a sync at most. The worst decides; of equals the first.
    slow_disk: Vec<(u32, u64)>,
    sync_rng: ChaCha8Rng,
    loss_rng: ChaCha8Rng,
    rot_rng: ChaCha8Rng,
    seed_rng: ChaCha8Rng,
}

/// An input that waits for a paused machine, with the step that it is when the machine gets it.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) kind: Kind,
    pub(crate) a: u64,
    pub(crate) b: u64,
    pub(crate) input: Input,
}

/// The one wake that a machine has asked for. A machine changes its mind far more often than it is woken, so a wake that
/// moves to a later time leaves its event in the queue, and is put in anew when that event comes.
#[derive(Clone, Copy, Debug)]
struct Wake {
    /// When it is wanted, in true time.
    wanted_ns: u64,
    /// The earliest event in the queue that stands for it; never later than `wanted_ns` unless none is wanted.
    queued_ns: u64,
}

/// What to do about a wake event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Wake the machine.
    Now,
    /// Not yet: put the event in again for this time.
    Later(u64),
    /// The event stands for nothing any more.
    Never,
}

impl Host {
    pub(crate) fn new(id: MachineId, disk: plan::Disk, clock: plan::Clock, streams: Streams) -> Self {
        let stream = |concern| streams.stream(concern, u64::from(id.0));
        Self {
            id,
            machine: None,
            life: 0,
            disk: Disk::formatted(),
            harms: Vec::new(),
            readout: Readout::default(),
            clock: Clock::new(clock.offset_ms, clock.drift_ppm),
            downs: Vec::new(),
            pauses: Vec::new(),
            stalls: Vec::new(),
            stalled: Vec::new(),
            held: VecDeque::new(),
            wake: Wake { wanted_ns: NEVER_NS, queued_ns: NEVER_NS },
            sync_ns: u64::from(disk.sync_us_min) * NS_PER_US..=u64::from(disk.sync_us_max) * NS_PER_US,
            slow_disk: Vec::new(),
            sync_rng: stream(Concern::DiskSync),
            loss_rng: stream(Concern::DiskLoss),
            rot_rng: stream(Concern::DiskRot),
            seed_rng: stream(Concern::System),
        }
    }

    /// A new incarnation begins: returns its clocks and its seed.
    pub(crate) fn begin_life(&mut self, at_ns: u64) -> (Now, u64) {
        self.life += 1;
        self.clock.boot(at_ns);
        self.wake = Wake { wanted_ns: NEVER_NS, queued_ns: NEVER_NS };
        (self.clock.now(at_ns), self.seed_rng.next_u64())
    }

    /// Whether this incarnation runs.
    pub(crate) fn runs(&self, life: u32) -> bool {
        self.machine.is_some() && self.life == life
    }

    pub(crate) fn spot(&self, at_ns: u64) -> Spot {
        Spot { at_ns, machine: self.id, life: self.life, wall_ns: self.clock.wall_ns(at_ns) }
    }

    pub(crate) fn disk_slows_down(&mut self, fault: u32, extra_ns: u64) {
        self.slow_disk.push((fault, extra_ns));
    }

    pub(crate) fn disk_recovers(&mut self, fault: u32) {
        self.slow_disk.retain(|(slow, _)| *slow != fault);
    }

    /// A sync would end now. If the disk stalls, it waits: returns the fault that it waits for.
    pub(crate) fn stalls(&mut self, life: u32, sync: Sync) -> Option<u32> {
        let stall = *self.stalls.first()?;
        self.stalled.push((life, sync));
        Some(stall)
    }

    /// The fault makes the disk stall no longer. Returns the syncs that end now, in the order in which they would have.
    pub(crate) fn disk_goes_on(&mut self, fault: u32) -> Vec<(u32, Sync)> {
        self.stalls.retain(|stall| *stall != fault);
        if self.stalls.is_empty() { std::mem::take(&mut self.stalled) } else { Vec::new() }
    }

    /// The faults that keep the machine from what it does.
    pub(crate) fn held_by(&self) -> impl Iterator<Item = u32> {
        self.downs.iter().chain(&self.pauses).chain(&self.stalls).copied()
    }

    /// How long a sync takes that is asked for now, and the fault that makes it longer than any is otherwise. One draw,
    /// whatever the disk suffers from.
    pub(crate) fn draw_sync(&mut self) -> (u64, Option<u32>) {
        let (shortest_ns, longest_ns) = self.sync_ns.clone().into_inner();
        let worst = self
            .slow_disk
            .iter()
            .copied()
            .reduce(|worst, other| if other.1 > worst.1 { other } else { worst });
        let extra_ns = worst.map_or(0, |(_, extra_ns)| extra_ns);
        let after_ns = self.sync_rng.random_range(shortest_ns..=longest_ns + extra_ns);
        (after_ns, worst.map(|(fault, _)| fault).filter(|_| after_ns > longest_ns))
    }

    /// The longest that a sync takes that is asked for now, unless the disk stalls.
    pub(crate) fn syncs_within_ns(&self) -> u64 {
        let extra_ns = self.slow_disk.iter().map(|(_, extra_ns)| *extra_ns).max().unwrap_or(0);
        self.sync_ns.end() + extra_ns
    }

    /// The disk is gone, and an empty one in its place.
    pub(crate) fn replace_disk(&mut self) {
        (self.disk, self.readout) = (Disk::default(), Readout::default());
    }

    /// Some bytes rot in the end mark or in the log that it is about. Returns whether there is anything there.
    pub(crate) fn rot(&mut self, is_mark: bool, bytes: u32) -> bool {
        let file = if is_mark { FileId::Mark } else { self.readout.file(&self.disk) };
        // What was read before may be other now.
        self.readout = Readout::default();
        self.disk.rot(file, bytes, &mut self.rot_rng)
    }

    pub(crate) fn lose_power(&mut self) -> PowerLoss {
        self.disk.lose_power(&mut self.loss_rng)
    }

    /// The machine wants to be woken when its monotonic clock shows `mono_ns`, and no more at any other time. Returns the
    /// time of the event to put into the queue, if one is needed.
    pub(crate) fn want_wake(&mut self, at_ns: u64, mono_ns: u64) -> Option<u64> {
        self.wake.wanted_ns = self.clock.true_ns(mono_ns).max(at_ns);
        if self.wake.queued_ns <= self.wake.wanted_ns {
            return None;
        }
        self.wake.queued_ns = self.wake.wanted_ns;
        Some(self.wake.queued_ns)
    }

    /// A wake event of this incarnation has come.
    pub(crate) fn wake_due(&mut self, at_ns: u64) -> Due {
        if at_ns != self.wake.queued_ns {
            return Due::Never;
        }
        self.wake.queued_ns = NEVER_NS;
        if self.wake.wanted_ns > at_ns {
            self.wake.queued_ns = self.wake.wanted_ns;
            return Due::Later(self.wake.wanted_ns);
        }
        self.wake.wanted_ns = NEVER_NS;
        Due::Now
    }
}
