//! Whether a plan can be run; if not, the first thing that is wrong, where it stands, and what would be right. A plan may
//! come from a file that somebody has edited, so nothing in it is taken for granted.

mod check;
mod head;

use reveille_system::ids::ObjectName;

pub(crate) use self::check::Check;
use super::{
    Cluster, DRIFT_MAX_PPM, Disk, ENTRIES_KEPT_MAX, FAULTS_MAX, GROUPS_MAX, JITTER_MAX_PERCENT,
    LATENCY_MAX_US, LOG_BYTES_MAX, MACHINES_MAX, Network, OFFSET_MAX_MS, Past, Phases, Plan, RUN_MAX_MS,
    VERSION, WARM_UP_MIN_MS,
};

/// Why a plan cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the plan's {place} is {wrong}; {right}")]
pub struct PlanError {
    /// Where: the path of the field.
    pub place: String,
    /// What stands there.
    pub wrong: String,
    /// What would be right.
    pub right: String,
}

pub(super) fn ensure(
    holds: bool,
    place: impl FnOnce() -> String,
    wrong: impl ToString,
    right: impl FnOnce() -> String,
) -> Result<(), PlanError> {
    if holds { Ok(()) } else { Err(PlanError { place: place(), wrong: wrong.to_string(), right: right() }) }
}

fn at_most<T: PartialOrd + ToString>(
    value: T,
    max: T,
    place: impl FnOnce() -> String,
) -> Result<(), PlanError> {
    ensure(value <= max, place, value.to_string(), || format!("it is at most {}", max.to_string()))
}

impl Plan {
    /// Whether the plan can be run.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, with its place and what would be right.
    pub fn validate(&self) -> Result<(), PlanError> {
        ensure(
            self.version == VERSION,
            || "version".into(),
            self.version,
            || format!("this build reads version {VERSION}"),
        )?;
        self.cluster.validate()?;
        self.network.validate(self.cluster)?;
        let Disk { sync_us_min, sync_us_max } = self.disk;
        ensure(
            sync_us_min <= sync_us_max,
            || "disk.sync_us_max".into(),
            sync_us_max,
            || format!("it is at least disk.sync_us_min, which is {sync_us_min}"),
        )?;
        self.past.validate()?;
        self.tuning.validate()?;
        self.validate_clocks()?;
        self.validate_times()?;
        self.validate_workload()?;
        self.validate_upstream()?;
        self.validate_faults()
    }

    fn validate_clocks(&self) -> Result<(), PlanError> {
        let (given, machines) = (self.clocks.len(), self.cluster.machines());
        ensure(
            given == usize::from(machines),
            || "clocks".into(),
            format_args!("a list of {given}"),
            || format!("there is one for each of the {machines} machines"),
        )?;
        for (i, clock) in self.clocks.iter().enumerate() {
            let drift = clock.drift_ppm;
            ensure(
                drift.unsigned_abs() <= DRIFT_MAX_PPM,
                || format!("clocks[{i}].drift_ppm"),
                drift,
                || format!("it is from -{DRIFT_MAX_PPM} to {DRIFT_MAX_PPM}"),
            )?;
            let offset = clock.offset_ms;
            ensure(
                offset.unsigned_abs() <= OFFSET_MAX_MS,
                || format!("clocks[{i}].offset_ms"),
                offset,
                || format!("it is from -{OFFSET_MAX_MS} to {OFFSET_MAX_MS}"),
            )?;
        }
        Ok(())
    }

    fn validate_times(&self) -> Result<(), PlanError> {
        let Phases { warm_up_ms, faults_ms, quiet_ms } = self.phases;
        let run_ms = warm_up_ms.saturating_add(faults_ms).saturating_add(quiet_ms);
        ensure(
            warm_up_ms >= WARM_UP_MIN_MS,
            || "phases.warm_up_ms".into(),
            warm_up_ms,
            || format!("machines need {WARM_UP_MIN_MS} to boot"),
        )?;
        ensure(
            run_ms <= RUN_MAX_MS,
            || "phases".into(),
            format_args!("{run_ms} ms long"),
            || format!("a run is at most {RUN_MAX_MS} ms long"),
        )?;
        let waits = [
            ("idle_evict_ms", self.idle_evict_ms),
            ("outside_timeout_ms", self.outside_timeout_ms),
            ("request_timeout_ms", self.request_timeout_ms),
            ("limits.run_ms", self.limits.run_ms),
            ("limits.constructor_ms", self.limits.constructor_ms),
        ];
        for (place, wait_ms) in waits {
            ensure(
                (1..=RUN_MAX_MS).contains(&wait_ms),
                || place.into(),
                wait_ms,
                || format!("it is from 1 to {RUN_MAX_MS}"),
            )?;
        }
        let budget = self.limits.turn_budget;
        ensure(budget > 0, || "limits.turn_budget".into(), budget, || "it is at least 1".into())
    }

    fn validate_workload(&self) -> Result<(), PlanError> {
        for (i, request) in self.workload.iter().enumerate() {
            self.validate_asked(request.at_ms, || format!("workload[{i}].at_ms"))?;
            self.validate_machine(request.machine, || format!("workload[{i}].machine"))?;
            validate_object(&request.object, || format!("workload[{i}].object"))?;
            head::validate(request, |field| format!("workload[{i}].{field}"))?;
        }
        Ok(())
    }

