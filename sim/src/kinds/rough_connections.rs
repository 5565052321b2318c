//! Connections of clients and services are slow, or break.

use proptest::prelude::*;
use reveille_model::history::{Scope, Takes};
use serde::{Deserialize, Serialize};

use super::draw::{Draw, Stage, Turn, now_and_then};
use super::shrink::less;
use super::words::{Length, percent};
use super::{FaultKind, Kind, Row, Strikes};
use crate::connections::{Trouble, Way};
use crate::plan::{Check, ConnectionsOf, Fault, PlanError, Target};
use crate::world::World;

/// The connections of a machine with its clients, with the outside services, or with both, are slow: what passes arrives
/// later, and in order. Or they break: a client gets no answer, and a call to a service fails as disconnected, whether it
/// had arrived or not. Of several of these faults at one machine the one that began last decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoughConnections {
    /// Which machine's.
    pub target: Target,
    /// With whom.
    pub of: ConnectionsOf,
    /// Of a million requests and answers so many find the connection broken.
    pub break_ppm: u32,
    /// All others take longer by up to this, in milliseconds; at most [`RoughConnections::DELAY_MAX_MS`].
    pub delay_ms_max: u32,
    /// For so long, in milliseconds.
    pub for_ms: u64,
}

impl RoughConnections {
    /// The longest that a request or an answer is kept back: a minute.
    pub const DELAY_MAX_MS: u32 = 60_000;

    pub(super) const ROWS: &[Row] = &[Row {
        name: "rough-connections",
        by_role: None,
        strikes: Strikes::Connection,
        takes: &[Takes::Messages, Takes::Time],
        about: "The connections of a machine with its clients, with the outside services, or with both are slow, or break: \
                then a client gets no answer, and a call fails as disconnected.",
        begins: |whom| format!("the connections between {whom} are slow, or break"),
        ends: |whom| format!("the connections between {whom} are as good as before"),
        draws: &[Draw::Apart(Turn::Last, drawn)],
        alone: None,
    }];

    /// Whose connections, as a history names them: what is struck is no machine of the system, so no failure (L2).
    fn scope(&self, machine: u16) -> Scope {
        Scope::Service(format!("machine {machine} and {}", self.of).into())
    }
}

fn drawn(stage: &Stage) -> BoxedStrategy<Vec<Fault>> {
    let of =
        prop_oneof![Just(ConnectionsOf::Clients), Just(ConnectionsOf::Services), Just(ConnectionsOf::Both)];
    let kind = (stage.machine(), of, 0..300_000_u32, 10..5_000_u32, 2_000..40_000_u64);
    let kind = kind.prop_map(|(target, of, break_ppm, delay_ms_max, for_ms)| {
        RoughConnections { target, of, break_ppm, delay_ms_max, for_ms }.into()
    });
    now_and_then(stage, kind)
}

impl Kind for RoughConnections {
    aimed!();
    lasts!(for_ms);

    one_row!();

    fn validate(&self, check: &Check<'_>) -> Result<(), PlanError> {
        check.at_most("break_ppm", self.break_ppm, 1_000_000)?;
        check.at_most("delay_ms_max", self.delay_ms_max, Self::DELAY_MAX_MS)
    }

    fn told(&self) -> String {
        let Self { target, of, .. } = self;
        let (late, broken) = (Length(u64::from(self.delay_ms_max)), percent(self.break_ppm));
        let lasts = Length(self.for_ms);
        format!(
            "of what passes between {target} and {of} {broken} finds the connection broken and the rest is up to {late} \
             late for {lasts}"
        )
    }

    fn plainer(&self) -> Vec<FaultKind> {
        let never_breaks = (self.break_ppm > 0).then(|| Self { break_ppm: 0, ..self.clone() });
        let never_late = (self.delay_ms_max > 0).then(|| Self { delay_ms_max: 0, ..self.clone() });
        let one_side = (self.of == ConnectionsOf::Both)
            .then(|| [ConnectionsOf::Clients, ConnectionsOf::Services].map(|of| Self { of, ..self.clone() }));
        let milder = less(self.break_ppm)
            .map(|break_ppm| Self { break_ppm, ..self.clone() })
            .chain(less(self.delay_ms_max).map(|delay_ms_max| Self { delay_ms_max, ..self.clone() }));
        let plainer = never_breaks.into_iter().chain(never_late).chain(one_side.into_iter().flatten());
        plainer.chain(milder).map(Into::into).collect()
    }

    /// The clients of a machine that is down are connected to it, too.
    fn begin(&self, world: &mut World<'_>) -> Option<u32> {
        let machine = world.struck(&self.target)?;
        let fault = world.fault_begins(self, self.scope(machine.0));
        let trouble = Trouble {
            fault,
            break_ppm: self.break_ppm,
            delay_ns_max: u64::from(self.delay_ms_max) * 1_000_000,
        };
        let clients = [Way::FromClients, Way::ToClients];
        let services = [Way::ToServices, Way::FromServices];
        let ways = match self.of {
            ConnectionsOf::Clients => &clients[..],
            ConnectionsOf::Services => &services[..],
            ConnectionsOf::Both => &[clients, services].concat(),
        };
        ways.iter().for_each(|way| world.connections.trouble(machine, *way, trouble));
        Some(fault)
    }
}
