//! What plans look like: they can be run, they have troubles of every shape, and clients ask when all is over.

use std::collections::{BTreeMap, BTreeSet};

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use std::sync::Arc;

use reveille::plans::{CLUSTER, Failure, Failures, Topic, failover};
use reveille::scenario::Scenario;
use reveille::worlds::{SHAPES, Stillness};
use reveille_sim::kinds::Role;
use reveille_sim::plan::{Cluster, Plan};
use reveille_system::ids::ObjectName;

const SEEDS: u64 = 500;
/// For what is common.
const FEWER: u64 = 150;

fn batcher() -> Arc<Scenario> {
    scenarios::catalogue().get("batcher").expect("it is one of ours").clone()
}

/// The scenarios in which anything may break.
fn of_many_failures() -> impl Iterator<Item = Arc<Scenario>> {
    let all = scenarios::catalogue().all().to_vec();
    all.into_iter().filter(|scenario| scenario.shape.failures == Failures::Many)
}

#[test]
fn every_plan_can_be_run() {
    for scenario in scenarios::catalogue().all() {
        for seed in 0..100 {
            assert_eq!(scenario.plan(seed).validate(), Ok(()), "{} seed {seed}", scenario.name);
        }
    }
}

#[test]
fn every_shape_of_trouble_is_in_three_of_a_hundred_plans_of_every_scenario() {
    let mut rare = Vec::new();
    for scenario in of_many_failures() {
        let plans: Vec<Plan> = (0..SEEDS).map(|seed| scenario.plan(seed)).collect();
        for shape in SHAPES {
            let have = plans.iter().filter(|plan| (shape.find)(plan).is_some()).count();
            if have as u64 * 100 < 3 * SEEDS {
                rare.push(format!("{}, {}: {have} of {SEEDS}", scenario.name, shape.name));
            }
        }
    }
    assert!(rare.is_empty(), "{rare:#?}");
}

/// What a cluster of one form covers up shows in another (D5, D6): so some have another, down to a single replica of a group, and
/// whatever breaks there is there.
#[test]
fn d6_some_plans_have_clusters_of_another_shape_and_some_have_few_slices() {
    for scenario in of_many_failures() {
        let of_plan = |plan: Plan| (plan.cluster, !plan.faults.is_empty());
        let clusters: Vec<_> = (0..FEWER).map(|seed| of_plan(scenario.plan(seed))).collect();
        let have = |wanted: &dyn Fn(Cluster) -> bool| {
            clusters.iter().filter(|(cluster, _)| wanted(*cluster)).count() as u64 * 100 / FEWER
        };
        let is_usual = |it: Cluster| {
            (it.datacenters, it.machines_per_datacenter)
                == (CLUSTER.datacenters, CLUSTER.machines_per_datacenter)
        };
        assert!((10..=26).contains(&have(&|it| !is_usual(it))), "{}", scenario.name);
        for datacenters in [1, 3, 5] {
            assert!(have(&|it| !is_usual(it) && it.datacenters == datacenters) >= 2, "{}", scenario.name);
        }
        assert!((15..=35).contains(&have(&|it| it.slices < CLUSTER.slices)), "{}", scenario.name);
        assert!(clusters.iter().any(|(cluster, breaks)| !is_usual(*cluster) && *breaks), "{}", scenario.name);
    }
}

/// A slice that nobody serves is missed only if one of its objects is: with a dozen objects most slices have none.
#[test]
fn d3_some_plans_have_an_object_in_most_slices() {
    for name in ["batcher", "cron", "alarm-example", "retry-info"] {
        let scenario = scenarios::catalogue().get(name).expect("it is one of ours").clone();
        let slices = |plan: Plan| {
            let named =
                plan.workload.iter().map(|request| ObjectName::parse(&request.object).expect("a name"));
            named.map(|object| object.slice(plan.cluster.slices)).collect::<BTreeSet<_>>().len()
        };
        let wide = (0..FEWER).map(|seed| scenario.plan(seed)).filter(|plan| plan.cluster.slices == 32);
        let broad = wide.filter(|plan| slices(plan.clone()) > 16).count() as u64;
        assert!(broad * 100 >= 5 * FEWER, "{name}: {broad} of {FEWER}");
    }
}

