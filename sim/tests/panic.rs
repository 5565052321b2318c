//! A machine that panics is a machine that crashes, and a finding: the others go on, and it comes back.

use std::cell::Cell;
use std::rc::Rc;

use reveille_model::history::{EndReason, Phase, Scope, Takes, What};
use reveille_sim::kinds::Crash;
use reveille_sim::plan::{Clock, Cluster, Fault, Network, Plan, Request, Target};
use reveille_sim::run::{MachinePanic, Outcome, RunEnd, run};
use reveille_system::ids::OpId;
use reveille_system::object::api::{
    AlarmInfo, Ctx, DurableObject, Request as Asked, Response, RustClass, Thrown,
};
use reveille_system::object::class::{Class, Classes, Event, EventId, Instance, TurnEnd};
use reveille_system::object::port::Port;
use reveille_system::words::call::Reply;

use crate::common::{self, plan};

/// Remembers what it is told, and wakes up five seconds later.
struct Bomb(Ctx);

impl DurableObject for Bomb {
    const CLASS: &'static str = "Bomb";
    const DECLARES_ALARM: bool = true;

    fn new(ctx: Ctx) -> Rc<Self> {
        Rc::new(Self(ctx))
    }

    async fn fetch(self: Rc<Self>, request: Asked) -> Result<Response, Thrown> {
        self.0.storage().put("told", request.body).await?;
        self.0.storage().set_alarm(self.0.now_ms() + 5_000).await?;
        Ok(Response::ok("noted"))
    }

    async fn alarm(self: Rc<Self>, _info: AlarmInfo) -> Result<(), Thrown> {
        Ok(())
    }
}

/// Makes instances on the host's side of the seam, where nobody expects a panic. Which of them go wrong is counted over
/// all machines of the run.
struct Fragile {
    good: RustClass<Bomb>,
    made: Cell<u32>,
    goes_wrong: fn(nth: u32) -> bool,
}

impl Class for Fragile {
    fn name(&self) -> &str {
        self.good.name()
    }

    fn declares_alarm(&self) -> bool {
        self.good.declares_alarm()
    }

    fn instantiate(&self, port: Port) -> Box<dyn Instance> {
        let nth = self.made.replace(self.made.get() + 1);
        assert!(!(self.goes_wrong)(nth), "instance {nth} goes wrong");
        self.good.instantiate(port)
    }
}

fn fragile(goes_wrong: fn(nth: u32) -> bool) -> Classes {
    common::classes().with(Fragile { good: RustClass::default(), made: Cell::new(0), goes_wrong })
}

fn asks(at_ms: u64, object: &str) -> Request {
    Request { at_ms, machine: 0, object: object.to_owned(), body: "again".to_owned(), ..Request::default() }
}

/// Nothing else breaks; objects of another class are asked all the time.
fn calm() -> Plan {
    let mut plan = plan(1);
    plan.faults.clear();
    plan.network.loss_ppm = 0;
    plan
}

/// One machine with all of the cluster on it.
fn alone() -> Plan {
    let mut plan = calm();
    plan.cluster = Cluster { datacenters: 1, machines_per_datacenter: 1, groups: 1, slices: 1 };
    plan.network = Network { within_us: 200, between_us: vec![vec![0]], jitter_percent: 0, loss_ppm: 0 };
    plan.clocks = vec![Clock::default()];
    // Whoever is asked or woken seconds later is made anew.
    plan.idle_evict_ms = 1_000;
    plan.workload = vec![asks(0, "Bomb/0")];
    plan
}

fn count(outcome: &Outcome, what: impl Fn(&What) -> bool) -> usize {
    outcome.history.events.iter().filter(|event| what(&event.what)).count()
}

#[test]
fn a_machine_that_panics_crashes_and_comes_back_and_the_others_go_on() {
    let mut plan = calm();
    plan.workload.extend([asks(8_000, "Bomb/0"), asks(15_000, "Bomb/0")]);
    let outcome = run(&plan, || fragile(|nth| nth == 0));
    assert_eq!(outcome.end, RunEnd::Completed);
    let [MachinePanic { machine, at_ns, message, location }] = &*outcome.panics else {
        panic!("one machine panics, once: {:?}", outcome.panics)
    };
    assert_eq!(message, "instance 0 goes wrong");
    assert!(location.contains("tests/panic.rs"), "{location}");

    let moment = |what: What| {
        let mut events = outcome.history.events.iter();
        events.find(|event| event.what == what).unwrap_or_else(|| panic!("{what:?} is told")).at_ns
    };
    let begins = What::FaultBegin {
        fault: 0,
        kind: "panic".into(),
        scope: Scope::Machine(*machine),
        takes: Some([Takes::Memory, Takes::Reachability].into_iter().collect()),
    };
    assert_eq!(moment(begins), *at_ns);
    assert_eq!(moment(What::FaultEnd { fault: 0 }), at_ns + 1_000_000_000);
    assert_eq!(outcome.counts.boots, 4);

    // The call that it died of is answered by nobody; all others are, those for its objects by whoever has them then.
    let lost = |what: &What| matches!(what, What::InstanceEnd { reason: EndReason::Lost });
    assert!(count(&outcome, lost) > 0, "it had objects in memory");
    assert!(outcome.counts.answered >= 28, "{:?}", outcome.counts);
    let told = |what: &What| matches!(what, What::AtRest { object, .. } if &*object.to_string() == "Bomb/0");
    assert_eq!(count(&outcome, told), 1, "the second call has reached the object");
    assert_eq!(outcome.verdict.violations, []);
}

