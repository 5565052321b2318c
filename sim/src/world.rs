//! The world: one loop over one heap of events. It gives machines their inputs, does what they ask for, and moves
//! virtual time; object code that asks the operating system for the time gets that time as well.

mod disks;
mod edge;
mod messages;
mod process;
mod rebuild;

use std::sync::Arc;

use bytes::Bytes;
use rand::RngExt;
use reveille_model::history::{Outcome, Phase, What};
use reveille_system::config::Config;
use reveille_system::ids::{MachineId, ObjectName, RequestId};
use reveille_system::io::{ClientAnswer, Effects, Input, Refusal};
use reveille_system::object::class::Classes;
use reveille_system::observe::Observation;
use reveille_system::words::http::Response;
use reveille_system::words::outside::OutsideAnswer;

use crate::between::Between;
use crate::clients::Clients;
use crate::connections::Connections;
use crate::disk::Sync;
use crate::fault::{Faults, Roles};
use crate::guard::Clock;
use crate::host::{Due, Host};
use crate::majority::Watch;
use crate::net::Net;
use crate::outside::{Exchange, Outside, Sent};
use crate::plan::{self, Plan, WARM_UP_MIN_MS};
use crate::progress::{Bounds, Nowhere, Progress};
use crate::queue::Queue;
use crate::record::{Record, blob, headers};
use crate::run::MachinePanic;
use crate::streams::{Concern, Streams};
use crate::trace::Kind;

const NS_PER_MS: u64 = 1_000_000;

pub(crate) struct World<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) config: Arc<Config>,
    clock: Clock,
    pub(crate) now_ns: u64,
    pub(crate) queue: Queue<Event>,
    pub(crate) hosts: Vec<Host>,
    pub(crate) net: Net,
    pub(crate) outside: Outside,
    clients: Clients,
    pub(crate) connections: Connections,
    pub(crate) faults: Faults,
    pub(crate) roles: Roles,
    /// L2: when machines and links were well.
    pub(crate) watch: Watch,
    /// D8: when the world looks next whether replicas were built anew; none while no disk is harmed.
    rebuild_look_ns: Option<u64>,
    classes: Option<Classes>,
    /// One for all machines: its memory is used again.
    pub(crate) effects: Effects,
    /// What a test has put between the machines and the world.
    pub(crate) between: Option<Box<dyn Between>>,
    /// The machines that panicked.
    pub(crate) panics: Vec<MachinePanic>,
    progress: Progress,
    pub(crate) record: Record,
}

/// What can happen next.
#[derive(Debug)]
pub(crate) enum Event {
    Boot {
        machine: MachineId,
    },
    Wake {
        machine: MachineId,
        life: u32,
    },
    Deliver {
        from: MachineId,
        to: MachineId,
        bytes: Bytes,
    },
    Synced {
        machine: MachineId,
        life: u32,
        sync: Sync,
    },
    /// A client sends its request.
    Ask {
        request: RequestId,
    },
    /// The request reaches the machine.
    Arrive {
        request: RequestId,
    },
    /// The answer reaches the client.
    Answered {
        request: RequestId,
        outcome: Outcome,
    },
    /// The client waits no longer: it has waited long enough, or its connection is broken.
    GiveUp {
        request: RequestId,
    },
    OutsideArrive {
        exchange: Exchange,
        sent: Box<Sent>,
    },
    OutsideDecide {
        exchange: Exchange,
        /// None if the connection breaks instead.
        answer: Option<Box<OutsideAnswer>>,
    },
    OutsideAnswer {
        exchange: Exchange,
        answer: Option<Box<OutsideAnswer>>,
    },
    /// Position in the plan.
    Fault {
        position: usize,
    },
    /// Position in the plan.
    Outage {
        position: usize,
    },
    FaultEnd {
        fault: u32,
    },
    /// The moment has come for which the fault at this position in the plan waited.
    Moment {
        position: usize,
    },
    Phase(Phase),
    /// L4: a second and two round trips are left.
    NearEnd,
}

/// Why the loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Completed,
    Stopped,
    Nowhere { at_ns: u64, nowhere: Nowhere },
}

