//! What is around the objects, as slices: phases, faults, quorums, processes, who leads and who holds what, requests of clients and calls
//! to services.

use std::collections::BTreeMap;

use reveille_model::history::{Event, History, Outcome, Process as State, What};

use super::Process;
use super::flows::{Flows, Followed};
use super::threads::{Slice, Thread};
use crate::story;

/// Something that is open: where its slice begins, and what it is called.
type Begun = (u64, String);

/// Reads the world of a history.
struct World<'a> {
    history: &'a History,
    slices: Vec<Slice>,
    phase: Option<Begun>,
    faults: BTreeMap<u32, Begun>,
    without_quorum: BTreeMap<u16, Begun>,
    /// By machine, while its process is down or stands still.
    processes: BTreeMap<u16, Begun>,
    /// By group, which machine leads it.
    groups: BTreeMap<u16, (u16, Begun)>,
    /// By datacenter, which machine leads it.
    leaders: BTreeMap<u16, (u16, Begun)>,
    /// By slice of the objects, which machine holds it.
    holders: BTreeMap<u16, (u16, Begun)>,
    requests: BTreeMap<u64, Begun>,
    /// By call: from when it is at its service, or on the way there.
    calls: BTreeMap<u64, Begun>,
}

fn of_world(name: &str, order: u8) -> Thread {
    Thread { process: Process::World, order, name: name.to_owned() }
}

fn of_machine(machine: u16, name: &str, order: u8) -> Thread {
    Thread { process: Process::Machine(machine), order, name: name.to_owned() }
}

/// The slices of the world; requests and calls are told to `flows` by their position.
pub(super) fn slices(history: &History, end_ns: u64, flows: &mut Flows) -> Vec<Slice> {
    let mut world = World {
        history,
        slices: Vec::new(),
        phase: None,
        faults: BTreeMap::new(),
        without_quorum: BTreeMap::new(),
        processes: BTreeMap::new(),
        groups: BTreeMap::new(),
        leaders: BTreeMap::new(),
        holders: BTreeMap::new(),
        requests: BTreeMap::new(),
        calls: BTreeMap::new(),
    };
    for event in &history.events {
        world.observe(event);
        world.observe_cluster(event);
        world.observe_messages(event, flows);
    }
    world.finish(end_ns, flows);
    world.slices
}

