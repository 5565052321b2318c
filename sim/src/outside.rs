//! The outside services: what they do with a call that reaches them. All of them behave alike. Outages change what they
//! do; when nothing is wrong they answer 200.

use std::sync::Arc;

use bytes::Bytes;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use reveille_system::ids::{CallId, MachineId};
use reveille_system::words::outside::{OutsideAnswer, OutsideError};

use crate::kinds::outside::Said;
use crate::plan::{OutageKind, Upstream};
use crate::streams::{Concern, Streams};

const NS_PER_MS: u64 = 1_000_000;

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
    pub(crate) body: Bytes,
}

#[derive(Debug)]
pub(crate) struct Outside {
    answer_ns: std::ops::RangeInclusive<u64>,
    /// By machine, so that one machine's call moves no other's answer.
    rngs: Vec<ChaCha8Rng>,
    /// What is wrong now, with the fault that it is; the last one decides.
    outages: Vec<(u32, OutageKind)>,
}

/// What a service will say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) after_ns: u64,
    pub(crate) said: Said,
    /// The fault that has a part in it.
    pub(crate) fault: Option<u32>,
}

impl Outside {
    pub(crate) fn new(upstream: &Upstream, machines: u16, streams: Streams) -> Self {
        let ns = |ms| u64::from(ms) * NS_PER_MS;
        Self {
            answer_ns: ns(upstream.answer_ms_min)..=ns(upstream.answer_ms_max),
            rngs: (0..machines).map(|machine| streams.stream(Concern::Outside, u64::from(machine))).collect(),
            outages: Vec::new(),
        }
    }

    pub(crate) fn begin_outage(&mut self, fault: u32, kind: OutageKind) {
        self.outages.push((fault, kind));
    }

    pub(crate) fn end_outage(&mut self, fault: u32) {
        self.outages.retain(|(outage, _)| *outage != fault);
    }

    /// A call of this machine arrives.
    pub(crate) fn arrive(&mut self, machine: MachineId) -> Decision {
        let after_ns = self.rngs[usize::from(machine.0)].random_range(self.answer_ns.clone());
        let Some(&(fault, kind)) = self.outages.last() else {
            return Decision { after_ns, said: Said::Status(200), fault: None };
        };
        let (after_ns, said) = kind.kind().answer(after_ns);
        Decision { after_ns, said, fault: Some(fault) }
    }
}

/// What the machine that called gets to see of an answer with this status.
pub(crate) fn answer(status: Option<u16>) -> Result<OutsideAnswer, OutsideError> {
    let status = status.ok_or(OutsideError::Disconnected)?;
    let body = if (200..300).contains(&status) { Bytes::from_static(b"ok") } else { Bytes::new() };
    Ok(OutsideAnswer { status, body })
}