    fn validate_upstream(&self) -> Result<(), PlanError> {
        let upstream = &self.upstream;
        at_most(upstream.answer_ms_min, upstream.answer_ms_max, || "upstream.answer_ms_min".into())?;
        for (i, outage) in upstream.outages.iter().enumerate() {
            self.validate_moment(outage.at_ms, || format!("upstream.outages[{i}].at_ms"))?;
            at_most(outage.for_ms, RUN_MAX_MS, || format!("upstream.outages[{i}].for_ms"))?;
            outage.kind.kind().validate(&Check::of_outage(self, i))?;
        }
        Ok(())
    }

    fn validate_faults(&self) -> Result<(), PlanError> {
        let faults = self.faults.len();
        ensure(
            faults <= FAULTS_MAX,
            || "faults".into(),
            format_args!("a list of {faults}"),
            || format!("a plan has at most {FAULTS_MAX}"),
        )?;
        self.faults.iter().enumerate().try_for_each(|(i, fault)| {
            self.validate_moment(fault.at_ms, || format!("faults[{i}].at_ms"))?;
            fault.kind.kind().check(&Check::of_fault(self, i))
        })
    }

    fn validate_moment(&self, at_ms: u64, place: impl FnOnce() -> String) -> Result<(), PlanError> {
        let faults_ms = self.phases.faults_ms;
        ensure(at_ms < faults_ms, place, at_ms, || format!("the fault phase is {faults_ms} ms long"))
    }

    /// Clients ask in the quiet phase, too.
    fn validate_asked(&self, at_ms: u64, place: impl FnOnce() -> String) -> Result<(), PlanError> {
        let Phases { faults_ms, quiet_ms, .. } = self.phases;
        let over_ms = faults_ms.saturating_add(quiet_ms);
        ensure(at_ms < over_ms, place, at_ms, || {
            format!("fault phase and quiet phase are {over_ms} ms long together")
        })
    }

    fn validate_machine(&self, machine: u16, place: impl FnOnce() -> String) -> Result<(), PlanError> {
        let machines = self.cluster.machines();
        ensure(machine < machines, place, machine, || {
            format!("the cluster has machines 0 to {}", machines - 1)
        })
    }
}

fn validate_object(object: &str, place: impl FnOnce() -> String) -> Result<(), PlanError> {
    let parses = ObjectName::parse(object).is_some();
    ensure(parses, place, format_args!("{object:?}"), || "an object is named Class/name".into())
}

impl Cluster {
    fn validate(self) -> Result<(), PlanError> {
        let Cluster { datacenters, machines_per_datacenter, groups, slices } = self;
        ensure(
            datacenters % 2 == 1,
            || "cluster.datacenters".into(),
            datacenters,
            || "it is odd, so that a majority remains when fewer than half are gone".into(),
        )?;
        let counts =
            [("machines_per_datacenter", machines_per_datacenter), ("groups", groups), ("slices", slices)];
        for (field, count) in counts {
            ensure(count > 0, || format!("cluster.{field}"), count, || "it is at least 1".into())?;
        }
        let machines = u32::from(datacenters) * u32::from(machines_per_datacenter);
        ensure(
            machines <= MACHINES_MAX,
            || "cluster".into(),
            format_args!("one of {machines} machines"),
            || format!("it has at most {MACHINES_MAX}"),
        )?;
        at_most(groups, GROUPS_MAX, || "cluster.groups".into())?;
        ensure(
            slices % groups == 0,
            || "cluster.slices".into(),
            slices,
            || format!("it is a multiple of the {groups} groups"),
        )
    }
}

impl Past {
    fn validate(self) -> Result<(), PlanError> {
        let bounds = [
            ("entries_kept", self.entries_kept, ENTRIES_KEPT_MAX),
            ("log_bytes_max", self.log_bytes_max, LOG_BYTES_MAX),
        ];
        bounds.into_iter().try_for_each(|(field, value, max)| {
            let place = || format!("past.{field}");
            ensure((1..=max).contains(&value), place, value, || format!("it is from 1 to {max}"))
        })
    }
}

impl Network {
    fn validate(&self, cluster: Cluster) -> Result<(), PlanError> {
        let latency = |us: u32, place: &dyn Fn() -> String| {
            let right = || format!("a latency is from 1 to {LATENCY_MAX_US} microseconds");
            ensure((1..=LATENCY_MAX_US).contains(&us), place, us, right)
        };
        latency(self.within_us, &|| "network.within_us".into())?;
        let datacenters = usize::from(cluster.datacenters);
        let square = self.between_us.len() == datacenters
            && self.between_us.iter().all(|row| row.len() == datacenters);
        ensure(
            square,
            || "network.between_us".into(),
            "of another shape",
            || {
                format!(
                    "it has {datacenters} rows of {datacenters} latencies, one for each pair of datacenters"
                )
            },
        )?;
        for (from, row) in self.between_us.iter().enumerate() {
            for (to, us) in row.iter().enumerate().filter(|(to, _)| *to != from) {
                latency(*us, &|| format!("network.between_us[{from}][{to}]"))?;
            }
        }
        at_most(self.jitter_percent, JITTER_MAX_PERCENT, || "network.jitter_percent".into())?;
        at_most(self.loss_ppm, 1_000_000, || "network.loss_ppm".into())
    }
}
