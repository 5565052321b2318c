//! What a plan says will break, in words.

use std::fmt;

use super::{Direction, FaultKind, LinksOf, Outage, OutageKind, Target};

impl FaultKind {
    /// What the plan says will happen, as a clause for a sentence: "machine 3 crashes and is down for 5 s".
    pub fn told(&self) -> String {
        let lasts = Length(self.lasts_ms());
        match self {
            Self::Crash { target, .. } => format!("{target} crashes and is down for {lasts}"),
            Self::PowerLoss { target, .. } => format!("{target} loses power and is down for {lasts}"),
            Self::Pause { target, .. } => format!("{target} stands still for {lasts}"),
            Self::MachineCut { target, direction, .. } => match direction {
                Direction::Both => format!("{target} is cut off from the others for {lasts}"),
                Direction::In => format!("{target} hears nothing from the others for {lasts}"),
                Direction::Out => format!("nothing that {target} sends reaches the others for {lasts}"),
            },
            Self::DatacenterDown { datacenter, power: false, .. } => {
                format!("all machines of datacenter {datacenter} crash and are down for {lasts}")
            }
            Self::DatacenterDown { datacenter, power: true, .. } => {
                format!("datacenter {datacenter} loses power and is down for {lasts}")
            }
            Self::DatacenterCut { datacenter, .. } => {
                format!("datacenter {datacenter} is cut off from the others for {lasts}")
            }
            Self::Partition { from, to, both_ways: true, .. } => {
                format!("no message passes between {} and {} for {lasts}", machines(from), machines(to))
            }
            Self::Partition { from, to, both_ways: false, .. } => {
                format!("no message passes from {} to {} for {lasts}", machines(from), machines(to))
            }
            Self::SlowLinks { of, factor_percent, .. } => {
                let links = match of {
                    LinksOf::Machine(target) => format!("to and from {target}"),
                    LinksOf::Datacenter(datacenter) => format!("to, from and within datacenter {datacenter}"),
                };
                let times = Times(*factor_percent);
                format!("messages {links} take {times} times as long for {lasts}")
            }
            Self::ClockStep { target, by_ms } => {
                let way = if *by_ms < 0 { "back" } else { "forward" };
                let by = Length(u64::from(by_ms.unsigned_abs()));
                format!("the wall clock of {target} jumps {way} by {by}")
            }
            Self::SlowDisk { target, extra_ms, .. } => {
                let extra = Length(u64::from(*extra_ms));
                format!("each sync of {target} takes up to {extra} longer for {lasts}")
            }
            Self::MessageLoss { ppm, .. } => {
                let percent = f64::from(*ppm) / 10_000.0;
                format!("{percent} % of all messages between machines are lost for {lasts}")
            }
        }
    }
}

impl Outage {
    /// What the plan says will happen, as a clause for a sentence: "the outside services refuse with status 503 for 5 s".
    pub fn told(&self) -> String {
        format!("{} for {}", self.kind.told(), Length(self.for_ms))
    }
}

impl OutageKind {
    /// What they do, as a clause for a sentence.
    pub fn told(&self) -> String {
        match self {
            Self::Slow { extra_ms } => format!("the outside services answer {} later", Length(*extra_ms)),
            Self::Refuse { status } => format!("the outside services refuse with status {status}"),
            Self::Fail => "the outside services break the connection without an answer".into(),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Machine(machine) => write!(f, "machine {machine}"),
            Self::HolderOf(object) => write!(f, "the machine that holds {object}"),
            Self::LeaderOfDatacenter(datacenter) => write!(f, "the leader of datacenter {datacenter}"),
            Self::LeaderOfGroup(group) => write!(f, "the leader of consensus group {group}"),
            Self::LeaderOfSystemGroup => write!(f, "the leader of the system group"),
        }
    }
}

/// A length of time in milliseconds, as it is told: "2.5 s", "40 ms".
struct Length(u64);

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ms if ms < 1_000 => write!(f, "{ms} ms"),
            ms => write!(f, "{} s", ms as f64 / 1_000.0),
        }
    }
}

/// A factor in percent, as it is told: "3.5".
struct Times(u32);

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", f64::from(self.0) / 100.0)
    }
}

fn machines(machines: &[u16]) -> String {
    let names: Vec<_> = machines.iter().map(u16::to_string).collect();
    format!("machine{} {}", if names.len() == 1 { "" } else { "s" }, names.join(", "))
}
