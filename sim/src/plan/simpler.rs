//! Smaller plans out of a plan: what to try in place of a fault, and the same fault in a smaller cluster.

use super::{Direction, FaultKind, LinksOf, Outage, OutageKind, Target};

/// The mildest slowdown of links that is one, in percent.
const SLOW_MIN_PERCENT: u32 = 101;

impl FaultKind {
    /// Simpler variants to try when a plan is shrunk, simplest first: shorter, rounder, less; never the same. Whoever
    /// goes on with one of them comes to an end.
    pub fn simpler(&self) -> Vec<Self> {
        let mut simpler = self.plainer();
        simpler.extend(shorter(self.lasts_ms()).into_iter().map(|ms| self.lasting(ms)));
        simpler
    }

    /// Simpler in other ways than that it is over sooner.
    fn plainer(&self) -> Vec<Self> {
        match self.clone() {
            Self::PowerLoss { target, down_ms } => vec![Self::Crash { target, down_ms }],
            Self::MachineCut { target, for_ms, direction: Direction::In | Direction::Out } => {
                vec![Self::MachineCut { target, for_ms, direction: Direction::Both }]
            }
            Self::DatacenterDown { datacenter, down_ms, power: true } => {
                vec![Self::DatacenterDown { datacenter, down_ms, power: false }]
            }
            Self::Partition { from, to, both_ways, for_ms } => {
                let with = |from: Vec<u16>, to: Vec<u16>| Self::Partition { from, to, both_ways, for_ms };
                let whole = Self::Partition { from: from.clone(), to: to.clone(), both_ways: true, for_ms };
                let mut simpler: Vec<_> = (!both_ways).then_some(whole).into_iter().collect();
                simpler.extend(without_one(&from).map(|fewer| with(fewer, to.clone())));
                simpler.extend(without_one(&to).map(|fewer| with(from.clone(), fewer)));
                simpler
            }
            Self::SlowLinks { of, factor_percent, for_ms } => less(u64::from(factor_percent))
                .into_iter()
                .filter_map(|percent| u32::try_from(percent).ok().filter(|to| *to >= SLOW_MIN_PERCENT))
                .map(|factor_percent| Self::SlowLinks { of: of.clone(), factor_percent, for_ms })
                .collect(),
            Self::ClockStep { target, by_ms } => less(u64::from(by_ms.unsigned_abs()))
                .into_iter()
                .filter_map(|ms| i32::try_from(ms).ok())
                .map(|ms| Self::ClockStep { target: target.clone(), by_ms: by_ms.signum() * ms })
                .collect(),
            Self::SlowDisk { target, extra_ms, for_ms } => less(u64::from(extra_ms))
                .into_iter()
                .filter_map(|ms| u32::try_from(ms).ok())
                .map(|extra_ms| Self::SlowDisk { target: target.clone(), extra_ms, for_ms })
                .collect(),
            Self::MessageLoss { ppm, for_ms } => less(u64::from(ppm))
                .into_iter()
                .filter_map(|ppm| u32::try_from(ppm).ok())
                .map(|ppm| Self::MessageLoss { ppm, for_ms })
                .collect(),
            Self::Crash { .. }
            | Self::Pause { .. }
            | Self::MachineCut { .. }
            | Self::DatacenterDown { .. }
            | Self::DatacenterCut { .. } => Vec::new(),
        }
    }

    fn lasting(&self, ms: u64) -> Self {
        let mut kind = self.clone();
        match &mut kind {
            Self::Crash { down_ms: for_ms, .. }
            | Self::PowerLoss { down_ms: for_ms, .. }
            | Self::DatacenterDown { down_ms: for_ms, .. }
            | Self::Pause { for_ms, .. }
            | Self::MachineCut { for_ms, .. }
            | Self::DatacenterCut { for_ms, .. }
            | Self::Partition { for_ms, .. }
            | Self::SlowLinks { for_ms, .. }
            | Self::SlowDisk { for_ms, .. }
            | Self::MessageLoss { for_ms, .. } => *for_ms = ms,
            Self::ClockStep { .. } => {}
        }
        kind
    }

