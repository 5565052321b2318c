//! What a class is asked where nobody says: a few lives, each a plan. A first, short life shows when the class calls services; what
//! is asked then lies there, where most mistakes are.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::life::{self, Failed};
use crate::plan::{Answer, Ask, Death, Moment, Outage, Plan, Says, VERSION};
use crate::worker::Worker;
use crate::world::{Told, What};

/// A life to be tried.
#[derive(Clone, Debug)]
pub struct Try {
    /// Its name in reports.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub sentence: &'static str,
    /// The plan.
    pub plan: Plan,
    /// Whether it is gone on from at each point; else it is run once.
    pub at_every_point: bool,
}

/// What a service needs to answer, in virtual milliseconds.
const ANSWER_MS: u64 = 200;

/// A request with a body that no other has.
fn ask(at_ms: u64, number: u64) -> Ask {
    Ask { at_ms, method: "POST".to_owned(), path: "/".to_owned(), body: format!("item-{number:04}") }
}

fn plan(seed: u64, asked_ms: &[u64], end_ms: u64) -> Plan {
    let mut asked_ms = asked_ms.to_vec();
    asked_ms.sort_unstable();
    Plan {
        version: VERSION,
        seed,
        requests: asked_ms.iter().zip(1..).map(|(at_ms, number)| ask(*at_ms, number)).collect(),
        services: Answer { after_ms: ANSWER_MS, says: Says::Status(200) },
        outages: Vec::new(),
        deaths: Vec::new(),
        end_ms,
    }
}

/// The lives of a class.
///
/// # Errors
///
/// If the runtime cannot be run, or nothing that is asked reaches an object.
pub fn lives(worker: &Worker, seed: u64) -> Result<Vec<Try>, Failed> {
    let scout = plan(seed, &[0, 2_000], 60_000);
    let first = life::run(worker, &scout)?;
    let is_reached = first.told.iter().any(|told| matches!(told.what, What::Account { .. }));
    if !is_reached {
        let said = first.told.iter().find_map(|told| match &told.what {
            What::Answered { status, body, .. } => {
                Some(format!("; its answer was {status} {:?}", body.text()))
            }
            _ => None,
        });
        return Err(Failed::Nothing(format!(
            "POST / reached no object of the classes that are bound{}",
            said.unwrap_or_default()
        )));
    }
    let outage = |says: Says| {
        let answer = Answer { after_ms: ANSWER_MS, says };
        Outage { from_ms: 0, to_ms: 300_000, answer }
    };
    let while_called: Vec<u64> = calling_ms(&first.told).into_iter().take(2).collect();
    let batches: Vec<u64> = [0, 2_000].into_iter().chain(while_called).chain([30_000, 31_000]).collect();
    let many: Vec<u64> = (0..12).map(|number| number * 100).chain([7_000]).collect();
    let crowd =
        Plan { deaths: vec![Death { at: Moment::Ms(5_000), down_ms: 1_000 }], ..plan(seed, &many, 60_000) };
    let refusal = Plan { outages: vec![outage(Says::Status(503))], ..plan(seed, &[0, 2_000], 120_000) };
    let broken = Plan { outages: vec![outage(Says::Broken)], ..plan(seed, &[0, 2_000], 420_000) };
    Ok(vec![
        Try {
            name: "batches",
            sentence: "a few requests, some of them while a service is called",
            plan: plan(seed, &batches, 90_000),
            at_every_point: true,
        },
        Try {
            name: "crowd",
            sentence: "a dozen requests within a second, the process dies, and one more",
            plan: crowd,
            at_every_point: false,
        },
        Try {
            name: "refusal",
            sentence: "services answer with status 503",
            plan: refusal,
            at_every_point: false,
        },
        Try {
            name: "outage",
            sentence: "services close each connection for five minutes",
            plan: broken,
            at_every_point: false,
        },
    ])
}

/// The middle of each time in which a service was called, in milliseconds.
fn calling_ms(told: &[Told]) -> Vec<u64> {
    let mut open = Vec::new();
    let mut middles = Vec::new();
    for told in told {
        match told.what {
            What::Called { call, .. } => open.push((call, told.at_ns)),
            What::Returned { call, .. } => {
                if let Some((_, from_ns)) = open.iter().find(|(own, _)| *own == call) {
                    middles.push(u64::midpoint(*from_ns, told.at_ns) / 1_000_000);
                }
            }
            _ => {}
        }
    }
    middles
}

/// A plan drawn from a seed: requests alone and in bursts, outages, deaths at any time.
pub fn draw(seed: u64) -> Plan {
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let mut asked_ms = Vec::new();
    let mut at_ms = 0;
    for _ in 0..dice.random_range(2..9) {
        at_ms += dice.random_range(1..9_000);
        let burst = if dice.random_bool(0.3) { dice.random_range(2..5) } else { 1 };
        asked_ms.extend(std::iter::repeat_n(at_ms, burst));
    }
    let end_ms = at_ms + 60_000;
    let mut plan = plan(seed, &asked_ms, end_ms);
    for _ in 0..dice.random_range(0..3) {
        let from_ms = dice.random_range(0..at_ms);
        let says = match dice.random_range(0..3) {
            0 => Says::Status(503),
            1 => Says::Broken,
            _ => Says::Never,
        };
        let answer = Answer { after_ms: dice.random_range(1..4_000), says };
        plan.outages.push(Outage { from_ms, to_ms: from_ms + dice.random_range(100..20_000), answer });
    }
    let mut dies_ms = 0;
    for _ in 0..dice.random_range(0..3) {
        dies_ms += dice.random_range(100..15_000);
        let down_ms = dice.random_range(1..5_000);
        plan.deaths.push(Death { at: Moment::Ms(dies_ms), down_ms });
        dies_ms += down_ms;
    }
    plan
}
