//! Ways between two machines. A link may be cut while both of its ends reach a third machine, so a message can travel through
//! one other machine, and an answer goes back the way the question came.
//!
//! A machine remembers to whom the direct link has left a question without an answer, and asks those through other machines in
//! turn, and directly beside that until one of them has brought an answer: one lost message proves no cut. Who answers directly is
//! asked directly; so nothing is sent or kept beyond the question itself while all is well.

use std::collections::BTreeMap;

use crate::config::{Config, NS_PER_MS};
use crate::ids::MachineId;

/// While a machine is asked through another one, the direct link is tried beside it so often.
const PROBE_MS: u64 = 5_000;

/// How a message came from a machine, or goes to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The machine at the other end.
    pub machine: MachineId,
    /// The machine in between, if there is one.
    pub via: Option<MachineId>,
}

impl Route {
    /// Over the link between the two.
    pub fn direct(machine: MachineId) -> Self {
        Self { machine, via: None }
    }

    /// Through one other machine.
    pub fn through(machine: MachineId, via: MachineId) -> Self {
        Self { machine, via: Some(via) }
    }
}

/// What one machine knows of its ways to the others.
#[derive(Debug)]
pub(crate) struct Ways {
    me: MachineId,
    /// The machines that the direct link is not trusted to reach. All others are asked directly.
    doubted: BTreeMap<MachineId, Doubt>,
}

#[derive(Clone, Copy, Debug)]
struct Doubt {
    /// Position of the machine in between, in the order of [`relays`].
    relay: usize,
    /// Whether the last question through it was answered: until then the direct link may be as good.
    is_proven: bool,
    /// When the direct link is tried again, on the monotonic clock.
    probe_ns: u64,
}

impl Ways {
    pub(crate) fn new(me: MachineId) -> Self {
        Self { me, doubted: BTreeMap::new() }
    }

    /// How to ask a machine now: the way that is expected to bring an answer, and the direct link beside it, each time while
    /// no other way is known to bring one, and then now and then, to find out whether it is well again.
    pub(crate) fn to(&mut self, to: MachineId, config: &Config, now_ns: u64) -> (Route, Option<Route>) {
        let via = self.via(to, config);
        let probes = self.doubted.get_mut(&to).is_some_and(|doubt| {
            let is_time = !doubt.is_proven || now_ns >= doubt.probe_ns;
            if is_time {
                doubt.probe_ns = now_ns + PROBE_MS * NS_PER_MS;
            }
            is_time
        });
        (Route { machine: to, via }, probes.then_some(Route::direct(to)))
    }

    /// A question has its answer, and it came this way.
    pub(crate) fn answered(&mut self, route: Route, config: &Config) {
        let Some(doubt) = self.doubted.get_mut(&route.machine) else { return };
        match route.via {
            None => _ = self.doubted.remove(&route.machine),
            Some(via) => {
                let position = relays(config, self.me, route.machine).position(|relay| relay == via);
                if let Some(position) = position {
                    (doubt.relay, doubt.is_proven) = (position, true);
                }
            }
        }
    }

    /// A question that went this way has no answer: the next one goes another way, unless that is so already. A way that
    /// has brought answers before gets one more chance.
    pub(crate) fn silent(&mut self, route: Route, config: &Config, now_ns: u64) {
        let Route { machine, via } = route;
        if machine == self.me || self.via(machine, config) != via {
            return;
        }
        let doubt = self.doubted.get(&machine);
        let next = doubt.map_or(0, |doubt| if doubt.is_proven { doubt.relay } else { doubt.relay + 1 });
        if next < relays(config, self.me, machine).count() {
            let probe_ns = now_ns + PROBE_MS * NS_PER_MS;
            self.doubted.insert(machine, Doubt { relay: next, is_proven: false, probe_ns });
        } else {
            // All have had their turn.
            self.doubted.remove(&machine);
        }
    }