impl<'a> World<'a> {
    pub(crate) fn new(plan: &'a Plan, bounds: Bounds, keep_trace: bool, clock: Clock) -> Self {
        let config = Arc::new(plan.config());
        let streams = Streams::new(plan.seed);
        let hosts = (0..).zip(&plan.clocks);
        let mut world = Self {
            plan,
            clock,
            now_ns: 0,
            queue: Queue::new(),
            hosts: hosts.map(|(id, clock)| Host::new(MachineId(id), plan.disk, *clock, streams)).collect(),
            net: Net::new(&config, &plan.network, streams),
            outside: Outside::new(&plan.upstream, config.machines(), streams),
            clients: Clients::new(&plan.workload, plan.request_timeout_ms),
            connections: Connections::new(&config, &plan.network, streams),
            faults: Faults::default(),
            roles: Roles::default(),
            watch: Watch::new(config.machines()),
            rebuild_look_ns: None,
            classes: None,
            effects: Effects::default(),
            between: None,
            panics: Vec::new(),
            progress: Progress::new(bounds),
            record: Record::new(plan, keep_trace),
            config,
        };
        world.schedule(streams);
        world.review_majorities();
        world
    }

    /// Puts in what is known before the run begins. Phases first: at the same moment nothing comes before them.
    fn schedule(&mut self, streams: Streams) {
        let plan::Phases { warm_up_ms, faults_ms, quiet_ms } = self.plan.phases;
        let begins = [
            (Phase::WarmUp, 0),
            (Phase::Faults, warm_up_ms),
            (Phase::Quiet, warm_up_ms + faults_ms),
            (Phase::End, warm_up_ms + faults_ms + quiet_ms),
        ];
        for (phase, at_ms) in begins {
            self.queue.push(at_ms * NS_PER_MS, Event::Phase(phase));
        }
        let round_trips_ms = 2 * self.plan.network.round_trip_max_ms();
        let near_end_ms = self.plan.phases.run_ms().saturating_sub(1_000 + round_trips_ms);
        self.queue.push(near_end_ms * NS_PER_MS, Event::NearEnd);
        for host in &self.hosts {
            // Machines never boot all at once; everything is up well before the warm-up can end.
            let mut rng = streams.stream(Concern::Boot, u64::from(host.id.0));
            let at_ns = rng.random_range(0..WARM_UP_MIN_MS * NS_PER_MS / 2);
            self.queue.push(at_ns, Event::Boot { machine: host.id });
        }
        for (position, fault) in self.plan.faults.iter().enumerate() {
            self.queue.push(self.in_fault_phase_ns(fault.at_ms), Event::Fault { position });
        }
        for (position, outage) in self.plan.upstream.outages.iter().enumerate() {
            self.queue.push(self.in_fault_phase_ns(outage.at_ms), Event::Outage { position });
        }
        self.schedule_next_request();
    }

    fn in_fault_phase_ns(&self, at_ms: u64) -> u64 {
        (self.plan.phases.warm_up_ms + at_ms) * NS_PER_MS
    }

