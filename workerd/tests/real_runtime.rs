//! What the real runtime does under the driver, and what is found in it. Where the runtime is not installed (`npm ci --prefix workerd`)
//! each test says in a line that it did not run.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};

use reveille_model::history::{RunOutcome, What};
use reveille_workerd::explore::{Explored, dying_at, every_point};
use reveille_workerd::life::{self, Life};
use reveille_workerd::plan::{Answer, Ask, Death, Moment, Outage, Plan, Says, VERSION};
use reveille_workerd::project;
use reveille_workerd::promise::{self, Asks, Promise};
use reveille_workerd::worker::{Binding, Class, Worker};
use reveille_workerd::{shim, workload};

/// The worker of a file below `tests/classes`; none, said in a line, where it cannot be run.
fn worker(test: &str, file: &str) -> Option<Worker> {
    let room = Path::new(env!("CARGO_MANIFEST_DIR"));
    let runtime = project::runtime(room, None);
    if shim::missing().is_some() || runtime.is_err() {
        let why =
            shim::missing().map_or_else(|| "npm ci --prefix workerd was not run".to_owned(), str::to_owned);
        // Past the capture of what tests print.
        writeln!(std::io::stderr(), "{test} did not run: {why}").expect("the standard error is there");
        return None;
    }
    let path = room.join("tests/classes").join(file);
    Some(project::read(&path, runtime.ok().as_deref()).expect("the class is a worker"))
}

/// The worker of a bug: `class` is `Broken` or `Mended`.
fn bug(test: &str, file: &str, class: &str) -> Option<Worker> {
    let runtime = worker(test, "batcher.js")?.binary;
    let path: PathBuf =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/classes/bugs").join(format!("{file}.js"));
    Some(Worker {
        binary: runtime,
        code: std::fs::read_to_string(path).expect("the class is there"),
        classes: vec![Class { name: class.to_owned(), has_sql: true }],
        bindings: BTreeMap::from([("OBJECT".to_owned(), Binding::Objects(class.to_owned()))]),
        compatibility_date: "2026-04-01".to_owned(),
        compatibility_flags: Vec::new(),
        is_wrapped: true,
    })
}

/// Requests at these times, services that accept everything, and no death.
fn plan(asked_ms: &[u64], end_ms: u64) -> Plan {
    let ask = |(at_ms, number): (&u64, u64)| Ask {
        at_ms: *at_ms,
        method: "POST".to_owned(),
        path: "/".to_owned(),
        body: format!("item-{number:04}"),
    };
    Plan {
        version: VERSION,
        seed: 1,
        requests: asked_ms.iter().zip(1..).map(ask).collect(),
        services: Answer { after_ms: 200, says: Says::Status(200) },
        outages: Vec::new(),
        deaths: Vec::new(),
        end_ms,
    }
}

fn explored(worker: &Worker, plan: &Plan, asks: &Asks) -> Explored {
    every_point(worker, plan, asks, 2, &|| true).expect("the runtime runs")
}

fn run(worker: &Worker, plan: &Plan) -> Life {
    life::run(worker, plan).expect("the runtime runs")
}

fn rules(life: &Life, asks: &Asks) -> BTreeSet<&'static str> {
    promise::broken(life, asks).iter().map(|violation| violation.rule.0).collect()
}

/// How many drawn plans are tried: as many as `REVEILLE_PLANS` says.
fn plans(few: u64) -> u64 {
    std::env::var("REVEILLE_PLANS").ok().and_then(|many| many.parse().ok()).unwrap_or(few)
}

#[test]
fn a_run_is_a_function_of_its_plan_and_the_wrapper_is_not_felt() {
    for file in ["batcher.js", "mixed.js", "jobs.js"] {
        let Some(worker) = worker("a_run_is_a_function_of_its_plan", file) else { return };
        let bare = Worker { is_wrapped: false, ..worker.clone() };
        for seed in 0..plans(4) {
            let plan = workload::draw(seed);
            let (first, again) = (run(&worker, &plan), run(&worker, &plan));
            assert_eq!(first.digest(), again.digest(), "{file}, plan {seed}: two processes");
            assert_eq!(first.text, again.text, "{file}, plan {seed}");
            // Whoever draws random numbers draws others beside another module: there nothing can be compared.
            if file != "mixed.js" {
                assert_eq!(
                    first.outside(),
                    run(&bare, &plan).outside(),
                    "{file}, plan {seed}: without the wrapper"
                );
            }
            assert!(first.told.len() > 10, "{file}, plan {seed} has a life");
            // SQL in the constructor and random failures: the account of it has to hold all the same.
            assert_eq!(first.verdict.violations, [], "{file}, plan {seed}: the contract, profile workerd");
        }
    }
}

#[test]
fn going_on_from_a_copy_is_what_happens_after_a_real_kill() {
    let Some(worker) = worker("going_on_from_a_copy", "batcher.js") else { return };
    let plan = plan(&[0, 10_100], 30_000);
    let explored = explored(&worker, &plan, &Asks::new());
    assert!(explored.points.len() > 60 && explored.outsides.len() > 10, "{:?}", explored.points);
    let every = usize::try_from(plans(9)).map_or(1, |plans| (explored.points.len() / plans).max(1));
    for (index, state) in explored.points.iter().enumerate().step_by(every) {
        let life = run(&worker, &dying_at(&plan, index as u64 + 1));
        assert_eq!(life.outside(), explored.outsides[*state], "point {}", index + 1);
    }
}

