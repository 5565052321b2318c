//! What a kind of fault asks about its parameters, so that what is wrong is always said in the same way. Whether a fault
//! finds anything to break is no question here.

use std::fmt::Display;
use std::ops::RangeInclusive;

use super::{PlanError, at_most, ensure, validate_object};
use crate::plan::{Plan, RUN_MAX_MS, Target};

/// The parameters of one fault or outage of a plan.
pub(crate) struct Check<'a> {
    plan: &'a Plan,
    list: &'static str,
    position: usize,
}

impl<'a> Check<'a> {
    /// Those of the fault at this position.
    pub(super) fn of_fault(plan: &'a Plan, position: usize) -> Self {
        Self { plan, list: "faults", position }
    }

    /// Those of the outage at this position.
    pub(super) fn of_outage(plan: &'a Plan, position: usize) -> Self {
        Self { plan, list: "upstream.outages", position }
    }

    fn place(&self, field: &str) -> String {
        format!("{}[{}].kind.{field}", self.list, self.position)
    }

    pub(crate) fn ensure(
        &self,
        holds: bool,
        field: &str,
        wrong: impl ToString,
        right: impl FnOnce() -> String,
    ) -> Result<(), PlanError> {
        ensure(holds, || self.place(field), wrong, right)
    }

    /// A length of time, in milliseconds.
    pub(crate) fn length(&self, field: &str, ms: u64) -> Result<(), PlanError> {
        self.at_most(field, ms, RUN_MAX_MS)
    }

    pub(crate) fn at_most<T: PartialOrd + ToString>(
        &self,
        field: &str,
        value: T,
        max: T,
    ) -> Result<(), PlanError> {
        at_most(value, max, || self.place(field))
    }

    pub(crate) fn within<T: PartialOrd + Display>(
        &self,
        field: &str,
        value: T,
        range: RangeInclusive<T>,
    ) -> Result<(), PlanError> {
        let right = || format!("it is from {} to {}", range.start(), range.end());
        ensure(range.contains(&value), || self.place(field), &value, right)
    }

    pub(crate) fn machine(&self, field: &str, machine: u16) -> Result<(), PlanError> {
        self.plan.validate_machine(machine, || self.place(field))
    }

    pub(crate) fn datacenter(&self, field: &str, datacenter: u16) -> Result<(), PlanError> {
        let datacenters = self.plan.cluster.datacenters;
        let right = || format!("the cluster has datacenters 0 to {}", datacenters - 1);
        self.ensure(datacenter < datacenters, field, datacenter, right)
    }

    pub(crate) fn target(&self, field: &str, target: &Target) -> Result<(), PlanError> {
        let groups = self.plan.cluster.groups;
        match target {
            Target::Machine(machine) => self.machine(field, *machine),
            Target::HolderOf(object) => validate_object(object, || self.place(field)),
            Target::LeaderOfDatacenter(datacenter) => self.datacenter(field, *datacenter),
            Target::LeaderOfGroup(group) => self.ensure(*group <= groups, field, group, || {
                format!("the cluster has groups 0 to {}, and the system group {groups}", groups - 1)
            }),
            Target::LeaderOfSystemGroup | Target::Next(_) => Ok(()),
        }
    }
}
