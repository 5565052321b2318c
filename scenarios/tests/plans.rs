//! What plans look like: they can be run, they break enough, and no more than the system promises to survive.

use std::collections::{BTreeMap, BTreeSet};

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use reveille::plans::{Failure, Topic, failover};
use reveille::scenario::Scenario;
use reveille_sim::kinds::{Partition, Role};
use reveille_sim::plan::{FaultKind, Plan};

fn batcher() -> &'static Scenario {
    Scenario::named("batcher").expect("a scenario")
}

/// When a datacenter is in trouble as a whole, in milliseconds of the fault phase.
fn troubles(plan: &Plan) -> Vec<(u64, u64)> {
    let whole = |kind: &FaultKind| match kind {
        FaultKind::DatacenterDown(_) | FaultKind::DatacenterCut(_) => true,
        FaultKind::Partition(Partition { from, .. }) => from.len() > 1,
        _ => false,
    };
    let whole = plan.faults.iter().filter(|fault| whole(&fault.kind));
    whole.map(|fault| (fault.at_ms, fault.at_ms + fault.kind.lasts_ms())).collect()
}

#[test]
fn d2_at_most_one_datacenter_at_a_time_is_down_or_cut_off() {
    let mut troubled = 0;
    for seed in 0..500 {
        let plan = batcher().plan(seed);
        assert_eq!(plan.validate(), Ok(()), "seed {seed}");
        assert!(plan.wall_error_max_ms() <= 5_000, "seed {seed}: beyond that only safety is checked");
        let troubles = troubles(&plan);
        troubled += u32::from(!troubles.is_empty());
        for pair in troubles.windows(2) {
            assert!(pair[0].1 < pair[1].0, "seed {seed}: {pair:?}");
        }
    }
    assert!(troubled > 250, "only {troubled} of 500 plans have a datacenter in trouble");
}

#[test]
fn most_plans_strike_a_machine_and_a_leader() {
    let mut plans_with: BTreeMap<&str, u32> = BTreeMap::new();
    for seed in 0..500 {
        let plan = batcher().plan(seed);
        // Kinds that are named apart where they strike a leader.
        let any = |role| {
            plan.faults.iter().any(|fault| {
                let row = fault.kind.row();
                row.by_role.is_some() && fault.kind.name() == row.name_for(role)
            })
        };
        let (leader, machine) = (any(Some(Role::Leader)), any(None));
        *plans_with.entry("machine").or_default() += u32::from(machine);
        *plans_with.entry("leader").or_default() += u32::from(leader);
    }
    assert!(plans_with.values().all(|plans| *plans > 250), "{plans_with:?}");
}

#[test]
fn l1_a_plan_of_failover_has_one_failure_and_nothing_else_that_is_wrong() {
    let mut runner = TestRunner::deterministic();
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for seed in 0..110 {
        let plan =
            failover(batcher(), seed).new_tree(&mut runner).expect("nothing is filtered out").current();
        assert_eq!(plan.validate(), Ok(()));
        assert!(plan.network.loss_ppm == 0 && plan.upstream.outages.is_empty());
        let [fault] = &plan.faults[..] else { panic!("seed {seed} has {} faults", plan.faults.len()) };
        assert!(fault.at_ms >= 10_000 && fault.kind.lasts_ms() >= 20_000);
        let failure = Failure::of_seed(seed);
        let name = failure.name().replace("machine-", "");
        assert_eq!(fault.kind.name(), name);
        *seen.entry(failure.name()).or_default() += 1;
    }
    assert!(Failure::all().count() == 11 && Failure::all().all(|failure| seen[&failure.name()] == 10));
}

#[test]
fn l2_the_sweep_has_each_shape_at_each_place_and_its_first_seeds_have_all_shapes() {
    let sweep = Scenario::named("sweep").expect("a scenario");
    let all: Vec<_> = (0..162).map(|seed| sweep.plan(seed)).collect();
    let mut shapes: BTreeMap<String, u32> = BTreeMap::new();
    for (seed, plan) in (0..).zip(&all) {
        assert_eq!(plan.validate(), Ok(()), "seed {seed}");
        let longest = plan.faults.iter().map(|fault| fault.kind.lasts_ms()).max();
        assert!(longest == Some(150_000) || longest == Some(0), "seed {seed}: {longest:?}");
        let topic = Topic::of_seed(sweep.shape.failures, seed).expect("each is about something");
        *shapes.entry(topic.name).or_default() += 1;
    }
    // 36 links with either end; 9 machines and 3 datacenters, three ways; 3 pairs of datacenters, both ways and each way;
    // 9 disks; 9 clocks, four steps.
    assert_eq!(shapes.values().sum::<u32>(), 72 + 27 + 9 + 3 + 6 + 9 + 36, "{shapes:?}");
    for pair in all.windows(2) {
        assert_ne!(pair[0].faults, pair[1].faults);
    }
    let first = (0..34).filter_map(|seed| Topic::of_seed(sweep.shape.failures, seed));
    let first: BTreeSet<String> = first.map(|topic| topic.name).collect();
    assert_eq!(first.len(), shapes.len(), "the tests run the first 34: {first:?}");
}