#[test]
fn the_same_plan_panics_in_the_same_way() {
    let mut plan = plan(1);
    plan.workload.extend((0..8).map(|i| asks(2_000 * i, &format!("Bomb/{i}"))));
    let again = || run(&plan, || fragile(|nth| nth < 3));
    let (first, second) = (again(), again());
    assert_eq!(first.panics.len(), 3);
    assert_eq!(first.verdict.violations, []);
    assert_eq!(first.panics, second.panics);
    assert_eq!(first.digest, second.digest);
    assert_eq!(first.history, second.history);
}

#[test]
fn a_machine_that_panics_whenever_it_is_up_stays_down_in_the_end() {
    // The alarm is in the datastore, and whoever has the object wakes it as soon as he can.
    let outcome = run(&alone(), || fragile(|nth| nth > 0));
    assert_eq!(outcome.end, RunEnd::Completed);
    // It is started again three times, and once more when everything is healed.
    assert_eq!(outcome.panics.len(), 5, "{:?}", outcome.panics);
    assert_eq!(outcome.counts.boots, 5);
    let quiet_ns = 30_000_000_000;
    assert!(outcome.panics[3].at_ns < quiet_ns && outcome.panics[4].at_ns > quiet_ns);
    assert_eq!(count(&outcome, |what| matches!(what, What::FaultEnd { .. })), 4);
}

#[test]
fn an_alarm_that_makes_its_machine_panic_once_fires_when_that_is_back() {
    let outcome = run(&alone(), || fragile(|nth| nth == 1));
    assert_eq!(outcome.end, RunEnd::Completed);
    assert_eq!(outcome.panics.len(), 1);
    assert_eq!(outcome.counts.boots, 2);
    assert_eq!(outcome.counts.runs_ok, 1);
    assert_eq!(outcome.verdict.violations, []);
}

struct Flowers(Ctx);

impl DurableObject for Flowers {
    const CLASS: &'static str = "Vase";
    const DECLARES_ALARM: bool = false;

    fn new(ctx: Ctx) -> Rc<Self> {
        Rc::new(Self(ctx))
    }

    async fn fetch(self: Rc<Self>, _request: Asked) -> Result<Response, Thrown> {
        self.0.storage().put("flowers", "three").await?;
        Ok(Response::ok("filled"))
    }
}

/// Goes to pieces when it is dropped, on the host's side of the seam: what object code does there is the host's to catch.
struct Glass(Box<dyn Instance>);

impl Drop for Glass {
    fn drop(&mut self) {
        panic!("the glass breaks");
    }
}

impl Instance for Glass {
    fn start(&mut self, event: EventId, what: Event) {
        self.0.start(event, what);
    }

    fn settle(&mut self, op: OpId, reply: Reply) {
        self.0.settle(op, reply);
    }

    fn turn(&mut self, budget: u32) -> TurnEnd {
        self.0.turn(budget)
    }
}

#[derive(Default)]
struct Vase(RustClass<Flowers>);

impl Class for Vase {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn declares_alarm(&self) -> bool {
        self.0.declares_alarm()
    }

    fn instantiate(&self, port: Port) -> Box<dyn Instance> {
        Box::new(Glass(self.0.instantiate(port)))
    }
}

#[test]
fn what_panics_as_a_dead_machine_is_dropped_is_told_and_ends_nothing() {
    let classes = || Classes::default().with(Vase::default());
    let mut plan = alone();
    plan.idle_evict_ms = 600_000;
    plan.workload = vec![asks(0, "Vase/0")];
    let at_the_end = run(&plan, classes);
    assert_eq!(at_the_end.end, RunEnd::Completed);
    assert_eq!(at_the_end.panics.len(), 1);
    assert_eq!(at_the_end.panics[0].message, "the glass breaks");

    plan.faults =
        vec![Fault { at_ms: 2_000, kind: Crash { target: Target::Machine(0), down_ms: 500 }.into() }];
    let in_a_crash = run(&plan, classes);
    assert_eq!(in_a_crash.end, RunEnd::Completed);
    assert_eq!(in_a_crash.panics.len(), 1);
    assert_eq!(in_a_crash.panics[0].at_ns, 12_000_000_000);
    assert_eq!(in_a_crash.counts.boots, 2);
    let end = What::Phase { phase: Phase::End };
    assert_eq!(count(&in_a_crash, |what| *what == end), 1);
    assert_eq!(in_a_crash.verdict.violations, []);
}