/// What is in progress at the moment at which it matters depends on how often an object is asked.
#[test]
fn in_some_plans_an_object_is_asked_again_and_again_within_seconds() {
    let is_hot = |plan: &Plan| {
        let mut of: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
        plan.workload.iter().for_each(|request| of.entry(&request.object).or_default().push(request.at_ms));
        of.into_values().any(|times| times.windows(8).any(|eight| eight[7] - eight[0] <= 5_000))
    };
    let scenario = scenarios::catalogue().get("cron").expect("it is one of ours").clone();
    let hot = (0..FEWER).filter(|seed| is_hot(&scenario.plan(*seed))).count() as u64;
    assert!((FEWER / 5..FEWER * 3 / 5).contains(&hot), "{hot} of {FEWER}");
}

/// Batches that are not sent without need are those of large values.
#[test]
fn some_plans_have_requests_of_many_kilobytes() {
    let is_heavy = |plan: &Plan| plan.workload.iter().any(|request| request.body.len() > 10_000);
    for name in ["batcher", "retry-info"] {
        let scenario = scenarios::catalogue().get(name).expect("it is one of ours").clone();
        let heavy = (0..FEWER).filter(|seed| is_heavy(&scenario.plan(*seed))).count() as u64;
        assert!((FEWER / 10..FEWER * 3 / 10).contains(&heavy), "{name}: {heavy} of {FEWER}");
    }
}

/// Else L2 would hardly ever be put to the test while something goes on being broken.
#[test]
fn l2_a_fifth_of_the_time_something_has_been_broken_for_a_minute_without_a_change() {
    let mut all = Stillness::default();
    for scenario in of_many_failures() {
        (0..SEEDS / 2).for_each(|seed| all.merge(&Stillness::of(&scenario.plan(seed))));
    }
    assert!(all.still_ms * 5 >= all.all_ms, "{all:?}");
}

/// L2 and L4 have run out by then, and what is asked has time to come to its end.
#[test]
fn clients_ask_from_a_minute_after_the_heal_until_shortly_before_the_end() {
    for scenario in scenarios::catalogue().all() {
        let (mut asked, mut plans) = (0, 0);
        for seed in 0..100 {
            let plan = scenario.plan(seed);
            let (heal_ms, end_ms) = (plan.phases.faults_ms, plan.phases.faults_ms + plan.phases.quiet_ms);
            let late = plan.workload.iter().filter(|request| request.at_ms >= heal_ms);
            let late_ms: Vec<u64> = late.map(|request| request.at_ms).collect();
            plans += u32::from(!late_ms.is_empty());
            asked += late_ms.len();
            let range = heal_ms + 60_000..=end_ms - 20_000;
            assert!(late_ms.iter().all(|at_ms| range.contains(at_ms)), "{} seed {seed}", scenario.name);
        }
        assert!(plans >= 95 && asked >= 400, "{}: {asked} requests in {plans} plans", scenario.name);
    }
}

/// Whatever else is drawn, a fault that lasts is not cut off by the end of its phase, but in some plans.
#[test]
fn most_plans_outlast_what_breaks_in_them() {
    let outlasts = |plan: &Plan| {
        plan.faults.iter().all(|fault| fault.at_ms + fault.kind.lasts_ms() <= plan.phases.faults_ms)
    };
    let plans = (0..SEEDS).filter(|seed| outlasts(&batcher().plan(*seed))).count() as u64;
    assert!((SEEDS * 7 / 10..SEEDS * 95 / 100).contains(&plans), "{plans} of {SEEDS}");
}

#[test]
fn many_plans_strike_a_machine_and_a_leader() {
    let mut plans_with: BTreeMap<&str, u32> = BTreeMap::new();
    for seed in 0..SEEDS {
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
    assert!(plans_with["machine"] > 150 && plans_with["leader"] > 40, "{plans_with:?}");
}

#[test]
fn l1_a_plan_of_failover_has_one_failure_and_nothing_else_that_is_wrong() {
    let mut runner = TestRunner::deterministic();
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for seed in 0..110 {
        let plan = failover(&batcher().shape, seed)
            .new_tree(&mut runner)
            .expect("nothing is filtered out")
            .current();
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
    let sweep = scenarios::catalogue().get("sweep").expect("it is one of ours").clone();
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
