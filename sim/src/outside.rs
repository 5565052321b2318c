//! The outside services: what they do with a call that reaches them. How long that takes, and what is wrong with them
//! (outages), is the plan's; what they answer when nothing is wrong is 200, or what a [`Service`] says.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use reveille_system::ids::{CallId, MachineId};
use reveille_system::words::http::Request;
use reveille_system::words::outside::OutsideAnswer;

use crate::kinds::outside::Said;
use crate::plan::{OutageKind, Upstream};
use crate::streams::{Concern, Streams};

const NS_PER_MS: u64 = 1_000_000;

/// An outside service with a behaviour of its own. It is one for all machines, and loses nothing: each run has a fresh one.
pub trait Service {
    /// What it answers to a call that has reached it. A call that an outage refuses does not reach it; one that gets no answer
    /// because of an outage does.
    fn answer(&mut self, call: &Request) -> OutsideAnswer;
}

impl<F: FnMut(&Request) -> OutsideAnswer> Service for F {
    fn answer(&mut self, call: &Request) -> OutsideAnswer {
        self(call)
    }
}

/// The services of a run that have a behaviour of their own, by what they are called.
#[derive(Default)]
pub struct Services(BTreeMap<String, Box<dyn Service>>);

impl Services {
    /// These services and this one. A later one of a name takes the place of the one before.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, service: impl Service + 'static) -> Self {
        self.0.insert(name.into(), Box::new(service));
        self
    }

    fn answer(&mut self, sent: &Sent) -> OutsideAnswer {
        let own = self.0.get_mut(&*sent.service);
        own.map_or_else(|| plain(200), |service| service.answer(&sent.request))
    }
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// A call on its way to the service and back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exchange {
    pub(crate) machine: MachineId,
    /// Which incarnation of the machine called: another one gets no answer.
    pub(crate) life: u32,
    pub(crate) call: CallId,
    /// The call's number in the history.
    pub(crate) number: u64,
}

/// What a call says.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) service: Arc<str>,
    pub(crate) request: Request,
}

#[derive(Debug)]
pub(crate) struct Outside {
    answer_ns: std::ops::RangeInclusive<u64>,
    /// By machine, so that one machine's call moves no other's answer.
    rngs: Vec<ChaCha8Rng>,
    /// What is wrong now, with the fault that it is; the last one decides.
    outages: Vec<(u32, OutageKind)>,
    services: Services,
}

/// What a service will say, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) after_ns: u64,
    pub(crate) says: Says,
    /// The fault that has a part in it.
    pub(crate) fault: Option<u32>,
}

/// What a service will say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    /// This.
    Answer(OutsideAnswer),
    /// It breaks the connection instead.
    Breaks,
    /// Nothing, ever.
    Nothing,
}

impl Outside {
    pub(crate) fn new(upstream: &Upstream, machines: u16, streams: Streams) -> Self {
        let ns = |ms| u64::from(ms) * NS_PER_MS;
        Self {
            answer_ns: ns(upstream.answer_ms_min)..=ns(upstream.answer_ms_max),
            rngs: (0..machines).map(|machine| streams.stream(Concern::Outside, u64::from(machine))).collect(),
            outages: Vec::new(),
            services: Services::default(),
        }
    }

    pub(crate) fn begin_outage(&mut self, fault: u32, kind: OutageKind) {
        self.outages.push((fault, kind));
    }

    pub(crate) fn end_outage(&mut self, fault: u32) {
        self.outages.retain(|(outage, _)| *outage != fault);
    }

    /// These are the services that have a behaviour of their own.
    pub(crate) fn serve(&mut self, services: Services) {
        self.services = services;
    }

    /// A call of this machine arrives.
    pub(crate) fn arrive(&mut self, machine: MachineId, sent: &Sent) -> Decision {
        let usual_ns = self.rngs[usize::from(machine.0)].random_range(self.answer_ns.clone());
        let outage = self.outages.last();
        let (after_ns, said) =
            outage.map_or((usual_ns, Said::AsUsual), |(_, kind)| kind.kind().answer(usual_ns));
        let says = match said {
            Said::AsUsual => Says::Answer(self.services.answer(sent)),
            Said::Refuses(status) => Says::Answer(plain(status)),
            Said::Breaks | Said::Nothing => {
                // It has the call all the same.
                self.services.answer(sent);
                if said == Said::Breaks { Says::Breaks } else { Says::Nothing }
            }
        };
        Decision { after_ns, says, fault: outage.map(|(fault, _)| *fault) }
    }
}

/// The answer of a service without a behaviour of its own.
fn plain(status: u16) -> OutsideAnswer {
    let body = if (200..300).contains(&status) { Bytes::from_static(b"ok") } else { Bytes::new() };
    OutsideAnswer::of(status, body)
}