    /// The fault in a cluster whose machines, datacenters and groups have other numbers, each one of its own; none if it
    /// strikes something that is gone. The system group has no number.
    pub fn renumbered(
        &self,
        machine: &dyn Fn(u16) -> Option<u16>,
        datacenter: &dyn Fn(u16) -> Option<u16>,
        group: &dyn Fn(u16) -> Option<u16>,
    ) -> Option<Self> {
        let mut kind = self.clone();
        if let Some(target) = kind.target_mut() {
            match target {
                Target::Machine(struck) => *struck = machine(*struck)?,
                Target::LeaderOfDatacenter(of) => *of = datacenter(*of)?,
                Target::LeaderOfGroup(of) => *of = group(*of)?,
                Target::HolderOf(_) | Target::LeaderOfSystemGroup => {}
            }
        }
        match &mut kind {
            Self::DatacenterDown { datacenter: of, .. }
            | Self::DatacenterCut { datacenter: of, .. }
            | Self::SlowLinks { of: LinksOf::Datacenter(of), .. } => *of = datacenter(*of)?,
            Self::Partition { from, to, .. } => {
                for side in [from, to] {
                    *side = side.iter().copied().filter_map(machine).collect();
                    if side.is_empty() {
                        return None;
                    }
                }
            }
            _ => {}
        }
        Some(kind)
    }

    /// The object that the fault is aimed at, if it is aimed at the holder of one.
    pub fn aimed_at(&self) -> Option<&str> {
        match self.target()? {
            Target::HolderOf(object) => Some(object),
            _ => None,
        }
    }

    /// The fault with another object, if it is aimed at the holder of one.
    pub fn with_object(&self, rename: &dyn Fn(&str) -> String) -> Self {
        let mut kind = self.clone();
        if let Some(Target::HolderOf(object)) = kind.target_mut() {
            *object = rename(object);
        }
        kind
    }

    fn target(&self) -> Option<&Target> {
        match self {
            Self::Crash { target, .. }
            | Self::PowerLoss { target, .. }
            | Self::Pause { target, .. }
            | Self::MachineCut { target, .. }
            | Self::ClockStep { target, .. }
            | Self::SlowDisk { target, .. }
            | Self::SlowLinks { of: LinksOf::Machine(target), .. } => Some(target),
            _ => None,
        }
    }

    fn target_mut(&mut self) -> Option<&mut Target> {
        match self {
            Self::Crash { target, .. }
            | Self::PowerLoss { target, .. }
            | Self::Pause { target, .. }
            | Self::MachineCut { target, .. }
            | Self::ClockStep { target, .. }
            | Self::SlowDisk { target, .. }
            | Self::SlowLinks { of: LinksOf::Machine(target), .. } => Some(target),
            _ => None,
        }
    }
}

impl Outage {
    /// Simpler variants to try when a plan is shrunk, as [`FaultKind::simpler`].
    pub fn simpler(&self) -> Vec<Self> {
        let plainer = self.kind.simpler().into_iter().map(|kind| Self { kind, ..*self });
        plainer.chain(shorter(self.for_ms).into_iter().map(|for_ms| Self { for_ms, ..*self })).collect()
    }
}

impl OutageKind {
    /// Simpler variants to try when a plan is shrunk, as [`FaultKind::simpler`].
    pub fn simpler(&self) -> Vec<Self> {
        match *self {
            Self::Slow { extra_ms } => {
                less(extra_ms).into_iter().map(|extra_ms| Self::Slow { extra_ms }).collect()
            }
            // One that says nothing of why.
            Self::Refuse { status } if status != 500 => vec![Self::Refuse { status: 500 }],
            Self::Refuse { .. } | Self::Fail => Vec::new(),
        }
    }
}

/// Shorter times, in milliseconds.
fn shorter(ms: u64) -> Vec<u64> {
    less(ms)
}

/// Smaller numbers, down to 1, the smallest first: a tenth, half, and the number itself with fewer digits.
fn less(number: u64) -> Vec<u64> {
    let mut smaller = vec![
        rounded_down(number / 10, 1),
        rounded_down(number / 2, 1),
        rounded_down(number, 1),
        rounded_down(number, 2),
    ];
    smaller.retain(|candidate| (1..number).contains(candidate));
    smaller.sort_unstable();
    smaller.dedup();
    smaller
}

/// The number with so many digits that are not zero, and no larger.
fn rounded_down(number: u64, digits: u32) -> u64 {
    let unit = 10_u64.pow(number.checked_ilog10().unwrap_or(0).saturating_sub(digits - 1));
    number / unit * unit
}

/// All lists with one left out, as long as one remains.
fn without_one(machines: &[u16]) -> impl Iterator<Item = Vec<u16>> {
    let some = (0..machines.len()).filter(|_| machines.len() > 1);
    some.map(|out| {
        let kept = machines.iter().enumerate().filter(|(at, _)| *at != out);
        kept.map(|(_, machine)| *machine).collect()
    })
}
