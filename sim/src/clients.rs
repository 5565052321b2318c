//! The clients: who asks what when, and who still waits.

use bytes::Bytes;
use reveille_system::ids::{MachineId, ObjectName, RequestId};
use reveille_system::io::ClientRequest;

use crate::plan;

/// The clients of one run. A request's number is its position in the plan.
#[derive(Debug)]
pub(crate) struct Clients {
    asks: Vec<Ask>,
    /// Positions in the order of time: a plan need not be sorted.
    order: Vec<u32>,
    next: usize,
    /// How long each waits.
    limit_ms: u64,
}

#[derive(Debug)]
struct Ask {
    at_ms: u64,
    machine: MachineId,
    object: ObjectName,
    body: Bytes,
    waits: bool,
}

impl Clients {
    /// Clients of this workload, each of which waits for so long.
    ///
    /// # Panics
    ///
    /// If the workload is not valid.
    pub(crate) fn new(workload: &[plan::Request], limit_ms: u64) -> Self {
        let ask = |request: &plan::Request| Ask {
            at_ms: request.at_ms,
            machine: MachineId(request.machine),
            object: ObjectName::parse(&request.object).expect("a valid plan names objects Class/name"),
            body: Bytes::copy_from_slice(request.body.as_bytes()),
            waits: false,
        };
        let asks: Vec<Ask> = workload.iter().map(ask).collect();
        let mut order: Vec<u32> = (0..).take(asks.len()).collect();
        order.sort_by_key(|i| asks[*i as usize].at_ms);
        Self { asks, order, next: 0, limit_ms }
    }

    /// The next request and its time in the fault phase, in milliseconds.
    pub(crate) fn next(&mut self) -> Option<(RequestId, u64)> {
        let position = *self.order.get(self.next)?;
        self.next += 1;
        Some((RequestId(u64::from(position)), self.asks[position as usize].at_ms))
    }

    /// The client sends its request, and waits from now on.
    pub(crate) fn send(&mut self, request: RequestId) -> (MachineId, ClientRequest) {
        let ask = self.ask(request);
        assert!(!ask.waits, "a request is sent once");
        ask.waits = true;
        self.request(request)
    }

    /// Where the client of a request is connected, and what it asks.
    pub(crate) fn request(&mut self, request: RequestId) -> (MachineId, ClientRequest) {
        let limit_ms = self.limit_ms;
        let ask = self.ask(request);
        (ask.machine, ClientRequest { request, object: ask.object.clone(), body: ask.body.clone(), limit_ms })
    }

    /// The request is over for its client. Returns whether the client was still waiting.
    pub(crate) fn over(&mut self, request: RequestId) -> bool {
        std::mem::take(&mut self.ask(request).waits)
    }

    /// Requests that clients still wait for.
    pub(crate) fn waiting(&self) -> Vec<RequestId> {
        (0..).zip(&self.asks).filter(|(_, ask)| ask.waits).map(|(i, _)| RequestId(i)).collect()
    }

    fn ask(&mut self, request: RequestId) -> &mut Ask {
        let asks = usize::try_from(request.0).ok().and_then(|position| self.asks.get_mut(position));
        asks.expect("machines answer only what clients asked")
    }
}
