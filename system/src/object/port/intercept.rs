//! What may stand between object code and its host: who wants to know what each call of some code is there for takes one away, or
//! makes it twice, and looks at what comes of it. An instance without an interceptor is as if there were no such thing.

use std::fmt::Debug;
use std::panic::Location;
use std::rc::Rc;

use super::Port;
use crate::words::call::{Call, Reply};
use crate::words::outside::OutsideAnswer;

/// The place in object code that makes a call: file, line and column.
pub type Site = &'static Location<'static>;

/// Decides what becomes of calls that object code makes. Each counts against the budget of its turn whatever becomes of it (O7).
pub trait Interceptor: Debug {
    /// A storage or alarm call is made. Gives what its code is told at once in the place of the call's result: then the call is not
    /// made, and nobody hears of it. Nothing lets the call pass.
    fn storage(&self, at: Site, call: &Call) -> Option<Reply>;

    /// An outside service is called.
    fn outside(&self, at: Site, service: &str) -> Outbound;
}

/// What becomes of a call to an outside service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outbound {
    /// It is made.
    Once,
    /// It is made, and once more; the code has the answer of the first.
    Twice,
    /// It is not made, and the code is told this at once.
    Lost(OutsideAnswer),
}

impl Port {
    /// This port with something between it and the host.
    #[must_use]
    pub fn intercepted(self, by: Rc<dyn Interceptor>) -> Self {
        self.core().interceptor = Some(by);
        self
    }
}
