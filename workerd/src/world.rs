//! The world around a worker: one process of the runtime at a time, in lockstep, with its clients, its outside services and its time.
//! What comes next is the plan's: a request, an answer of a service, time, the end of the process, its next start.
//!
//! ```text
//! plan ──▶ World ──▶ Process (runs until it is idle) ──▶ what it has sent, said, written ──▶ Told
//!            ▲                                                   │
//!            └───────────── one thing at a time ─────────────────┘
//! ```
//!
//! Of several things that are due at one instant each is done alone, and the process is idle between them: answers of services first,
//! then requests in the order of the plan, then the end of the process.

mod folder;
mod peers;
mod told;

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

pub use self::folder::Files;
use self::folder::Folder;
use self::peers::{Client, Service, Services};
use self::told::open_requests;
pub use self::told::{Told, What};
use crate::lockstep::{Fault, Process, Stand, Start, Step};
use crate::plan::{Moment, Plan, Says, WALL_ZERO_MS};
use crate::worker::Worker;

const NS_PER_MS: u64 = 1_000_000;

/// So many writes, syncs and sends in a row without a pause are a storm: it goes on for ever, and time stands still in it.
const STORM_POINTS: u64 = 20_000;

/// So many pauses at one instant are a storm, too.
const STORM_PAUSES: u32 = 5_000;

/// And so many runs of `alarm()` of a process within a virtual second for each of its objects: the run ends there.
pub(crate) const STORM_RUNS: usize = 50;

/// All that is known of a run at a moment, beside the process and its files.
#[derive(Clone, Debug)]
pub struct State {
    now_ns: u64,
    /// How many processes have been started.
    pub boots: usize,
    told: Vec<Told>,
    /// How many requests of the plan were asked.
    asked: usize,
    /// How many calls have arrived.
    calls: u64,
    /// When the next process starts; none while one is up.
    start_at_ns: Option<u64>,
}

/// A moment of a run that can be gone on from, as after a crash at that moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// What was known.
    pub state: State,
    /// The files that the crash leaves.
    pub files: Files,
    /// The point at which the process stands.
    pub point: u64,
}

/// Whoever is told of each point.
pub type Watcher<'a> = &'a mut dyn FnMut(&World<'_>, u64) -> Result<(), Fault>;

/// The world of one run.
pub struct World<'p> {
    plan: &'p Plan,
    folder: Folder,
    state: State,
    up: Option<Up>,
    /// The process each point of which is watched, if any is: the first, the second.
    watched: Option<usize>,
}

/// A process that is up, and who is connected to it.
struct Up {
    process: Process,
    stand: Stand,
    /// Whether it takes requests.
    is_listening: bool,
    /// How many points it had passed when it was idle for the last time.
    idle_at: u64,
    /// How often it was idle at this instant.
    pauses: u32,
    /// When the last runs of `alarm()` of each object started.
    runs: BTreeMap<String, VecDeque<u64>>,
    clients: Vec<Client>,
    services: Services,
    /// Answers of services that are due then: by time, then in the order in which they were decided.
    answers: BTreeMap<(u64, u64), Due>,
}

/// An answer that a service will give.
struct Due {
    /// The connection.
    connection: u64,
    call: u64,
    says: Says,
}

impl<'p> World<'p> {
    /// The world at the begin of a run of this plan: no process is up.
    ///
    /// # Errors
    ///
    /// If there is no place for its files.
    pub fn new(worker: &Worker, plan: &'p Plan) -> Result<Self, Fault> {
        let state = State { now_ns: 0, boots: 0, told: Vec::new(), asked: 0, calls: 0, start_at_ns: Some(0) };
        Ok(Self { plan, folder: Folder::new(worker, &Files::default())?, state, up: None, watched: None })
    }