#[test]
fn x1_the_documentations_batcher_is_caught() {
    let Some(worker) = worker("x1_the_documentations_batcher", "batcher.js") else { return };
    let asks = Asks::from([Promise::Kept]);
    let lives = workload::lives(&worker, 1).expect("the runtime runs");
    let broken = |name: &str| {
        let life = lives.iter().find(|life| life.name == name).expect("it is among them");
        rules(&run(&worker, &life.plan), &asks)
    };
    assert_eq!(broken("batches"), BTreeSet::from(["X1(b)"]));
    assert_eq!(broken("crowd"), BTreeSet::from(["X1(a)"]));
    assert_eq!(broken("refusal"), BTreeSet::from(["X1(c)"]));
    assert_eq!(broken("outage"), BTreeSet::from(["X5"]), "an alarm that fails for minutes is given up (R2)");
    // Nobody asked: an overwrite may be what a class is for.
    let life = run(&worker, &lives[0].plan);
    assert_eq!(rules(&life, &Asks::new()), BTreeSet::new());
    assert_eq!(promise::lost(&life).len(), 1, "a hint");
}

#[test]
fn f1_no_run_of_alarm_example_is_lost_at_any_point() {
    let Some(worker) = worker("f1_no_run_of_alarm_example", "alarm_example.js") else { return };
    let plan = plan(&[0, 12_000, 24_000, 36_000], 60_000);
    let explored = explored(&worker, &plan, &Asks::new());
    assert!(explored.broken.is_empty(), "{:?}", explored.broken.first().map(|broken| &broken.violations));
    assert_eq!(runs(&explored.life).len(), 4);
    // Each of the lives that go on has its four runs, too.
    assert!(4 * explored.outsides.len() >= 100, "{} states", explored.outsides.len());
}

/// The retry count and the end of each run of `alarm()`.
fn runs(life: &Life) -> Vec<(u32, Option<&RunOutcome>)> {
    let end = |of: u64| {
        life.history.events.iter().find_map(|event| match &event.what {
            What::RunEnd { run, outcome } if *run == of => Some(outcome),
            _ => None,
        })
    };
    let started = life.history.events.iter().filter_map(|event| match &event.what {
        What::RunStart { run, retry_count, .. } => Some((*retry_count, end(*run))),
        _ => None,
    });
    started.collect()
}

#[test]
fn r2_a_handler_that_fails_for_good_is_told_six_retries_and_given_up() {
    let Some(worker) = worker("r2_a_handler_that_fails", "alarm_info.js") else { return };
    let life = run(&worker, &plan(&[0], 400_000));
    let counts: Vec<u32> = runs(&life).iter().map(|(count, _)| *count).collect();
    assert_eq!(counts, [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(rules(&life, &Asks::new()), BTreeSet::from(["X5"]));
    let said = life.told.iter().filter(|told| matches!(&told.what, reveille_workerd::world::What::Said { line } if line.contains("has been attempted")));
    assert_eq!(said.count(), 6, "each retry is told that it is one");
}

#[test]
fn public_bugs_are_found_and_their_mended_twins_are_clean_at_every_point() {
    let (kept, delivered, once) = (Promise::Kept, Promise::Delivered, Promise::Once);
    let cases: [(&str, &[Promise], &[u64], &str); 10] = [
        ("early_return", &[delivered], &[0, 7_000], "delivered"),
        ("pile_up", &[once], &[0], "once"),
        ("alarm_to_now", &[], &[0], "storm"),
        ("constructor_runs", &[once], &[0], "once"),
        ("set_to_now", &[delivered], &[0], "delivered"),
        ("constructor_overwrites", &[delivered], &[0], "delivered"),
        ("shared_slot", &[delivered], &[0], "delivered"),
        ("deleted_before", &[delivered], &[0], "kept"),
        ("lost_update", &[kept], &[0, 5_100], "X1(a)"),
        ("key_after_effect", &[once], &[0], "once"),
    ];
    let mut wrong = Vec::new();
    for (file, asks, asked_ms, rule) in cases {
        let asks: Asks = asks.iter().copied().collect();
        let plan = plan(asked_ms, 50_000);
        let Some(broken) = bug("public_bugs_are_found", file, "Broken") else { return };
        // Some need no death.
        let mut found = rules(&run(&broken, &plan), &asks);
        if found.is_empty() {
            let lives = explored(&broken, &plan, &asks).broken;
            let violations = lives.iter().flat_map(|broken| &broken.violations);
            found = violations.map(|violation| violation.rule.0).collect();
        }
        if found != BTreeSet::from([rule]) {
            wrong.push(format!("{file} broke {found:?} and not {rule}"));
        }
        let mended = bug("public_bugs_are_found", file, "Mended").expect("the runtime is there");
        let explored = explored(&mended, &plan, &asks);
        let broken = explored.broken.first();
        wrong.extend(broken.map(|it| format!("{file}, mended: {:?} {:?}", it.plan.deaths, it.violations)));
        assert!(explored.outsides.len() > 5, "{file}, mended: {} states", explored.outsides.len());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn r1_outages_and_deaths_are_what_the_plan_says() {
    let Some(worker) = worker("r1_outages_and_deaths", "batcher.js") else { return };
    let broken =
        Outage { from_ms: 10_000, to_ms: 13_000, answer: Answer { after_ms: 100, says: Says::Broken } };
    let death = Death { at: Moment::Ms(10_050), down_ms: 700 };
    let plan = Plan { outages: vec![broken], deaths: vec![death], ..plan(&[0], 40_000) };
    let life = run(&worker, &plan);
    // Killed in the first, broken in the second, and the third is the retry.
    let ends: Vec<_> =
        runs(&life).iter().map(|(count, end)| (*count, end.map(|end| *end == RunOutcome::Ok))).collect();
    assert_eq!(ends, [(0, None), (0, Some(false)), (1, Some(true))]);
    assert_eq!(life.verdict.violations, []);
}
