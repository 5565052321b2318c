//! Whether the faults of a plan can happen. Whether they find anything to break is no question here.

use super::{PlanError, at_most, ensure, validate_object};
use crate::plan::{
    CLOCK_STEP_MAX_MS, Fault, FaultKind, LinksOf, Plan, RUN_MAX_MS, SLOW_MAX_PERCENT, SYNC_EXTRA_MAX_MS,
    Target,
};

impl Plan {
    pub(super) fn validate_faults(&self) -> Result<(), PlanError> {
        self.faults.iter().enumerate().try_for_each(|(i, fault)| self.validate_fault(i, fault))
    }

    fn validate_fault(&self, i: usize, fault: &Fault) -> Result<(), PlanError> {
        let place = |field: &str| format!("faults[{i}].kind.{field}");
        self.validate_moment(fault.at_ms, || format!("faults[{i}].at_ms"))?;
        let length = match fault.kind {
            FaultKind::Crash { .. } | FaultKind::PowerLoss { .. } | FaultKind::DatacenterDown { .. } => {
                "down_ms"
            }
            _ => "for_ms",
        };
        at_most(fault.kind.lasts_ms(), RUN_MAX_MS, || place(length))?;
        match &fault.kind {
            FaultKind::Crash { target, .. }
            | FaultKind::PowerLoss { target, .. }
            | FaultKind::Pause { target, .. }
            | FaultKind::MachineCut { target, .. } => self.validate_target(target, || place("target")),
            FaultKind::DatacenterDown { datacenter, .. } | FaultKind::DatacenterCut { datacenter, .. } => {
                self.validate_datacenter(*datacenter, || place("datacenter"))
            }
            FaultKind::Partition { from, to, .. } => self.validate_partition(i, from, to),
            FaultKind::SlowLinks { of, factor_percent, .. } => {
                let (factor, right) = (*factor_percent, || format!("it is from 101 to {SLOW_MAX_PERCENT}"));
                ensure(
                    (101..=SLOW_MAX_PERCENT).contains(&factor),
                    || place("factor_percent"),
                    factor,
                    right,
                )?;
                match of {
                    LinksOf::Machine(target) => self.validate_target(target, || place("of")),
                    LinksOf::Datacenter(datacenter) => self.validate_datacenter(*datacenter, || place("of")),
                }
            }
            FaultKind::ClockStep { target, by_ms } => {
                let right = || format!("it is from -{CLOCK_STEP_MAX_MS} to {CLOCK_STEP_MAX_MS}");
                ensure(by_ms.unsigned_abs() <= CLOCK_STEP_MAX_MS, || place("by_ms"), by_ms, right)?;
                self.validate_target(target, || place("target"))
            }
            FaultKind::SlowDisk { target, extra_ms, .. } => {
                at_most(*extra_ms, SYNC_EXTRA_MAX_MS, || place("extra_ms"))?;
                self.validate_target(target, || place("target"))
            }
            FaultKind::MessageLoss { ppm, .. } => at_most(*ppm, 1_000_000, || place("ppm")),
        }
    }

    fn validate_partition(&self, i: usize, from: &[u16], to: &[u16]) -> Result<(), PlanError> {
        for (side, machines) in [("from", from), ("to", to)] {
            for (j, machine) in machines.iter().enumerate() {
                self.validate_machine(*machine, || format!("faults[{i}].kind.{side}[{j}]"))?;
            }
        }
        let both = to.iter().position(|machine| from.contains(machine));
        match both {
            None => Ok(()),
            Some(j) => ensure(
                false,
                || format!("faults[{i}].kind.to[{j}]"),
                to[j],
                || "a machine is on one side: it stands in `from` as well".into(),
            ),
        }
    }

    fn validate_target(&self, target: &Target, place: impl FnOnce() -> String) -> Result<(), PlanError> {
        let groups = self.cluster.groups;
        match target {
            Target::Machine(machine) => self.validate_machine(*machine, place),
            Target::HolderOf(object) => validate_object(object, place),
            Target::LeaderOfDatacenter(datacenter) => self.validate_datacenter(*datacenter, place),
            Target::LeaderOfSystemGroup => Ok(()),
            Target::LeaderOfGroup(group) => ensure(*group <= groups, place, group, || {
                format!("the cluster has groups 0 to {}, and the system group {groups}", groups - 1)
            }),
        }
    }

    fn validate_datacenter(&self, datacenter: u16, place: impl FnOnce() -> String) -> Result<(), PlanError> {
        let datacenters = self.cluster.datacenters;
        ensure(datacenter < datacenters, place, datacenter, || {
            format!("the cluster has datacenters 0 to {}", datacenters - 1)
        })
    }
}