    /// The world behind a crash at that moment; the plan is the one that the run had, with the death that it is to have there.
    ///
    /// # Errors
    ///
    /// If there is no place for its files.
    pub fn after(worker: &Worker, plan: &'p Plan, snapshot: &Snapshot) -> Result<Self, Fault> {
        let folder = Folder::new(worker, &snapshot.files)?;
        let mut world = Self { plan, folder, state: snapshot.state.clone(), up: None, watched: None };
        world.fell(Some(snapshot.point));
        Ok(world)
    }

    /// What was seen and told until now.
    pub fn told(&self) -> &[Told] {
        &self.state.told
    }

    /// All of it, at the end of a run.
    pub fn into_told(self) -> Vec<Told> {
        self.state.told
    }

    /// The files as a crash would leave them now.
    ///
    /// # Errors
    ///
    /// If they cannot be read.
    pub fn files(&self) -> Result<Files, Fault> {
        Ok(self.folder.files()?)
    }

    /// This moment, as one that can be gone on from.
    pub fn snapshot(&self, files: Files, point: u64) -> Snapshot {
        let mut state = self.state.clone();
        // What is open will not be answered; who waits for it is known from what was told.
        state.start_at_ns = None;
        Snapshot { state, files, point }
    }

    /// Runs to the plan's end. Whoever watches is told of each point of the first process that is started here.
    ///
    /// # Errors
    ///
    /// If the runtime ends by itself or never comes to an end, or the host fails.
    pub fn run(&mut self, worker: &Worker, mut watcher: Option<Watcher<'_>>) -> Result<(), Fault> {
        let end_ns = self.plan.end_ms * NS_PER_MS;
        self.watched = watcher.is_some().then_some(self.state.boots + 1);
        loop {
            if self.is_stormy() {
                self.tell(What::Storm);
                return Ok(());
            }
            self.look(&mut watcher)?;
            if self.next_step(worker)? {
                continue;
            }
            let then_ns = self.next_ns().min(end_ns);
            if self.state.now_ns >= end_ns && then_ns >= end_ns {
                return Ok(());
            }
            if then_ns > self.state.now_ns {
                self.state.now_ns = then_ns;
                self.up.iter_mut().for_each(|up| up.pauses = 0);
            }
            self.go_on()?;
        }
    }

    /// Does one of the things that are due now, if any is.
    fn next_step(&mut self, worker: &Worker) -> Result<bool, Fault> {
        let now_ns = self.state.now_ns;
        if self.state.start_at_ns.is_some_and(|at_ns| at_ns <= now_ns) {
            self.start(worker)?;
            return Ok(true);
        }
        let Some(up) = &mut self.up else { return Ok(false) };
        if let Stand::Point { number } = up.stand {
            if self.death() == Some(Moment::Point(number)) {
                self.kill(Some(number));
            } else {
                self.go_on()?;
            }
            return Ok(true);
        }
        if up.answers.first_key_value().is_some_and(|((at_ns, _), _)| *at_ns <= now_ns) {
            let (_, due) = up.answers.pop_first().expect("one is due");
            self.answer(&due);
            self.go_on()?;
            return Ok(true);
        }
        // What is due in the process itself comes before what clients ask, and nobody can ask before it listens.
        let is_due = matches!(up.stand, Stand::Idle { next_ns: Some(next_ns), .. } if next_ns <= now_ns);
        if is_due || !up.is_listening {
            self.go_on()?;
            return Ok(true);
        }
        let next = self.plan.requests.get(self.state.asked);
        if next.is_some_and(|ask| ask.at_ms * NS_PER_MS <= now_ns) {
            self.ask()?;
            self.go_on()?;
            return Ok(true);
        }
        if self.death().is_some_and(|at| matches!(at, Moment::Ms(ms) if ms * NS_PER_MS <= now_ns)) {
            self.kill(None);
            return Ok(true);
        }
        Ok(false)
    }

