//! Whole machines in a small world of their own: a network that loses, doubles, delays and reorders, also what was for a former
//! life of a machine, links that are cut, and machines that crash. Object code keeps nothing to itself: what a request makes it
//! do is seen from outside.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use reveille_system::config::Config;
use reveille_system::ids::{MachineId, ObjectName, RequestId};
use reveille_system::io::{ClientRequest, DiskOp, Effects, Input};
use reveille_system::machine::{Machine, Setup};
use reveille_system::object::api::{Ctx, DurableObject, Request, Response, RustClass, Thrown};
use reveille_system::object::class::Classes;
use reveille_system::observe::{Observation, Seen};
use reveille_system::words::time::Now;

use crate::disk::Disk;

const NS_PER_MS: u64 = 1_000_000;
/// By then all machines serve.
pub(crate) const SERVING_MS: u64 = 10_000;
/// One way over a link on which nothing is wrong, at most.
const LATENCY_MS: u64 = 30;

/// What the network does to each message, each with a probability of its own.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Trouble {
    pub(crate) loss: f64,
    pub(crate) doubled: f64,
    pub(crate) late: f64,
    /// What is late is so by up to this.
    pub(crate) late_ms_max: u64,
}

/// The world.
pub(crate) struct World {
    config: Arc<Config>,
    random: ChaCha8Rng,
    now_ms: u64,
    agenda: BTreeMap<(u64, u64), Event>,
    events: u64,
    machines: Vec<Host>,
    pub(crate) trouble: Trouble,
    /// Links, in one direction each.
    cut: BTreeSet<(MachineId, MachineId)>,
    /// How long each sync takes, in milliseconds.
    pub(crate) sync_ms: u64,
    requests: u64,
    /// How often object code was given each request.
    pub(crate) given: BTreeMap<RequestId, u32>,
    /// When each request was answered, and with which status.
    pub(crate) answers: BTreeMap<RequestId, (u64, u16)>,
    /// The requests that were refused.
    pub(crate) refused: BTreeSet<RequestId>,
    /// All bytes written to disks.
    pub(crate) bytes_written: u64,
    pub(crate) bytes_sent: u64,
}

enum Event {
    Arrives { from: MachineId, to: MachineId, bytes: Bytes },
    Synced { machine: MachineId, life: u64 },
    Wakes { machine: MachineId, life: u64, at_ns: u64 },
    Boots { machine: MachineId },
    Asks { machine: MachineId, request: ClientRequest },
}

struct Host {
    disk: Disk,
    /// None while it is down.
    machine: Option<Machine>,
    life: u64,
    booted_ms: u64,
}

/// A request whose body is `large` writes 128 values of 20,000 bytes in one turn, any other one value that is its body.
struct Keeping {
    ctx: Ctx,
}

impl DurableObject for Keeping {
    const CLASS: &'static str = "Keeping";
    const DECLARES_ALARM: bool = false;

    fn new(ctx: Ctx) -> Rc<Self> {
        Rc::new(Self { ctx })
    }

    async fn fetch(self: Rc<Self>, request: Request) -> Result<Response, Thrown> {
        if request.text() == "large" {
            for key in 0..128 {
                drop(self.ctx.storage().put(key.to_string(), "x".repeat(20_000)));
            }
        } else {
            self.ctx.storage().put("key", request.text()).await?;
        }
        Ok(Response::ok("done"))
    }
}