    /// Runs to the end, or to the first event after `until_ns`.
    pub(crate) fn run(&mut self, classes: Classes, until_ns: u64) -> Ended {
        self.classes = Some(classes);
        while let Some((at_ns, event)) = self.queue.pop() {
            if at_ns > until_ns {
                self.now_ns = until_ns;
                return Ended::Stopped;
            }
            assert!(at_ns >= self.now_ns, "time never runs backwards");
            if at_ns > self.now_ns {
                self.clock.advance(std::time::Duration::from_nanos(at_ns - self.now_ns));
                self.now_ns = at_ns;
                self.progress.time_moves();
            }
            self.record.counts.events += 1;
            if let Err(nowhere) = self.progress.event() {
                return Ended::Nowhere { at_ns, nowhere };
            }
            if matches!(event, Event::Phase(Phase::End)) {
                self.end();
                return Ended::Completed;
            }
            self.happen(event);
        }
        unreachable!("the end of the run stands in the queue from the begin");
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Wake { machine, life } => self.wake(machine, life),
            Event::Deliver { from, to, bytes } => self.deliver(from, to, bytes),
            Event::Synced { machine, life, sync } => self.synced(machine, life, sync),
            Event::Ask { request } => self.ask(request),
            Event::Arrive { request } => self.arrive(request),
            Event::Answered { request, outcome } => self.request_over(request, outcome),
            Event::GiveUp { request } => self.request_over(request, Outcome::Unknown),
            Event::OutsideArrive { exchange, sent } => self.outside_arrive(exchange, *sent),
            Event::OutsideDecide { exchange, answer } => self.outside_decide(exchange, answer),
            Event::OutsideAnswer { exchange, answer } => self.outside_answer(exchange, answer),
            Event::Boot { machine } => self.boot(machine),
            Event::Fault { position } => self.begin_fault(position),
            Event::Outage { position } => self.begin_outage(position),
            Event::FaultEnd { fault } => self.end_fault(fault),
            Event::Moment { position } => self.strike_at_moment(position),
            Event::Phase(phase) => self.begin_phase(phase),
            Event::NearEnd => self.tell_committed(),
        }
    }

    fn begin_phase(&mut self, phase: Phase) {
        self.note(None, Kind::Phase, phase as u64, 0);
        // What is healed is healed before the quiet phase; what breaks breaks in the fault phase.
        if phase == Phase::Quiet {
            self.heal();
        }
        self.record.outside(self.now_ns, What::Phase { phase });
        if phase == Phase::Faults {
            self.begin_background_loss();
        }
    }

    /// Does what a machine asked for. What it said about itself comes first: an effect is recorded as it leaves.
    fn settle(&mut self, id: MachineId) {
        let mut effects = std::mem::take(&mut self.effects);
        if let Some(between) = &mut self.between {
            between.wants(id, &mut effects);
        }
        self.see_moments(id, &effects);
        let spot = self.hosts[usize::from(id.0)].spot(self.now_ns);
        for observation in effects.observed.drain(..) {
            self.roles.see(id, &observation);
            if matches!(observation, Observation::DiskDamaged { .. }) {
                self.harm_is_found(id);
            }
            if let Some(group) = self.record.observe(spot, observation) {
                self.look_at_disks(group);
            }
        }
        for (to, bytes) in effects.sends.drain(..) {
            self.send(id, to, bytes);
        }
        let host = &mut self.hosts[usize::from(id.0)];
        for op in effects.disk.drain(..) {
            if let Some(sync) = host.disk.submit(op) {
                let (after_ns, slowed_by) = host.draw_sync();
                if let Some(fault) = slowed_by {
                    self.faults.took_effect(fault, &mut self.record.counts);
                }
                self.record.trace.note(self.now_ns, Some(id), Kind::SyncAsked, sync.ticket, after_ns);
                self.queue.push(self.now_ns + after_ns, Event::Synced { machine: id, life: host.life, sync });
            }
        }
        if let Some(mono_ns) = effects.wake_at_ns.take()
            && let Some(at_ns) = host.want_wake(self.now_ns, mono_ns)
        {
            self.queue.push(at_ns, Event::Wake { machine: id, life: host.life });
        }
        for call in effects.outside.drain(..) {
            self.call_out(spot, call);
        }
        for ClientAnswer { request, response: Response { status, headers: told, body } } in
            effects.answers.drain(..)
        {
            let outcome = Outcome::Answered { status, headers: headers(&told), body: blob(body) };
            self.answer(spot, request, outcome);
        }
        for Refusal { request, why } in effects.refusals.drain(..) {
            self.answer(spot, request, Outcome::Refused { reason: why });
        }
        self.effects = effects;
    }

    fn wake(&mut self, id: MachineId, life: u32) {
        let host = &mut self.hosts[usize::from(id.0)];
        if !host.runs(life) {
            return;
        }
        match host.wake_due(self.now_ns) {
            Due::Now => self.reach(id, Kind::Wake, 0, 0, Input::Wake),
            Due::Later(at_ns) => self.queue.push(at_ns, Event::Wake { machine: id, life }),
            Due::Never => {}
        }
    }

    pub(crate) fn synced(&mut self, id: MachineId, life: u32, sync: Sync) {
        let host = &mut self.hosts[usize::from(id.0)];
        // The process that asked for it is gone: what it would have covered stays unsynced.
        if !host.runs(life) {
            return;
        }
        if let Some(stall) = host.stalls(life, sync) {
            self.took_effect(stall);
            return;
        }
        let bytes = host.disk.synced(sync);
        self.record.counts.syncs += 1;
        self.record.counts.bytes_synced += bytes;
        self.reach(id, Kind::Synced, sync.ticket, bytes, Input::Synced { ticket: sync.ticket });
        self.see_rebuilt();
    }

    /// The machine that serves an object: who said so last, or whom the configuration names as long as nobody has.
    pub(crate) fn holder_of(&self, object: &str) -> MachineId {
        let object = ObjectName::parse(object).expect("a valid plan names objects Class/name");
        let slice = object.slice(self.config.slices);
        self.roles.holder_of(slice).unwrap_or_else(|| self.config.home_of(slice))
    }

    /// The run is over: whoever waits gets no answer, and what the datastore holds is written down.
    fn end(&mut self) {
        for request in self.clients.waiting() {
            self.request_over(request, Outcome::Unknown);
        }
        self.read_disks();
        for group in self.config.all_groups() {
            self.look_at_disks(group);
            self.tell_group(group);
        }
        self.note(None, Kind::Phase, Phase::End as u64, 0);
        self.record.outside(self.now_ns, What::Phase { phase: Phase::End });
    }

    pub(crate) fn note(&mut self, machine: Option<MachineId>, kind: Kind, a: u64, b: u64) {
        self.record.trace.note(self.now_ns, machine, kind, a, b);
    }
}
