//! Calls of outside services, on the side of the instance.

use std::panic::Location;

use super::intercept::{Outbound, Site};
use super::{Core, PendingWhat, Port, Wanted};
use crate::ids::OpId;
use crate::words::call::{Answer, Reply};
use crate::words::http::Request;

impl Port {
    /// Calls an outside service. The request leaves when everything the object wrote before it is durable (O5).
    #[track_caller]
    pub fn call_out(&self, service: &str, request: Request) -> Answer {
        self.core().call_out(service, request, Location::caller())
    }
}

impl Core {
    fn call_out(&mut self, service: &str, request: Request, at: Site) -> Answer {
        self.spend_call();
        let fate = self.interceptor.as_ref().map_or(Outbound::Once, |it| it.outside(at, service));
        let again = match fate {
            Outbound::Lost(answer) => return Answer::Now(Reply::Outside(Ok(answer))),
            Outbound::Twice => Some(request.clone()),
            Outbound::Once => None,
        };
        let op = self.want(service, request);
        if let Some(again) = again {
            self.want(service, again);
        }
        Answer::Pending(op)
    }

    fn want(&mut self, service: &str, request: Request) -> OpId {
        let op = self.begin(PendingWhat::Outside, false);
        self.wanted.push(Wanted::CallOut(op, service.into(), request));
        op
    }
}
