//! What the tests share: which seeds to run, and how to fail with the line that repeats the failure.

pub(crate) mod life;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use reveille::bundle::{Build, Smaller};
use reveille::finding::{self, Finding};
use reveille::plans::CLUSTER;
use reveille::scenario::Scenario;
use reveille::shrink::Shrink;
pub(crate) use reveille::testing::seeds;
use reveille::{lines, report, story};
use reveille_sim::plan::{Clock, Disk, Network, Past, Phases, Plan, Tuning, Upstream};
use reveille_sim::run::Outcome;
use reveille_system::ids::{MachineId, ObjectName};

/// The scenario of that name.
pub(crate) fn scenario(name: &str) -> Arc<Scenario> {
    scenarios::catalogue().of_name(name).unwrap_or_else(|unknown| panic!("{unknown}")).clone()
}

/// A plan of the scenario in which nothing is left to chance, nothing breaks, and nothing is asked.
pub(crate) fn calm(name: &str) -> Plan {
    let mut plan = scenario(name).plan(0);
    plan.cluster = CLUSTER;
    plan.network =
        Network { within_us: 250, between_us: vec![vec![10_000; 3]; 3], jitter_percent: 0, loss_ppm: 0 };
    plan.disk = Disk { sync_us_min: 500, sync_us_max: 500 };
    plan.clocks = vec![Clock::default(); usize::from(CLUSTER.machines())];
    plan.upstream = upstream(100);
    plan.idle_evict_ms = 10_000;
    plan.outside_timeout_ms = 30_000;
    plan.limits = scenario(name).shape.limits;
    plan.tuning = Tuning::default();
    plan.phases = Phases { warm_up_ms: 6_000, faults_ms: 100_000, quiet_ms: 90_000 };
    plan.past = Past::default();
    (plan.workload, plan.faults) = (Vec::new(), Vec::new());
    plan
}

/// Outside services that accept everything, each time after this.
pub(crate) fn upstream(answer_ms: u32) -> Upstream {
    Upstream { answer_ms_min: answer_ms, answer_ms_max: answer_ms, outages: Vec::new() }
}

/// The machine that an object is at home on.
pub(crate) fn home_of(plan: &Plan, object: &str) -> MachineId {
    let config = plan.config();
    let object = ObjectName::parse(object).expect("it has a class and a name");
    config.home_of(object.slice(config.slices))
}

/// Runs a scenario's seeds and gives what was found with each. Fails at the first finding that `allowed` does not name.
pub(crate) fn run_seeds(
    scenario: &Scenario,
    test: &str,
    default: Range<u64>,
    allowed: &[&str],
) -> Vec<(u64, Vec<Finding>)> {
    let run = |seed| {
        let outcome = scenario.run(&scenario.plan(seed));
        let findings = finding::of(&outcome);
        if let Some(finding) = findings.iter().find(|finding| !allowed.contains(&finding.rule.as_str())) {
            let story = smallest(scenario, &scenario.plan(seed), finding);
            panic!("{story}\nrepeat: REVEILLE_SEED={seed} cargo test {test}\n");
        }
        (seed, findings)
    };
    seeds(default).map(run).collect()
}

/// A finding as the smallest story that there is of it, which is kept as a bundle.
pub(crate) fn smallest(scenario: &Scenario, plan: &Plan, finding: &Finding) -> String {
    if finding.rule == finding::STUCK {
        // Each smaller plan that is stuck too would leave a thread that runs for ever.
        return format!("{} {}: {}", scenario.name, finding.rule, finding.sentences);
    }
    let (signature, stop) = (finding.signature(), AtomicBool::new(false));
    let shrink = Shrink { scenario, signature: &signature, jobs: 1, stop: &stop };
    let smaller = Smaller::of(&shrink, plan, &Build::of_a_test(), &mut |_| {});
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("broken");
    let name: String = finding.rule.chars().filter(char::is_ascii_alphanumeric).collect();
    let bundle = folder.join(format!("{}-{}-{name}", scenario.name, plan.seed));
    let kept =
        std::fs::create_dir_all(&folder).map_err(Into::into).and_then(|()| smaller.write(plan, &bundle));
    let story = report::small_story(&smaller);
    match kept {
        Ok(()) => format!("{} {story}replay: {}", scenario.name, lines::replay_line(&bundle.display())),
        Err(error) => format!("{} {story}The bundle could not be kept: {error:#}", scenario.name),
    }
}

/// A finding with its timeline.
pub(crate) fn told(outcome: &Outcome, finding: &Finding) -> String {
    let violation = outcome.verdict.violations.iter().find(|violation| violation.rule.0 == finding.rule);
    let timeline =
        violation.map(|violation| story::timeline(&outcome.history, violation)).unwrap_or_default();
    format!("broke {}: {}\n{timeline}", finding.rule, finding.sentences)
}