    fn via(&self, to: MachineId, config: &Config) -> Option<MachineId> {
        let doubt = self.doubted.get(&to)?;
        relays(config, self.me, to).nth(doubt.relay)
    }
}

/// The machines that a message can travel through, in the order in which they are tried: one of each datacenter and then the
/// next of each, those first that stand neither here nor there, because what parts two datacenters parts all machines of both.
fn relays(config: &Config, me: MachineId, to: MachineId) -> impl Iterator<Item = MachineId> + use<> {
    let (here, there) = (config.datacenter_of(me).0, config.datacenter_of(to).0);
    let (datacenters, within) = (config.datacenters, config.machines_per_datacenter);
    let apart = (0..datacenters).filter(move |datacenter| *datacenter != here && *datacenter != there);
    let ends = [there, here].into_iter().take(if here == there { 1 } else { 2 });
    let order = apart.chain(ends);
    (0..within)
        .flat_map(move |round| {
            // Not all machines of a datacenter choose the same one.
            order.clone().map(move |datacenter| MachineId(datacenter * within + (me.0 + round) % within))
        })
        .filter(move |relay| *relay != me && *relay != to)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: MachineId = MachineId(0);
    const TO: MachineId = MachineId(4);

    fn config() -> Config {
        Config::new(3, 3, 1, 3)
    }

    #[test]
    fn l2_without_answers_every_way_has_its_turn_those_through_a_third_datacenter_first() {
        let (config, mut ways) = (config(), Ways::new(ME));
        let mut tried = Vec::new();
        for _ in 0..8 {
            let (route, beside) = ways.to(TO, &config, 0);
            let direct = route.via.map(|_| Route::direct(TO));
            assert_eq!((route.machine, beside), (TO, direct), "no way is known to be better");
            tried.push(route.via.map(|via| via.0));
            ways.silent(route, &config, 0);
            ways.silent(route, &config, 0);
        }
        assert_eq!(tried[..3], [None, Some(6), Some(3)]);
        assert_eq!(ways.to(TO, &config, 0).0, Route::direct(TO), "and then it begins again");
        tried.sort_unstable();
        tried.dedup();
        assert_eq!(tried.len(), 8, "{tried:?}");
    }

    #[test]
    fn the_way_that_brought_an_answer_stays_and_the_direct_link_is_tried_beside_it() {
        let (config, mut ways) = (config(), Ways::new(ME));
        ways.silent(Route::direct(TO), &config, 0);
        let around = Route::through(TO, MachineId(8));
        ways.answered(around, &config);
        assert_eq!(ways.to(TO, &config, 1), (around, None));
        let later_ns = PROBE_MS * NS_PER_MS;
        assert_eq!(ways.to(TO, &config, later_ns), (around, Some(Route::direct(TO))));
        assert_eq!(ways.to(TO, &config, later_ns + 1), (around, None));
        ways.answered(Route::direct(TO), &config);
        ways.answered(around, &config);
        assert_eq!(ways.to(TO, &config, later_ns + 2), (Route::direct(TO), None), "it is trusted again");
    }

    #[test]
    fn l2_a_way_that_has_brought_answers_is_given_up_at_the_second_silence() {
        let (config, mut ways) = (config(), Ways::new(ME));
        ways.silent(Route::direct(TO), &config, 0);
        let (around, _) = ways.to(TO, &config, 0);
        ways.answered(around, &config);
        ways.silent(around, &config, 0);
        assert_eq!(ways.to(TO, &config, 1), (around, Some(Route::direct(TO))), "one message may be lost");
        ways.silent(around, &config, 1);
        assert_ne!(ways.to(TO, &config, 2).0, around);
    }

    #[test]
    fn a_lone_machine_has_no_way_but_the_direct_one() {
        let (config, mut ways) = (Config::new(1, 1, 1, 1), Ways::new(ME));
        ways.silent(Route::direct(ME), &config, 0);
        assert_eq!(ways.to(ME, &config, 0).0, Route::direct(ME));
    }
}
