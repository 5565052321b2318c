//! Every point of a life at which its process can die. One life is run and stands still at each point; where what was seen outside
//! and what is durable differ from every point before, the files are kept, and life goes on once from there, as after a `kill -9`.
//!
//! Points that leave the same behind have the same future: what the process knew is gone, and the next one has the files alone.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use reveille_model::verdict::Violation;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::life::{self, Failed, Life};
use crate::lockstep::Fault;
use crate::plan::{Death, Moment, Plan};
use crate::promise::{self, Asks};
use crate::rest;
use crate::worker::Worker;
use crate::world::{Files, Snapshot, World};

/// How long nobody is up after a death, in virtual milliseconds.
pub const DOWN_MS: u64 = 1_000;

/// What a life broke.
#[derive(Clone, Debug)]
pub struct Broken {
    /// The plan that breaks it.
    pub plan: Plan,
    /// What it broke.
    pub violations: Vec<Violation>,
    /// The whole life.
    pub life: Life,
}

/// What became of one life at each of its points.
#[derive(Debug)]
pub struct Explored {
    /// The life without a death.
    pub life: Life,
    /// The state at each point, by number.
    pub points: Vec<usize>,
    /// What was seen outside of the life that goes on from each state ([`Life::outside`]).
    pub outsides: Vec<u64>,
    /// The lives that broke something, that without a death first.
    pub broken: Vec<Broken>,
}

/// Whether to go on, asked between two lives.
pub type GoOn<'a> = &'a (dyn Fn() -> bool + Sync);

/// The plan in which the first process dies at that point.
pub fn dying_at(plan: &Plan, point: u64) -> Plan {
    let death = Death { at: Moment::Point(point), down_ms: DOWN_MS };
    Plan { deaths: std::iter::once(death).chain(plan.deaths.iter().cloned()).collect(), ..plan.clone() }
}

/// Runs a plan without deaths, and goes on from each of its states.
///
/// # Errors
///
/// If the runtime cannot be run.
pub fn every_point(
    worker: &Worker,
    plan: &Plan,
    asks: &Asks,
    jobs: usize,
    go_on: GoOn<'_>,
) -> Result<Explored, Failed> {
    let (life, points, mut states) = states(worker, plan)?;
    if life.is_storm() {
        // It breaks without a death, and each of its very many points leaves something else behind.
        states.clear();
    }
    let mut broken = Vec::new();
    let violations = promise::broken(&life, asks);
    let (next, done) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                while let Some(snapshot) =
                    states.get(next.fetch_add(1, Ordering::Relaxed)).filter(|_| go_on())
                {
                    let plan = dying_at(plan, snapshot.point);
                    let life = after(worker, &plan, snapshot);
                    let mut done = done.lock().expect("no thread panics with it");
                    done.insert(snapshot.point, life.map(|life| (plan, life)));
                }
            });
        }
    });
    let mut outsides = Vec::new();
    for result in done.into_inner().expect("no thread panics with it").into_values() {
        let (plan, life) = result?;
        outsides.push(life.outside());
        let violations = promise::broken(&life, asks);
        if !violations.is_empty() {
            broken.push(Broken { plan, violations, life });
        }
    }
    if !violations.is_empty() {
        broken.insert(0, Broken { plan: plan.clone(), violations, life: life.clone() });
    }
    Ok(Explored { life, points, outsides, broken })
}

/// A life that goes on from a state.
fn after(worker: &Worker, plan: &Plan, snapshot: &Snapshot) -> Result<Life, Failed> {
    let mut world = World::after(worker, plan, snapshot)?;
    world.run(worker, None)?;
    life::judged(plan, world)
}

/// Runs the life; its points, each with the number of its state, and the states.
fn states(worker: &Worker, plan: &Plan) -> Result<(Life, Vec<usize>, Vec<Snapshot>), Failed> {
    let mut world = World::new(worker, plan)?;
    let mut seen = Seen::default();
    let mut failed = None;
    let mut watcher = |world: &World<'_>, point: u64| -> Result<(), Fault> {
        if failed.is_none() {
            failed = seen.point(world, point).err();
        }
        Ok(())
    };
    world.run(worker, Some(&mut watcher))?;
    if let Some(failed) = failed {
        return Err(failed);
    }
    let life = life::judged(plan, world)?;
    Ok((life, seen.points, seen.states))
}

/// The states of a life until now.
#[derive(Default)]
struct Seen {
    /// The state at each point.
    points: Vec<usize>,
    states: Vec<Snapshot>,
    /// The number of each state, by its hash.
    numbers: BTreeMap<u64, usize>,
    /// What was seen outside, hashed as far as it was looked at.
    outside: Xxh3,
    looked_at: usize,
    /// The last files that were read: by the hash of their bytes, that of what is durable in them.
    durable: Option<(u64, u64)>,
}

impl Seen {
    fn point(&mut self, world: &World<'_>, point: u64) -> Result<(), Failed> {
        for told in &world.told()[self.looked_at..] {
            // What the process says of itself is gone with it.
            if told.what.is_outside() {
                self.outside.update(&life::line(told));
            }
        }
        self.looked_at = world.told().len();
        let files = world.files()?;
        let bytes = bytes_hash(&files);
        let durable = match self.durable {
            Some((same, durable)) if same == bytes => durable,
            _ => rest::read(&files)?.hash,
        };
        self.durable = Some((bytes, durable));
        let state = xxh3_64(&[self.outside.digest().to_le_bytes(), durable.to_le_bytes()].concat());
        let number = *self.numbers.entry(state).or_insert_with(|| {
            self.states.push(world.snapshot(files, point));
            self.states.len() - 1
        });
        self.points.push(number);
        Ok(())
    }
}

fn bytes_hash(files: &Files) -> u64 {
    let mut hash = Xxh3::new();
    for (name, bytes) in files {
        // What is locked there is nothing durable.
        if !name.to_string_lossy().ends_with("-shm") {
            hash.update(name.to_string_lossy().as_bytes());
            hash.update(bytes);
        }
    }
    hash.digest()
}
