//! What a kind of fault asks about its parameters, so that what is wrong is always said in the same way. Whether a fault
//! finds anything to break is no question here.

use std::fmt::Display;
use std::ops::RangeInclusive;

use super::{PlanError, at_most, ensure, validate_object};
use crate::plan::{Plan, RUN_MAX_MS, Target};

/// The parameters of one fault of a plan.
pub(crate) struct Check<'a> {
    plan: &'a Plan,
    position: usize,
}

impl<'a> Check<'a> {
    /// Those of the fault at this position.
    pub(super) fn new(plan: &'a Plan, position: usize) -> Self {
        Self { plan, position }
    }

    fn place(&self, field: &str) -> String {
        format!("faults[{}].kind.{field}", self.position)
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
        within(value, range, || self.place(field))
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
            Target::LeaderOfSystemGroup => Ok(()),
        }
    }
}

/// The parameters of one outage of a plan.
pub(crate) struct OutageCheck {
    position: usize,
}

impl OutageCheck {
    /// Those of the outage at this position.
    pub(super) fn new(position: usize) -> Self {
        Self { position }
    }

    fn place(&self, field: &str) -> String {
        format!("upstream.outages[{}].kind.{field}", self.position)
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
        within(value, range, || self.place(field))
    }
}

fn within<T: PartialOrd + Display>(
    value: T,
    range: RangeInclusive<T>,
    place: impl FnOnce() -> String,
) -> Result<(), PlanError> {
    let right = || format!("it is from {} to {}", range.start(), range.end());
    ensure(range.contains(&value), place, &value, right)
}