    /// When the next thing is due that is not due now.
    fn next_ns(&self) -> u64 {
        let Some(up) = &self.up else { return self.state.start_at_ns.unwrap_or(u64::MAX) };
        let own = match up.stand {
            Stand::Idle { next_ns, .. } => next_ns,
            Stand::Point { .. } => None,
        };
        let answer = up.answers.first_key_value().map(|((at_ns, _), _)| *at_ns);
        let ask = self.plan.requests.get(self.state.asked).map(|ask| ask.at_ms * NS_PER_MS);
        let death = self.death().and_then(|at| match at {
            Moment::Ms(ms) => Some(ms * NS_PER_MS),
            Moment::Point(_) => None,
        });
        [own, answer, ask, death].into_iter().flatten().min().unwrap_or(u64::MAX)
    }

    /// When the process that is up dies, if it does.
    fn death(&self) -> Option<Moment> {
        self.plan.deaths.get(self.state.boots.checked_sub(1)?).map(|death| death.at)
    }

    fn tell(&mut self, what: What) {
        self.state.told.push(Told { at_ns: self.state.now_ns, what });
    }

    /// What the process is told with its next step, which it takes behind this point. Where it dies at a point it stands still at
    /// each, so that what is seen until then is seen in the order in which somebody sees it who watches.
    fn step(&self, point: u64) -> Step {
        let each = self.watched == Some(self.state.boots) || matches!(self.death(), Some(Moment::Point(_)));
        let stop_at = point + if each { 1 } else { STORM_POINTS };
        Step { now_ns: self.state.now_ns, wall_zero_ns: WALL_ZERO_MS * 1_000_000, stop_at }
    }

    fn is_stormy(&self) -> bool {
        self.up.as_ref().is_some_and(|up| {
            let is_spinning = |runs: &VecDeque<u64>| {
                runs.len() >= STORM_RUNS && runs[runs.len() - 1] - runs[0] < 1_000 * NS_PER_MS
            };
            up.pauses > STORM_PAUSES
                || up.stand.points().saturating_sub(up.idle_at) >= STORM_POINTS
                || up.runs.values().any(is_spinning)
        })
    }

    /// Lets the process go on until it stands still again; without a process time alone goes on.
    fn go_on(&mut self) -> Result<(), Fault> {
        let Some(point) = self.up.as_ref().map(|up| up.stand.points()) else { return Ok(()) };
        let step = self.step(point);
        let up = self.up.as_mut().expect("it is up");
        up.stand = up.process.go_on(step)?;
        if let Stand::Idle { points, .. } = up.stand {
            up.idle_at = points;
            up.pauses += 1;
        }
        Ok(())
    }

    /// Sees what the process has sent and said, and shows it to whoever watches.
    fn look(&mut self, watcher: &mut Option<Watcher<'_>>) -> Result<(), Fault> {
        self.see()?;
        let Some(Stand::Point { number }) = self.up.as_ref().map(|up| up.stand) else { return Ok(()) };
        match watcher {
            Some(watcher) if self.watched == Some(self.state.boots) => watcher(self, number),
            _ => Ok(()),
        }
    }

    /// Starts the next process and waits until it takes requests.
    fn start(&mut self, worker: &Worker) -> Result<(), Fault> {
        self.state.start_at_ns = None;
        self.state.boots += 1;
        let boot = self.state.boots as u64;
        self.folder.begin_boot(boot)?;
        // A process that is started again draws other numbers than the one before.
        let seed = self.plan.seed.wrapping_mul(0x2545_F491_4F6C_DD1D).wrapping_add(boot);
        let step = self.step(0);
        let start = Start {
            binary: &worker.binary,
            shim: Path::new("./shim.so"),
            folder: self.folder.path(),
            listener: self.folder.lockstep(),
            seed,
            step,
        };
        let (process, stand) = Process::start(&start)?;
        let services = Services::new(self.folder.services().try_clone()?);
        let (clients, answers, runs) = Default::default();
        let (is_listening, idle_at, pauses) = Default::default();
        self.up =
            Some(Up { process, stand, is_listening, idle_at, pauses, runs, clients, services, answers });
        Ok(())
    }

