//! The run of one plan, from outside: a fresh thread for each, so that no thread-local state passes from run to run; a
//! panic becomes a finding; a run that never ends is left behind. The only file that may use threads and the host's clock.

pub(crate) mod panics;

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use reveille_model::Profile;
use reveille_model::history::{Event, Header, History};
use reveille_model::verdict::Verdict;
use reveille_system::object::class::Classes;

use self::panics::Panic;
use crate::between::Between;
use crate::counts::Counts;
use crate::fates::Fates;
use crate::guard::{self, Clock};
use crate::outside::Services;
use crate::plan::Plan;
use crate::progress::{Bounds, Nowhere};
use crate::record;
use crate::trace::{Digest, Entry};
use crate::world::{Ended, World};

/// Whether object code that asks the operating system for the time or for randomness gets those of its run: so it is with
/// `--cfg madsim`. Without it such code makes a run depend on more than its plan.
pub const GUARDED: bool = guard::GUARDED;

/// What to look at beside the history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Keep the trace. It changes nothing in the run.
    pub trace: bool,
    /// Stop behind this moment of virtual time, in milliseconds since the begin of the run.
    pub until_ms: Option<u64>,
}

/// Everything that is known about a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How it ended.
    pub end: RunEnd,
    /// The machines that panicked, in the order of time. Of a stuck run nothing is known.
    pub panics: Vec<MachinePanic>,
    /// What the model says about its history.
    pub verdict: Verdict,
    /// What happened, in the words of the model. Of a stuck run only the header is known.
    pub history: History,
    /// The same for the same plan, everywhere and always.
    pub digest: Digest,
    /// What happened, in numbers.
    pub counts: Counts,
    /// What became of each fault and outage of the plan.
    pub fates: Fates,
    /// What happened inside; empty unless it was asked for.
    pub trace: Vec<Entry>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// All phases are over.
    Completed,
    /// [`Look::until_ms`] was reached.
    Stopped,
    /// The world panicked, or the classes could not be made. Panics of machines are in [`Outcome::panics`]; those of
    /// object code are the system's to catch.
    Panicked {
        /// What it said.
        message: String,
        /// Where: file, line and column.
        location: String,
        /// Virtual time since the begin of the run.
        at_ns: u64,
    },
    /// Too many events for such a plan ([`crate::progress`]): something is done again and again for ever.
    Livelock {
        /// So many.
        events: u64,
    },
    /// Too many events at one instant: virtual time stands still.
    Standstill {
        /// The instant: virtual time since the begin of the run.
        at_ns: u64,
        /// So many.
        events: u64,
    },
    /// No end in sight after this time on the host's clock: code loops without an await. The thread is left behind, busy
    /// for ever.
    Stuck {
        /// The time waited ([`Bounds::stuck_after_s`]).
        after_s: u64,
    },
}

/// A machine panicked: the system's fault. Its process died as in a crash, and the run went on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachinePanic {
    /// Which machine.
    pub machine: u16,
    /// Virtual time since the begin of the run.
    pub at_ns: u64,
    /// What it said.
    pub message: String,
    /// Where: file, line and column.
    pub location: String,
}

/// The code that a run has beside the system: the classes of its objects, and its outside services. Both are made anew for
/// each run, in the run's own thread.
#[derive(Clone)]
pub struct Code {
    classes: Arc<dyn Fn() -> Classes + Send + Sync>,
    services: Arc<dyn Fn() -> Services + Send + Sync>,
}

impl Code {
    /// These classes, with services that answer 200 to everything.
    pub fn of(classes: impl Fn() -> Classes + Send + Sync + 'static) -> Self {
        Self { classes: Arc::new(classes), services: Arc::new(Services::default) }
    }

    /// This code with its classes changed by `change`: one more, or one in the place of another.
    #[must_use]
    pub fn with_classes(self, change: impl Fn(Classes) -> Classes + Send + Sync + 'static) -> Self {
        let before = self.classes;
        Self { classes: Arc::new(move || change(before())), ..self }
    }

    /// This code with its services changed by `change`.
    #[must_use]
    pub fn with_services(self, change: impl Fn(Services) -> Services + Send + Sync + 'static) -> Self {
        let before = self.services;
        Self { services: Arc::new(move || change(before())), ..self }
    }

    /// The classes.
    pub fn classes(&self) -> Classes {
        (self.classes)()
    }
}

impl<F: Fn() -> Classes + Send + Sync + 'static> From<F> for Code {
    fn from(classes: F) -> Self {
        Self::of(classes)
    }
}

impl From<&Self> for Code {
    fn from(code: &Self) -> Self {
        code.clone()
    }
}

/// Runs a plan and holds its history against the model.
///
/// # Panics
///
/// If the plan is not valid ([`Plan::validate`]), or if the host gives no thread.
pub fn run(plan: &Plan, code: impl Into<Code>) -> Outcome {
    run_with(plan, code, Look::default())
}

/// Like [`run`], with a closer look.
///
/// # Panics
///
/// As [`run`].
pub fn run_with(plan: &Plan, code: impl Into<Code>, look: Look) -> Outcome {
    run_through(plan, code.into(), look, None)
}

/// Like [`run_with`], with something between the machines and the world. `between` is called in the run's own thread.
///
/// # Panics
///
/// As [`run`].
pub fn run_between(plan: &Plan, code: impl Into<Code>, between: fn() -> Box<dyn Between>) -> Outcome {
    run_through(plan, code.into(), Look::default(), Some(between))
}

