//! The run of one plan, from outside: a fresh thread for each, so that no thread-local state passes from run to run; a
//! panic becomes a finding; a run that never ends is left behind. The only file that may use threads and the host's clock.

mod panics;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use madsim::runtime::Runtime;
use reveille_model::Profile;
use reveille_model::history::{Event, Header, History};
use reveille_model::verdict::Verdict;
use reveille_system::object::class::Classes;

use crate::counts::Counts;
use crate::fates::Fates;
use crate::plan::Plan;
use crate::record;
use crate::trace::{Digest, Entry};
use crate::world::{Ended, World};

/// A run that takes longer than this on the host's clock is stuck: object code loops without an await.
pub const STUCK_AFTER_S: u64 = 120;

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
    /// The system or the world panicked. Panics of object code are the system's to catch.
    Panicked {
        /// What it said.
        message: String,
        /// Where: file, line and column.
        location: String,
        /// Virtual time since the begin of the run.
        at_ns: u64,
    },
    /// Too many events: machines keep each other busy for ever.
    Livelock {
        /// So many.
        events: u64,
    },
    /// No end in sight after this time on the host's clock. The thread is left behind, busy for ever.
    Stuck {
        /// The time waited.
        after_s: u64,
    },
}

/// Runs a plan and holds its history against the model. `classes` is called in the run's own thread.
///
/// # Panics
///
/// If the plan is not valid ([`Plan::validate`]), or if the host gives no thread.
pub fn run(plan: &Plan, classes: fn() -> Classes) -> Outcome {
    run_with(plan, classes, Look::default())
}

/// Like [`run`], with a closer look.
///
/// # Panics
///
/// As [`run`].
pub fn run_with(plan: &Plan, classes: fn() -> Classes, look: Look) -> Outcome {
    if let Err(error) = plan.validate() {
        panic!("only a valid plan can be run: {error}");
    }
    let mut header = record::header(plan);
    let Some(finished) = in_a_thread(plan.clone(), classes, look) else {
        return stuck(header, plan);
    };
    let Finished { end, alarm_classes, events, digest, counts, fates, trace } = finished;
    header.alarm_classes = Some(alarm_classes);
    let history = History { header, events };
    // In this thread: the checkers have nothing to do with the simulated clock.
    let verdict = reveille_model::check(&history, Profile::Strict);
    Outcome { end, verdict, history, digest, counts, fates, trace }
}

/// What a run hands back to the thread that asked for it.
struct Finished {
    end: RunEnd,
    /// The classes that declare `alarm()`.
    alarm_classes: Vec<Arc<str>>,
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
fn in_a_thread(plan: Plan, classes: fn() -> Classes, look: Look) -> Option<Finished> {
    panics::install_hook();
    let (sender, receiver) = mpsc::sync_channel(1);
    let body = move || {
        panics::watch_this_thread();
        // Nobody listens any more if the run was given up as stuck.
        let _ = sender.send(simulate(&plan, classes, look));
    };
    let thread = thread::Builder::new().name("simulation".to_owned()).spawn(body);
    let thread = thread.expect("the host has a thread for us");
    match receiver.recv_timeout(Duration::from_secs(STUCK_AFTER_S)) {
        Ok(finished) => {
            // Until its thread-local state is gone the run is not over.
            thread.join().expect("a run that has handed over its result has nothing left that could panic");
            Some(finished)
        }
        Err(RecvTimeoutError::Timeout) => None,
        Err(RecvTimeoutError::Disconnected) => panic!("a run ended without a result"),
    }
}

fn simulate(plan: &Plan, classes: fn() -> Classes, look: Look) -> Finished {
    let runtime = Runtime::with_seed_and_config(plan.seed, madsim::Config::default());
    let until_ns = look.until_ms.map_or(u64::MAX, |ms| ms.saturating_mul(1_000_000));
    // One task that never waits: nothing is left in the executor that could leak.
    runtime.block_on(async {
        let mut world = World::new(plan, look.trace);
        let mut alarm_classes = Vec::new();
        let ended = catch_unwind(AssertUnwindSafe(|| {
            let classes = classes();
            alarm_classes = classes.declaring_alarm().map(Arc::from).collect();
            let ended = world.run(classes, until_ns);
            world.stop_machines();
            ended
        }));
        let end = match ended {
            Ok(Ended::Completed) => RunEnd::Completed,
            Ok(Ended::Stopped) => RunEnd::Stopped,
            Ok(Ended::Livelock { events }) => RunEnd::Livelock { events },
            Err(_) => {
                let end = panics::panicked(world.now_ns);
                // A machine that was left in the middle of something may panic again: the first panic is the finding.
                let _ = catch_unwind(AssertUnwindSafe(|| world.stop_machines()));
                end
            }
        };
        let fates = world.faults.fates(plan);
        let World { record, now_ns, .. } = world;
        let (events, trace, mut counts) = record.finish();
        counts.virtual_ns = now_ns;
        let (digest, trace) = trace.finish();
        Finished { end, alarm_classes, events, digest, counts, fates, trace }
    })
}

fn stuck(header: Header, plan: &Plan) -> Outcome {
    Outcome {
        end: RunEnd::Stuck { after_s: STUCK_AFTER_S },
        verdict: Verdict::default(),
        history: History { header, events: Vec::new() },
        digest: Digest(0),
        counts: Counts::default(),
        fates: Fates::of_none(plan.faults.len(), plan.upstream.outages.len()),
        trace: Vec::new(),
    }
}
