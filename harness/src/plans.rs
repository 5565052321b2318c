//! From a seed to a plan, with proptest's own ChaCha generator. Everything that breaks is drawn here, before the run.
//!
//! ```text
//! seed -> swarm -> world       cluster, network, disks, clocks, limits
//!           |  \-> patterns    groups of faults and outages that belong together, a random subset of them
//!           v
//!         phases as long as what was drawn -> requests in them
//! ```
//!
//! A new kind of trouble is a pattern: one function and one row in `patterns.rs`. Plans with a single failure
//! ([`failover()`]) and the reference run are made in another way (`mould.rs`), which stays as it is.

mod atlas;
mod chosen;
mod cluster;
mod dice;
mod failover;
mod faults;
mod mould;
mod patterns;
mod reference;
mod requests;
mod swarm;
mod sweep;
mod trouble;
mod world;

use std::ops::Range;
use std::sync::Arc;

use proptest::prelude::*;
use reveille_sim::kinds::draw::Stage;
use reveille_sim::plan::{Cluster, Fault, Limits, Plan, Request};

pub use self::chosen::{Kinds, kinds};
use self::dice::Dice;
pub use self::failover::{Failure, failover};
pub use self::reference::reference;
pub use self::sweep::Case;

/// What is particular about a scenario's plans.
#[derive(Clone)]
pub struct Shape {
    /// The scenario's name: scenarios do not share plans.
    pub scenario: &'static str,
    /// The class of its objects.
    pub class: &'static str,
    /// What its objects are asked.
    pub requests: Requests,
    /// At most so many objects in most plans; at least one. In some of those whose requests are spread there are a hundred.
    pub objects_max: usize,
    /// How much breaks.
    pub failures: Failures,
    /// What its objects' code may use up. Where that is less than in the contract, plans have it otherwise, too.
    pub limits: Limits,
}

/// What a strategy draws requests for.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// The machines that clients are connected to: 0 to one less than this.
    pub machines: u16,
    /// So many objects; at least one.
    pub objects: usize,
    /// A time so long, in milliseconds.
    pub within_ms: u64,
    /// At most so many occasions.
    pub max: usize,
    /// When something breaks, in that time.
    pub breaks_ms: u64,
}

/// What is asked, and what breaks.
pub type Story = (Vec<Request>, Vec<Fault>);

/// The body of the `index`-th request of a plan; the second argument is drawn at random.
pub type Body = Arc<dyn Fn(usize, u32) -> String + Send + Sync>;

/// What the objects of a plan are asked.
#[derive(Clone)]
pub enum Requests {
    /// Requests at any time, to any of the objects.
    Spread {
        /// Their bodies.
        body: Body,
        /// So many of them in the fault phase, the upper bound included.
        many: Range<usize>,
        /// Whether some plans go beyond what is said: with many times as many objects, and with blanks behind bodies.
        stretched: bool,
    },
    /// What a strategy draws, with what is to break because of it beside everything else.
    Own {
        /// The strategy.
        story: Arc<dyn Fn(Asked) -> BoxedStrategy<Story> + Send + Sync>,
        /// At most so many occasions in the fault phase.
        max: usize,
    },
}

impl Requests {
    /// Nothing is asked.
    pub(crate) fn none() -> Self {
        Self::Spread { body: Arc::new(|_, _| String::new()), many: 0..0, stretched: false }
    }
}

/// A value of a strategy that is the `index`-th of a plan: a function of what was drawn for it.
pub(crate) fn drawn<S: Strategy>(strategy: &S, index: usize, dice: u32) -> S::Value {
    Dice::new(&format!("request {index}"), dice.into()).draw(strategy)
}

/// How much breaks in a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failures {
    /// Nothing.
    None,
    /// Anything, any number of times.
    Many,
    /// Exactly one thing, of the kind that the seed says ([`Failure::of_seed`]).
    One,
    /// One trouble of each shape at each place: the one that the seed says ([`Case::of_seed`]).
    Sweep,
    /// Chosen kinds, and nothing else.
    Kinds(Kinds),
}

impl From<Kinds> for Failures {
    fn from(kinds: Kinds) -> Self {
        Self::Kinds(kinds)
    }
}

/// What a plan is about, where the seeds of a scenario take turns: a row of a table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Topic {
    place: usize,
    /// What it is called.
    pub name: String,
}

impl Topic {
    /// What the plan of this seed is about; none where the seeds do not take turns.
    pub fn of_seed(failures: &Failures, seed: u64) -> Option<Self> {
        match failures {
            Failures::None | Failures::Many | Failures::Kinds(_) => None,
            Failures::One => {
                let failure = Failure::of_seed(seed);
                Some(Self { place: failure.place(), name: failure.name() })
            }
            Failures::Sweep => Some(Case::of_seed(seed).topic),
        }
    }
}

/// Machines boot and elect leaders.
const WARM_UP_MS: u64 = 6_000;
/// Long enough for whatever is overdue to show, 60 s after the last change (L2), and for requests after that
/// ([`requests::late`]).
const QUIET_MS: u64 = 110_000;
/// The reference cluster: three datacenters of three machines, eight groups. Most plans have it.
pub const CLUSTER: Cluster = Cluster { datacenters: 3, machines_per_datacenter: 3, groups: 8, slices: 32 };

/// The plan that `seed` stands for.
pub fn draw(shape: &Shape, seed: u64) -> Plan {
    let mut dice = Dice::new(shape.scenario, seed);
    let mut plan = match &shape.failures {
        Failures::None | Failures::Many | Failures::Kinds(_) => swarm::plan(shape, seed, &mut dice),
        Failures::One => dice.draw(failover(shape, seed)),
        Failures::Sweep => dice.draw(sweep::sweep(shape, seed)),
    };
    swarm::ask_late(&mut plan, shape, &mut dice);
    debug_assert!(atlas::is_survivable(&plan), "a correct system has to survive it");
    plan
}

/// What there is to strike in a plan with so many objects.
fn stage(cluster: Cluster, class: &str, objects: usize, faults_ms: u64) -> Stage {
    let objects = (0..objects).map(|index| object(class, index)).collect();
    Stage { cluster, faults_ms, objects }
}

/// The name of a scenario's `index`-th object.
pub fn object(class: &str, index: usize) -> String {
    const NAMES: [&str; 4] = ["foo", "bar", "baz", "qux"];
    match NAMES.get(index) {
        Some(name) => format!("{class}/{name}"),
        None => format!("{class}/object-{index}"),
    }
}