impl World {
    /// Machines that boot at once, and have come to serve.
    pub(crate) fn new(seed: u64, config: Config) -> Self {
        let machines = usize::from(config.machines());
        let mut world = Self {
            random: ChaCha8Rng::seed_from_u64(seed),
            now_ms: 0,
            agenda: BTreeMap::new(),
            events: 0,
            machines: std::iter::repeat_with(|| Host {
                disk: Disk::formatted(),
                machine: None,
                life: 0,
                booted_ms: 0,
            })
            .take(machines)
            .collect(),
            trouble: Trouble::default(),
            cut: BTreeSet::new(),
            sync_ms: 3,
            requests: 0,
            given: BTreeMap::new(),
            answers: BTreeMap::new(),
            refused: BTreeSet::new(),
            bytes_written: 0,
            bytes_sent: 0,
            config: Arc::new(config),
        };
        for machine in world.all() {
            world.boots(machine);
        }
        world.run_for(SERVING_MS);
        world
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = MachineId> + use<> {
        (0..self.config.machines()).map(MachineId)
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.now_ms
    }

    pub(crate) fn run_for(&mut self, ms: u64) {
        let end = self.now_ms + ms;
        while let Some(entry) = self.agenda.first_entry().filter(|entry| entry.key().0 <= end) {
            self.now_ms = entry.key().0;
            let event = entry.remove();
            self.happens(event);
        }
        self.now_ms = end;
    }

    /// A client of `machine` asks an object, after this time.
    pub(crate) fn ask(
        &mut self,
        in_ms: u64,
        machine: MachineId,
        object: u8,
        body: &'static str,
    ) -> RequestId {
        self.ask_for(60_000, in_ms, machine, object, body)
    }

    /// The same by a client that waits for so long.
    pub(crate) fn ask_for(
        &mut self,
        limit_ms: u64,
        in_ms: u64,
        machine: MachineId,
        object: u8,
        body: &'static str,
    ) -> RequestId {
        self.requests += 1;
        let request = RequestId(self.requests);
        let object = ObjectName::new("Keeping", &object.to_string());
        let asked = ClientRequest { request, object, asks: Request::post(body), limit_ms };
        self.plan(in_ms, Event::Asks { machine, request: asked });
        request
    }

    /// The process of a machine dies, if it is up, and starts again after this time.
    pub(crate) fn crash(&mut self, machine: MachineId, for_ms: u64) {
        let host = &mut self.machines[usize::from(machine.0)];
        if host.machine.take().is_some() {
            host.disk.crash();
            host.life += 1;
            self.plan(for_ms, Event::Boots { machine });
        }
    }

    pub(crate) fn cut(&mut self, from: MachineId, to: MachineId) {
        self.cut.insert((from, to));
    }

    /// Nothing troubles the network any more.
    pub(crate) fn heal(&mut self) {
        self.trouble = Trouble::default();
        self.cut.clear();
    }

    fn plan(&mut self, in_ms: u64, event: Event) {
        self.events += 1;
        self.agenda.insert((self.now_ms + in_ms, self.events), event);
    }

    fn happens(&mut self, event: Event) {
        match event {
            // Whoever it was sent to: a later life of the machine gets it too.
            Event::Arrives { from, to, bytes } if !self.cut.contains(&(from, to)) => {
                self.handle(to, Input::Message { from, bytes });
            }
            Event::Arrives { .. } => {}
            Event::Synced { machine, life } if self.host(machine).life == life => {
                let ticket = self.host(machine).disk.sync().expect("each sync is planned once");
                self.handle(machine, Input::Synced { ticket });
            }
            Event::Wakes { machine, life, at_ns }
                if self.host(machine).life == life && self.now(machine).mono_ns >= at_ns =>
            {
                self.handle(machine, Input::Wake);
            }
            Event::Synced { .. } | Event::Wakes { .. } => {}
            Event::Boots { machine } => self.boots(machine),
            Event::Asks { machine, request } => self.handle(machine, Input::Request(Box::new(request))),
        }
    }

    fn host(&mut self, machine: MachineId) -> &mut Host {
        &mut self.machines[usize::from(machine.0)]
    }

    fn now(&self, machine: MachineId) -> Now {
        let booted_ms = self.machines[usize::from(machine.0)].booted_ms;
        let wall_ns = i64::try_from((1_700_000_000_000 + self.now_ms) * NS_PER_MS).expect("before 2262");
        Now { mono_ns: (self.now_ms - booted_ms) * NS_PER_MS, wall_ns }
    }

    fn boots(&mut self, machine: MachineId) {
        let (seed, now_ms) = (self.random.random(), self.now_ms);
        let classes = Classes::default().with(RustClass::<Keeping>::default());
        let setup = Setup { config: self.config.clone(), me: machine, seed, classes };
        self.host(machine).booted_ms = now_ms;
        let now = self.now(machine);
        let mut out = Effects::default();
        let host = self.host(machine);
        host.machine = Some(Machine::boot(setup, now, &host.disk, &mut out));
        self.take(machine, out);
    }

    fn handle(&mut self, machine: MachineId, input: Input) {
        let now = self.now(machine);
        let mut out = Effects::default();
        let Some(it) = self.host(machine).machine.as_mut() else { return };
        it.handle(now, input, &mut out);
        self.take(machine, out);
    }

    fn take(&mut self, machine: MachineId, out: Effects) {
        let Effects { sends, disk, wake_at_ns, outside, answers, refusals, observed } = out;
        self.refused.extend(refusals.into_iter().map(|refusal| refusal.request));
        assert!(outside.is_empty(), "objects here call nobody");
        let life = self.host(machine).life;
        for op in &disk {
            match op {
                DiskOp::Write { bytes, .. } => self.bytes_written += bytes.len() as u64,
                DiskOp::Sync { .. } => self.plan(self.sync_ms, Event::Synced { machine, life }),
                DiskOp::Truncate { .. } => {}
            }
        }
        self.host(machine).disk.submit(disk);
        if let Some(at_ns) = wake_at_ns {
            let in_ns = at_ns.saturating_sub(self.now(machine).mono_ns);
            self.plan(in_ns.div_ceil(NS_PER_MS), Event::Wakes { machine, life, at_ns });
        }
        for answer in answers {
            let former = self.answers.insert(answer.request, (self.now_ms, answer.response.status));
            assert_eq!(former, None, "{:?} is answered once", answer.request);
        }
        for seen in observed {
            if let Observation::Instance { seen: Seen::DeliveredRequest(request), .. } = seen {
                *self.given.entry(request).or_default() += 1;
            }
        }
        for (to, bytes) in sends {
            self.send(machine, to, bytes);
        }
    }

    fn send(&mut self, from: MachineId, to: MachineId, bytes: Bytes) {
        self.bytes_sent += bytes.len() as u64;
        let Trouble { loss, doubled, late, late_ms_max } =
            if from == to { Trouble::default() } else { self.trouble };
        if self.random.random_bool(loss) {
            return;
        }
        loop {
            let mut in_ms = self.random.random_range(1..=LATENCY_MS);
            if self.random.random_bool(late) {
                in_ms += self.random.random_range(0..=late_ms_max);
            }
            self.plan(in_ms, Event::Arrives { from, to, bytes: bytes.clone() });
            if !self.random.random_bool(doubled) {
                return;
            }
        }
    }
}