fn run_through(plan: &Plan, code: Code, look: Look, between: Option<fn() -> Box<dyn Between>>) -> Outcome {
    if let Err(error) = plan.validate() {
        panic!("only a valid plan can be run: {error}");
    }
    let mut header = record::header(plan);
    let bounds = Bounds::of(plan);
    let Some(finished) = in_a_thread(plan.clone(), Setup { code, look, bounds, between }) else {
        return stuck(header, bounds.stuck_after_s, plan);
    };
    let Finished { end, panics, alarm_classes, echoes, events, digest, counts, fates, trace } = finished;
    header.alarm_classes = Some(alarm_classes);
    header.echoes = echoes;
    let history = History { header, events };
    // In this thread: the checkers have nothing to do with the simulated clock.
    let verdict = reveille_model::check(&history, Profile::Strict);
    Outcome { end, panics, verdict, history, digest, counts, fates, trace }
}

/// What a run is made of beside its plan.
struct Setup {
    code: Code,
    look: Look,
    bounds: Bounds,
    between: Option<fn() -> Box<dyn Between>>,
}

/// What a run hands back to the thread that asked for it.
struct Finished {
    end: RunEnd,
    panics: Vec<MachinePanic>,
    /// The classes that declare `alarm()`.
    alarm_classes: Vec<Arc<str>>,
    /// The classes whose answers say what their code has read.
    echoes: Vec<Arc<str>>,
    events: Vec<Event>,
    digest: Digest,
    counts: Counts,
    fates: Fates,
    trace: Vec<Entry>,
}

#[expect(
    clippy::disallowed_methods,
    reason = "each run has a thread of its own; this is the place that starts it"
)]
fn in_a_thread(plan: Plan, setup: Setup) -> Option<Finished> {
    panics::install_hook();
    // When the process dies in the middle of a run (a stack overflow) this name is all that is told of it.
    let name = format!("{} seed {}", plan.scenario.replace('\0', ""), plan.seed);
    let (sender, receiver) = mpsc::sync_channel(1);
    let (whose, stuck_after_s) = (name.clone(), setup.bounds.stuck_after_s);
    let body = move || {
        panics::watch_this_thread();
        // Nobody listens any more if the run was given up as stuck.
        let _ =
            sender.send(panics::caught(|| guard::within(plan.seed, |clock| simulate(&plan, setup, clock))));
    };
    let thread = thread::Builder::new().name(name).spawn(body);
    let thread = thread.expect("the host has a thread for us");
    match receiver.recv_timeout(Duration::from_secs(stuck_after_s)) {
        Ok(Ok(finished)) => {
            // Until its thread-local state is gone the run is not over.
            thread.join().expect("a run that has handed over its result has nothing left that could panic");
            Some(finished)
        }
        Ok(Err(Panic { message, location })) => panic!("{whose} has no result: {message} ({location})"),
        Err(RecvTimeoutError::Timeout) => None,
        Err(RecvTimeoutError::Disconnected) => panic!("{whose} ended without a result"),
    }
}

fn simulate(plan: &Plan, setup: Setup, clock: Clock) -> Finished {
    let Setup { code, look, bounds, between } = setup;
    let until_ns = look.until_ms.map_or(u64::MAX, |ms| ms.saturating_mul(1_000_000));
    let mut world = World::new(plan, bounds, look.trace, clock);
    world.between = between.map(|make| make());
    let (mut alarm_classes, mut echoes) = (Vec::new(), Vec::new());
    let ended = panics::caught(|| {
        let classes = code.classes();
        world.outside.serve((code.services)());
        alarm_classes = classes.declaring_alarm().map(Arc::from).collect();
        echoes = classes.echoing().map(Arc::from).collect();
        let ended = world.run(classes, until_ns);
        world.stop_machines();
        ended
    });
    let end = ended.map_or_else(|panic| RunEnd::panicked(panic, world.now_ns), RunEnd::from);
    if matches!(end, RunEnd::Panicked { .. }) {
        // The world was left in the middle of something and may panic again: the first panic is the finding.
        let _ = panics::caught(|| world.stop_machines());
    }
    world.tell_majorities();
    let fates = world.faults.fates(plan);
    let World { record, now_ns, panics, .. } = world;
    let (events, trace, mut counts) = record.finish();
    counts.virtual_ns = now_ns;
    let (digest, trace) = trace.finish();
    Finished { end, panics, alarm_classes, echoes, events, digest, counts, fates, trace }
}

impl RunEnd {
    fn panicked(Panic { message, location }: Panic, at_ns: u64) -> Self {
        Self::Panicked { message, location, at_ns }
    }
}

impl From<Ended> for RunEnd {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Completed => Self::Completed,
            Ended::Stopped => Self::Stopped,
            Ended::Nowhere { at_ns, nowhere: Nowhere::Standstill { events } } => {
                Self::Standstill { at_ns, events }
            }
            Ended::Nowhere { nowhere: Nowhere::Livelock { events }, .. } => Self::Livelock { events },
        }
    }
}

fn stuck(header: Header, after_s: u64, plan: &Plan) -> Outcome {
    Outcome {
        end: RunEnd::Stuck { after_s },
        panics: Vec::new(),
        verdict: Verdict::default(),
        history: History { header, events: Vec::new() },
        digest: Digest(0),
        counts: Counts::default(),
        fates: Fates::of_none(plan.faults.len(), plan.upstream.outages.len()),
        trace: Vec::new(),
    }
}