impl World<'_> {
    fn add(&mut self, thread: Thread, kind: &'static str, (from_ns, name): Begun, to_ns: u64) {
        self.slices.push(Slice::new(thread, kind, name, from_ns, to_ns));
    }

    fn observe(&mut self, event: &Event) {
        let at_ns = event.at_ns;
        let told = || (at_ns, story::sentence(self.history, event));
        match &event.what {
            What::Phase { .. } => {
                let begun = told();
                if let Some(before) = self.phase.replace(begun) {
                    self.add(of_world("phases", 0), "phase", before, at_ns);
                }
            }
            What::FaultBegin { fault, .. } => _ = self.faults.insert(*fault, told()),
            What::FaultEnd { fault } => {
                if let Some(begun) = self.faults.remove(fault) {
                    self.add(of_world("faults", 1), "fault", begun, at_ns);
                }
            }
            What::Majority { group, connected: false } => {
                self.without_quorum
                    .entry(*group)
                    .or_insert_with(|| (at_ns, format!("group {group} has no quorum")));
            }
            What::Majority { group, connected: true } => {
                if let Some(begun) = self.without_quorum.remove(group) {
                    self.add(of_world("no quorum", 2), "quorum", begun, at_ns);
                }
            }
            _ => {}
        }
    }

    fn observe_cluster(&mut self, event: &Event) {
        let Some(machine) = event.place.map(|place| place.machine) else { return };
        let at_ns = event.at_ns;
        match &event.what {
            What::Process { state } => {
                if let Some(begun) = self.processes.remove(&machine) {
                    self.add(of_machine(machine, "process", 0), "process", begun, at_ns);
                }
                let name = match state {
                    State::Up => return,
                    State::Down => "down",
                    State::Paused => "stands still",
                };
                self.processes.insert(machine, (at_ns, name.to_owned()));
            }
            What::GroupLeader { group, term } => {
                let begun = (at_ns, format!("leads group {group}, term {term}"));
                if let Some((before, begun)) = self.groups.insert(*group, (machine, begun)) {
                    self.add(of_machine(before, "consensus", 2), "leader", begun, at_ns);
                }
            }
            What::Leader { datacenter, term } => {
                let begun = (at_ns, format!("leads datacenter {datacenter}, term {term}"));
                if let Some((before, begun)) = self.leaders.insert(*datacenter, (machine, begun)) {
                    self.add(of_machine(before, "leader of the datacenter", 1), "leader", begun, at_ns);
                }
            }
            What::Holder { slice, epoch, .. } => {
                let begun = (at_ns, format!("holds slice {slice}, epoch {epoch}"));
                if let Some((before, begun)) = self.holders.insert(*slice, (machine, begun)) {
                    self.add(of_machine(before, "holder", 3), "holder", begun, at_ns);
                }
            }
            _ => {}
        }
    }

    fn observe_messages(&mut self, event: &Event, flows: &mut Flows) {
        let at_ns = event.at_ns;
        match &event.what {
            What::Call { request, to, .. } => {
                self.requests.insert(*request, (at_ns, format!("request {request} to {to}")));
            }
            What::Return { request, outcome } => {
                let Some(begun) = self.requests.remove(request) else { return };
                let told = match outcome {
                    Outcome::Answered { status, .. } => format!("answered {status}"),
                    Outcome::Refused { reason } => format!("refused: {reason}"),
                    Outcome::Unknown => "no answer".to_owned(),
                };
                self.request(*request, begun, at_ns, flows);
                // A moment of its own, at the end: the flow of a request ends there.
                flows.passes(Followed::Request(*request), self.slices.len());
                self.add(of_clients(), "answer", (at_ns, format!("request {request}: {told}")), at_ns);
            }
            What::Outbound { call, service, .. } => {
                self.calls.insert(*call, (at_ns, format!("call {call} to {service}")));
            }
            What::OutboundArrive { call, .. } => {
                if let Some((from_ns, _)) = self.calls.get_mut(call) {
                    *from_ns = at_ns;
                }
            }
            What::OutboundAnswer { call, .. } => {
                if let Some(begun) = self.calls.remove(call) {
                    flows.passes(Followed::Call(*call), self.slices.len());
                    self.add(of_services(), "call", begun, at_ns);
                }
            }
            _ => {}
        }
    }

    fn request(&mut self, request: u64, begun: Begun, to_ns: u64, flows: &mut Flows) {
        flows.passes(Followed::Request(request), self.slices.len());
        self.add(of_clients(), "request", begun, to_ns);
    }

    /// What goes on at the end lasts until then.
    fn finish(&mut self, end_ns: u64, flows: &mut Flows) {
        if let Some(begun) = self.phase.take() {
            self.add(of_world("phases", 0), "phase", begun, end_ns);
        }
        for begun in std::mem::take(&mut self.faults).into_values() {
            self.add(of_world("faults", 1), "fault", begun, end_ns);
        }
        for begun in std::mem::take(&mut self.without_quorum).into_values() {
            self.add(of_world("no quorum", 2), "quorum", begun, end_ns);
        }
        for (machine, begun) in std::mem::take(&mut self.processes) {
            self.add(of_machine(machine, "process", 0), "process", begun, end_ns);
        }
        let cluster = [
            (std::mem::take(&mut self.groups), "consensus", 2, "leader"),
            (std::mem::take(&mut self.leaders), "leader of the datacenter", 1, "leader"),
            (std::mem::take(&mut self.holders), "holder", 3, "holder"),
        ];
        for (all, name, order, kind) in cluster {
            for (machine, begun) in all.into_values() {
                self.add(of_machine(machine, name, order), kind, begun, end_ns);
            }
        }
        for (request, begun) in std::mem::take(&mut self.requests) {
            self.request(request, begun, end_ns, flows);
        }
        for (call, begun) in std::mem::take(&mut self.calls) {
            flows.passes(Followed::Call(call), self.slices.len());
            self.add(of_services(), "call", begun, end_ns);
        }
    }
}

fn of_clients() -> Thread {
    Thread { process: Process::Clients, order: 0, name: "requests".to_owned() }
}

fn of_services() -> Thread {
    Thread { process: Process::Services, order: 0, name: "calls".to_owned() }
}