    /// Sends the next request of the plan.
    fn ask(&mut self) -> Result<(), Fault> {
        let ask = &self.plan.requests[self.state.asked];
        self.state.asked += 1;
        let request = self.state.asked as u64;
        let client = Client::ask(&self.folder.clients(), request, ask)?;
        self.tell(What::Asked { request });
        self.up.as_mut().expect("requests are sent to a process").clients.push(client);
        Ok(())
    }

    fn answer(&mut self, due: &Due) {
        let Some(up) = &mut self.up else { return };
        let is_there = match due.says {
            Says::Status(status) => up.services.answer(due.connection, status),
            Says::Broken => up.services.close(due.connection),
            Says::Never => false,
        };
        if !is_there {
            return;
        }
        let status = match due.says {
            Says::Status(status) => Some(status),
            _ => None,
        };
        self.tell(What::Returned { call: due.call, status });
    }

    /// Ends the process as a crash does.
    fn kill(&mut self, point: Option<u64>) {
        let Some(up) = self.up.take() else { return };
        up.process.kill();
        self.fell(point);
    }

    /// The process is gone: nobody who waits for it has an answer, and the next one is started in time.
    fn fell(&mut self, point: Option<u64>) {
        let open = open_requests(&self.state.told);
        self.tell(What::Down { point });
        for request in open {
            self.tell(What::Unanswered { request });
        }
        let down_ms = self.plan.deaths[self.state.boots - 1].down_ms;
        self.state.start_at_ns = Some(self.state.now_ns + down_ms * NS_PER_MS);
    }

    /// Everything that the process has done since the last look: what its wrapper told, answers, calls.
    fn see(&mut self) -> Result<(), Fault> {
        if self.up.is_none() {
            return Ok(());
        }
        for line in self.folder.lines()? {
            if let Some(line) = line.strip_prefix("@@") {
                self.count_run(line);
                self.tell(What::Account { line: line.to_owned() });
            } else if line.starts_with(r#"{"event":"listen""#) {
                self.up.iter_mut().for_each(|up| up.is_listening = true);
                self.tell(What::Up);
            } else {
                self.tell(What::Said { line });
            }
        }
        let up = self.up.as_mut().expect("a process is up");
        let mut seen = Vec::new();
        up.clients.retain_mut(|client| {
            let answer = client.answer();
            let is_open = answer.is_none();
            seen.extend(answer);
            is_open
        });
        let calls = up.services.calls();
        seen.into_iter().for_each(|what| self.tell(what));
        calls.into_iter().for_each(|call| self.called(call));
        Ok(())
    }

    /// Counts a run of `alarm()`, if the line tells of its start.
    fn count_run(&mut self, line: &str) {
        #[derive(serde::Deserialize)]
        struct Line {
            object: String,
        }
        let Some(up) = self.up.as_mut().filter(|_| line.contains("\"event\":\"run_start\"")) else { return };
        let Ok(Line { object }) = serde_json::from_str(line) else { return };
        let runs = up.runs.entry(object).or_default();
        runs.push_back(self.state.now_ns);
        if runs.len() > STORM_RUNS {
            runs.pop_front();
        }
    }

    /// A call has arrived: its answer is decided.
    fn called(&mut self, service: Service) {
        self.state.calls += 1;
        let call = self.state.calls;
        let Service { connection, known_as, service, method, path, body } = service;
        self.tell(What::Called { call, known_as, service, method, path, body });
        let now_ns = self.state.now_ns;
        let answer = self.plan.answer(now_ns);
        if answer.says == Says::Never {
            return;
        }
        let due = Due { connection, call, says: answer.says.clone() };
        let up = self.up.as_mut().expect("a process has called");
        up.answers.insert((now_ns + answer.after_ms * NS_PER_MS, call), due);
    }
}
